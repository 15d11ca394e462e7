"""What happens on one page after another: the signed ticket, the buttons, the log-in, and the way back to the site."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..customers import find_customer
from ..models import Company, Customer
from . import identification, tickets
from .framing import Page, RefusalError, address_of, sandbox_page, show


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What is carried from page to page as a signed ticket."""

    company_id: str


VisitT = TypeVar("VisitT", bound=Visit)


class Dialogue(ABC, Generic[VisitT]):
    """One visit, at one of its pages. The button `buy-again` is what the method `press_buy_again` does."""

    name: ClassVar[str]
    """Of the ticket, and of the address that the forms go to."""

    visit_class: ClassVar[type[Visit]]
    too_late: ClassVar[Promise] = gettext_lazy(
        "This page has been open for too long. Please go back and start the purchase again."
    )

    def __init__(self, request: HttpRequest, company: Company, visit: VisitT) -> None:
        self.request = request
        self.company = company
        self.visit = visit

    @classmethod
    def as_next_page(cls) -> Page:
        """Return the page that the forms go to: it does what the pressed button says."""

        @sandbox_page
        def continue_dialogue(request: HttpRequest, company: Company) -> HttpResponse:
            values = tickets.unseal(cls.name, request.POST.get("ticket", ""))
            if values is None or values["company_id"] != company.company_id:
                raise RefusalError(403, cls.too_late)
            return cls(request, company, cls.visit_class(**values)).press()  # type: ignore[arg-type]  # its own class

        return continue_dialogue

    def press(self) -> HttpResponse:
        """Do what the pressed button says. Raises `RefusalError`."""
        action = self.request.POST.get("action", "")
        button: Callable[[], HttpResponse] | None = getattr(self, "press_" + action.replace("-", "_"), None)
        if button is None:
            raise RefusalError(400, gettext_lazy("The page was sent without a button that the sandbox knows."))
        return button()

    def go_on(self, **changes: Any) -> Self:
        """Come further in the visit."""
        self.visit = replace(self.visit, **changes)
        return self

    def show(self, page: str, **context: Any) -> HttpResponse:
        """Show a page whose form goes on with the visit."""
        ticket = tickets.seal(self.name, asdict(self.visit))
        address = address_of(self.request, f"plenigo_sandbox_{self.name}_next", self.company.company_id)
        return show(self.request, self.company, page, ticket=ticket, continue_address=address, **context)


class IdentifyingDialogue(Dialogue[VisitT]):
    """A visit in which somebody logs in or registers."""

    @abstractmethod
    def identified(self, customer: Customer) -> HttpResponse:
        """Go on with who has logged in or registered."""

    def check_identification(self) -> None:
        """Raise `RefusalError` where nobody can log in or register."""

    @property
    def known_address(self) -> str:
        """The e-mail address that the form is filled in with."""
        return identification.address_typed(self.request)

    @property
    def around_identification(self) -> Mapping[str, Any]:
        """What else the page shows that asks who is there."""
        return {}

    def show_identification(
        self, *, registers: bool, problem: str | Promise = "", notice: str | Promise = ""
    ) -> HttpResponse:
        """Show the form that asks who is there."""
        self.check_identification()
        return self.show(
            "identify",
            page_name="defaultRegisterForm" if registers else "defaultLoginForm",
            registers=registers,
            problem=problem,
            notice=notice,
            email=self.known_address,
            **self.around_identification,
        )

    def press_show_login(self) -> HttpResponse:
        """Change over to the log-in."""
        return self.show_identification(registers=False)

    def press_show_registration(self) -> HttpResponse:
        """Change over to the registration."""
        return self.show_identification(registers=True)

    def press_login(self) -> HttpResponse:
        """Log in."""
        return self._identify(registers=False)

    def press_register(self) -> HttpResponse:
        """Register."""
        return self._identify(registers=True)

    def _identify(self, *, registers: bool) -> HttpResponse:
        self.check_identification()
        try:
            customer = identification.identify(self.request, self.company, registers=registers)
        except identification.IdentificationError as error:
            return self.show_identification(registers=registers, problem=error.sentence)
        return self.identified(customer)


@dataclass(frozen=True, kw_only=True)
class CheckoutVisit(Visit):
    """One opened check-out."""

    customer_id: str = ""


CheckoutT = TypeVar("CheckoutT", bound=CheckoutVisit)


class CheckoutDialogue(IdentifyingDialogue[CheckoutT]):
    """A visit in which somebody buys."""

    @abstractmethod
    def show_offer(self, problem: str | Promise = "", *, has_failed: bool = False) -> HttpResponse:
        """Show what is for sale and its buttons, or say that there is nothing to buy any more."""

    @property
    @abstractmethod
    def is_owned(self) -> bool:
        """Whether the customer has it all."""

    @abstractmethod
    def return_owned(self, headline: str) -> HttpResponse:
        """Tell the script that there was nothing to pay."""

    def bought_by(self, customer: Customer) -> Self:
        """Go on with who buys."""
        return self.go_on(customer_id=customer.customer_id)

    @property
    def customer(self) -> Customer:
        """Who buys. Raises `RefusalError` when nobody has logged in, or the customer is gone or shut out since."""
        customer_id = self.visit.customer_id
        customer = find_customer(self.company, customer_id) if customer_id else None
        if customer is None:
            raise RefusalError(403, gettext_lazy("Nobody has logged in. Please go back and start the purchase again."))
        identification.refuse_shut_out(customer)
        return customer

    def identified(self, customer: Customer) -> HttpResponse:
        """Show the offer to who has logged in."""
        return self.bought_by(customer).show_offer()

    def press_fail(self) -> HttpResponse:
        """Let the payment fail."""
        sentence = gettext_lazy("The payment failed, as you wished. Nothing was bought; you can try it again.")
        return self.show_offer(sentence, has_failed=True)

    def press_return(self) -> HttpResponse:
        """Go back to the site with what is owned already."""
        return self.return_owned(_("You already own this")) if self.is_owned else self.show_offer()
