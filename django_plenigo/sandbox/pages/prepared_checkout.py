"""The page that `plenigo.Checkout` opens: what API v3 has prepared. Source: docs/protocols/plenigo-v3.md 5.1 and 8."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import customer_sessions, preparations, purchases
from ..companies import find_product
from ..customers import BlockedError
from ..destinations import is_web_address, with_query
from ..models import Company, CustomerSession, PreparedPurchase
from .dialogues import CheckoutDialogue, CheckoutVisit
from .framing import RefusalError, embedder_of, sandbox_page
from .identification import why_shut_out
from .sessions import SessionDialogue, SessionVisit, check_domain

#: Instead of an order's number: nothing can be bought under the rules.
NOTHING_TO_BUY = -2

#: Our choice: what a payment page adds to the address that it returns to, an order's number or a failure.
RETURN_PARAMETER = "plenigoPayment"
FAILED = "failed"

#: The methods of `plenigo.Checkout`.
START, LOGIN, REGISTER = "start", "login", "register"


@dataclass(frozen=True, kw_only=True)
class PreparedVisit(SessionVisit, CheckoutVisit):
    """One opened check-out of a prepared purchase."""

    digest: str
    return_url: str
    session_id: str = ""
    """Of who has logged in at the check-out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is sold, as the page shows it."""

    product_id: str
    title: str
    price: Decimal
    currency: str
    quantity: int


class PreparedCheckout(SessionDialogue[PreparedVisit], CheckoutDialogue[PreparedVisit]):
    """The check-out of API v3."""

    name = "prepared"
    visit_class = PreparedVisit

    def __init__(self, request: HttpRequest, company: Company, visit: PreparedVisit) -> None:
        super().__init__(request, company, visit)
        prepared = PreparedPurchase.objects.filter(company=company, digest=visit.digest).first()
        if prepared is None:
            raise RefusalError(403, self.too_late)
        self.prepared = prepared

    @property
    def lines(self) -> list[Line]:
        """What is for sale; what is not sold any more is left out."""
        return [_line_of(self.company, sale) for sale in preparations.sales_of(self.prepared)]

    @property
    def is_owned(self) -> bool:
        """Whether nothing is left that this customer may buy."""
        return not preparations.open_sales_of(self.prepared, self.customer)

    def check_identification(self) -> None:
        """Refuse a log-in where the purchase was prepared for somebody."""
        super().check_identification()
        if self.prepared.customer_id is not None:
            raise RefusalError(400, gettext_lazy("The purchase was prepared for a customer: nobody else can log in."))

    def logged_in(self, session: CustomerSession) -> HttpResponse:
        """Show the offer to who has logged in at the check-out."""
        return self.bought_by(session.customer).go_on(session_id=session.session_id).show_offer()

    def show_offer(self, problem: str | Promise = "", *, has_failed: bool = False) -> HttpResponse:
        """Show the buttons, or say that there is nothing to buy; the script is told of a payment that has failed."""
        lines = self.lines
        if not lines:
            return self._complete(_("Nothing is for sale here"), NOTHING_TO_BUY)
        return self.show(
            "prepared",
            lines=lines,
            total=sum(line.price * line.quantity for line in lines) if len(lines) > 1 else None,
            currency=lines[0].currency,
            voucher_code=self.prepared.body.get("voucherCode"),
            legal_texts=[item["legalText"] for item in self.prepared.body.get("items", []) if item.get("legalText")],
            customer=self.customer,
            is_owned=self.is_owned,
            problem=problem,
            has_failed=has_failed,
        )

    def return_owned(self, headline: str) -> HttpResponse:
        """Tell the script that all was bought before."""
        return self._complete(headline, preparations.OWNED)

    def press_buy(self) -> HttpResponse:
        """Record the purchase, once however often the button is pressed and in however many tabs."""
        order_id = self._bought()
        return self.show_offer() if order_id is None else self._complete(_("Thank you for your purchase"), order_id)

    def press_leave(self) -> HttpResponse:
        """Show a payment page in place of the site's own page, which has been left for it."""
        return self.show("payment", lines=self.lines, customer=self.customer)

    def press_pay(self) -> HttpResponse:
        """Pay on the payment page, and go back."""
        order_id = self._bought()
        headline = _("Thank you for your purchase")
        return self._go_back(headline, str(preparations.OWNED if order_id is None else order_id))

    def press_decline(self) -> HttpResponse:
        """Let the payment fail on the payment page, and go back."""
        return self._go_back(_("The payment has failed"), FAILED)

    def _bought(self) -> int | None:
        """Return the order's number, None where all of it is owned. Raises `RefusalError`."""
        try:
            rows = preparations.complete(self.prepared, self.customer)
        except preparations.OwnedError:
            return None
        except BlockedError:
            raise RefusalError(403, why_shut_out(self.customer)) from None
        if not rows:  # another customer has used the purchase id
            raise RefusalError(403, self.too_late)
        return purchases.order_number(rows[0])

    def _complete(self, headline: str, order_id: int) -> HttpResponse:
        """Tell the script what came of it; after a log-in in here with the session of the customer."""
        outcome: dict[str, Any] = {"orderId": str(order_id)}
        session = CustomerSession.objects.filter(session_id=self.visit.session_id).first()
        if session is not None:
            outcome["customerSession"] = customer_sessions.text_of(session)
        return self.show("completed", headline=headline, outcome=json.dumps(outcome))

    def _go_back(self, headline: str, result: str) -> HttpResponse:
        address = with_query(self.visit.return_url, **{RETURN_PARAMETER: result})
        return self.show("returning", headline=headline, address=address)


@sandbox_page
def open_prepared(request: HttpRequest, company: Company) -> HttpResponse:
    """Find what was prepared and show the first page: who buys, or what."""
    check_domain(company, embedder_of(request))
    try:
        prepared = preparations.find_prepared(company, request.POST.get("purchaseId", ""))
    except preparations.TimedOutError:
        raise RefusalError(403, PreparedCheckout.too_late) from None
    return_url = request.POST.get("returnUrl", "")
    if not is_web_address(return_url):
        raise RefusalError(400, gettext_lazy("The address to return to must begin with http:// or https://."))
    visit = PreparedVisit(
        company_id=company.company_id, origin=embedder_of(request), digest=prepared.digest, return_url=return_url
    )
    checkout = PreparedCheckout(request, company, visit)
    if prepared.customer is not None:
        return checkout.bought_by(prepared.customer).show_offer()
    way = request.POST.get("way", START)
    if way == START:
        sentence = gettext_lazy("The purchase was prepared for nobody: the shop must call login() or register().")
        raise RefusalError(400, sentence)
    return checkout.show_identification(registers=way == REGISTER)


continue_prepared = PreparedCheckout.as_next_page()


def _line_of(company: Company, sale: Mapping[str, Any]) -> Line:
    """Return a sale as the page shows it: a managed product brings title, price and currency."""
    product = find_product(company, sale["product_id"])
    if product is None or "title" in sale:
        return Line(sale["product_id"], sale["title"], sale["price"], sale["currency"], sale["quantity"])
    price = sale.get("price", product.price)
    return Line(product.product_id, product.title, price, product.currency, sale["quantity"])
