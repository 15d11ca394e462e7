"""The page that `plenigo.Checkout` opens: what API v3 has prepared. Source: docs/protocols/plenigo-v3.md 5.1 and 8."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import customer_sessions, preparations, purchases
from ..companies import find_product
from ..customers import find_customer
from ..models import Company, Customer, PreparedPurchase
from . import identification, tickets
from .framing import RefusalError, address_of, sandbox_page, show

NEXT_PAGE = "plenigo_sandbox_prepared_next"

#: Instead of an order's number: nothing can be bought under the rules.
NOTHING_TO_BUY = -2

#: The methods of `plenigo.Checkout`.
START, LOGIN, REGISTER = "start", "login", "register"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One opened check-out, carried from page to page as a signed ticket."""

    company_id: str
    digest: str
    customer_id: str = ""
    has_logged_in: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is sold, as the page shows it."""

    product_id: str
    title: str
    price: Decimal
    currency: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Step:
    """What every step works with."""

    request: HttpRequest
    company: Company
    visit: Visit
    prepared: PreparedPurchase

    @property
    def ticket(self) -> str:
        """The visit, signed for the next form."""
        return tickets.seal("prepared", asdict(self.visit))

    @property
    def lines(self) -> list[Line]:
        """What is for sale; what is not sold any more is left out."""
        return [_line_of(self.company, sale) for sale in preparations.sales_of(self.prepared)]


@sandbox_page
def open_prepared(request: HttpRequest, company: Company) -> HttpResponse:
    """Find what was prepared and show the first page: who buys, or what."""
    try:
        prepared = preparations.find_prepared(company, request.POST.get("purchaseId", ""))
    except preparations.TimedOutError:
        raise _timed_out() from None
    step = Step(request, company, Visit(company_id=company.company_id, digest=prepared.digest), prepared)
    if prepared.customer is not None:
        return _show_offer(_bought_by(step, prepared.customer))
    way = request.POST.get("way", START)
    if way == START:
        sentence = gettext_lazy("The purchase was prepared for nobody: the shop must call login() or register().")
        raise RefusalError(400, sentence)
    return _show_identification(step, registers=way == REGISTER)


@sandbox_page
def continue_prepared(request: HttpRequest, company: Company) -> HttpResponse:
    """Do what the pressed button says."""
    values = tickets.unseal("prepared", request.POST.get("ticket", ""))
    if values is None or values["company_id"] != company.company_id:
        raise _timed_out()
    visit = Visit(**values)
    prepared = PreparedPurchase.objects.filter(company=company, digest=visit.digest).first()
    if prepared is None:
        raise _timed_out()
    step = Step(request, company, visit, prepared)
    action = request.POST.get("action", "")
    if action in identification.ACTIONS and prepared.customer_id is None:
        return _identify(step, action)
    if action not in ACTIONS:
        raise RefusalError(400, gettext_lazy("The page was sent without a button that the sandbox knows."))
    return ACTIONS[action](step)


def _line_of(company: Company, sale: Mapping[str, Any]) -> Line:
    """Return a sale as the page shows it: a managed product brings title, price and currency."""
    product = find_product(company, sale["product_id"])
    if "price" not in sale and product is not None:
        return Line(product.product_id, product.title, product.price, product.currency, sale["quantity"])
    return Line(sale["product_id"], sale["title"], sale["price"], sale["currency"], sale["quantity"])


def _timed_out() -> RefusalError:
    sentence = gettext_lazy("This page has been open for too long. Please go back and start the purchase again.")
    return RefusalError(403, sentence)


# --- pages ---------------------------------------------------------------------------------------------------------


def _show_identification(step: Step, *, registers: bool, problem: str | Promise = "") -> HttpResponse:
    return identification.show_identification(
        step.request,
        step.company,
        NEXT_PAGE,
        registers=registers,
        problem=problem,
        ticket=step.ticket,
    )


def _show_offer(step: Step, problem: str | Promise = "", *, has_failed: bool = False) -> HttpResponse:
    """Show the buttons, or say that there is nothing to buy; the script is told of a payment that has failed."""
    customer = _customer(step)
    if not step.lines:
        return _show_completed(step, _("Nothing is for sale here"), NOTHING_TO_BUY)
    return show(
        step.request,
        step.company,
        "prepared",
        lines=step.lines,
        legal_texts=[item["legalText"] for item in step.prepared.body.get("items", []) if item.get("legalText")],
        customer=customer,
        is_owned=not preparations.open_sales_of(step.prepared, customer),
        problem=problem,
        has_failed=has_failed,
        ticket=step.ticket,
        continue_address=address_of(step.request, NEXT_PAGE, step.company.company_id),
    )


def _show_completed(step: Step, headline: str, order_id: int) -> HttpResponse:
    """Tell the script what came of it; after a log-in in here with a session of the customer."""
    outcome: dict[str, Any] = {"orderId": str(order_id)}
    if step.visit.has_logged_in:
        customer = _customer(step)
        outcome["customerSession"] = customer_sessions.text_of(customer_sessions.create(customer, {}))
    return show(step.request, step.company, "completed", headline=headline, outcome=json.dumps(outcome))


def _bought_by(step: Step, customer: Customer, *, has_logged_in: bool = False) -> Step:
    visit = replace(step.visit, customer_id=customer.customer_id, has_logged_in=has_logged_in)
    return replace(step, visit=visit)


def _customer(step: Step) -> Customer:
    """Return who buys. Raises `RefusalError` when nobody has logged in or the customer is gone."""
    customer_id = step.visit.customer_id
    customer = find_customer(step.company, customer_id) if customer_id else None
    if customer is None:
        raise RefusalError(403, gettext_lazy("Nobody has logged in. Please go back and start the purchase again."))
    return customer


# --- buttons -------------------------------------------------------------------------------------------------------


def _identify(step: Step, action: str) -> HttpResponse:
    if action in {identification.SHOW_LOGIN, identification.SHOW_REGISTRATION}:
        return _show_identification(step, registers=action == identification.SHOW_REGISTRATION)
    try:
        customer = identification.identify(step.request, step.company, action)
    except identification.IdentificationError as error:
        return _show_identification(step, registers=action == identification.REGISTER, problem=error.sentence)
    return _show_offer(_bought_by(step, customer, has_logged_in=True))


def _buy(step: Step) -> HttpResponse:
    """Record the purchase, once however often the button is pressed and in however many tabs."""
    try:
        rows = preparations.complete(step.prepared, _customer(step))
    except preparations.OwnedError:
        return _show_offer(step)
    if not rows:  # another customer has used the purchase id
        raise _timed_out()
    return _show_completed(step, _("Thank you for your purchase"), purchases.order_number(rows[0]))


def _fail(step: Step) -> HttpResponse:
    sentence = gettext_lazy("The payment failed, as you wished. Nothing was bought; you can try it again.")
    return _show_offer(step, sentence, has_failed=True)


def _return(step: Step) -> HttpResponse:
    if preparations.open_sales_of(step.prepared, _customer(step)):
        return _show_offer(step)
    return _show_completed(step, _("You already own this"), preparations.OWNED)


ACTIONS: dict[str, Callable[[Step], HttpResponse]] = {"buy": _buy, "fail": _fail, "return": _return}
