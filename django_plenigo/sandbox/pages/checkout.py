"""The check-out page: what `plenigo.checkout` and `plenigo.checkoutWithRemoteLogin` open in a frame.

Source: docs/protocols/plenigo-v2.md 3 and 5.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..customers import find_customer
from ..destinations import with_query
from ..login_tokens import consume_login_token
from ..models import Company, Customer
from . import identification, tickets
from .framing import RefusalError, address_of, sandbox_page, show
from .offers import Offer, is_owned, make_offer, open_amount, pay
from .payment_data import HIGHEST_AMOUNT, PaymentDataError, read_payment_data
from .returning import check_redirect, return_with_code, target_of
from .session_cookie import new_session_cookie

NEXT_PAGE = "plenigo_sandbox_checkout_next"

CHOSEN_PRICE = forms.DecimalField(min_value=Decimal("0.01"), max_value=HIGHEST_AMOUNT, decimal_places=2, localize=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One opened check-out, carried from page to page as a signed ticket."""

    company_id: str
    payment_data: str
    target: str
    test_mode: bool
    key: str
    customer_id: str = ""
    buys_again: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What every step works with."""

    request: HttpRequest
    company: Company
    visit: Visit
    offer: Offer

    @property
    def ticket(self) -> str:
        """The visit, signed for the next form."""
        return tickets.seal("checkout", asdict(self.visit))

    def at(self, **changes: Any) -> "Step":
        """Return the step with a visit that has come further."""
        return replace(self, visit=replace(self.visit, **changes))


@sandbox_page
def open_checkout(request: HttpRequest, company: Company) -> HttpResponse:
    """Verify what the shop sent and show the first page: who buys, or what."""
    visit = Visit(
        company_id=company.company_id,
        payment_data=request.POST.get("paymentData", ""),
        target=target_of(request),
        test_mode=request.POST.get("testMode") == "true",
        key=tickets.new_key(),
    )
    step = Step(request, company, visit, _offer(company, visit))
    if "loginToken" not in request.POST:
        return _show_identification(step, registers=request.POST.get("startWithRegistration", "").lower() == "true")
    customer = consume_login_token(company, request.POST["loginToken"])
    if customer is None:
        raise RefusalError(
            403,
            gettext_lazy(
                "The log-in token is unknown, was used before or is older than five minutes. "
                "Please go back and start the purchase again."
            ),
        )
    return _show_offer(step.at(customer_id=customer.customer_id))


@sandbox_page
def continue_checkout(request: HttpRequest, company: Company) -> HttpResponse:
    """Do what the pressed button says."""
    values = tickets.unseal("checkout", request.POST.get("ticket", ""))
    if values is None or values["company_id"] != company.company_id:
        raise RefusalError(
            403, gettext_lazy("This page has been open for too long. Please go back and start the purchase again.")
        )
    visit = Visit(**values)
    step = Step(request, company, visit, _offer(company, visit))
    action = request.POST.get("action", "")
    if action in identification.ACTIONS:
        return _identify(step, action)
    if action not in ACTIONS:
        raise RefusalError(400, gettext_lazy("The page was sent without a button that the sandbox knows."))
    return ACTIONS[action](step)


def _offer(company: Company, visit: Visit) -> Offer:
    try:
        data = read_payment_data(visit.payment_data, company.secret)
        offer = make_offer(company, data, test_mode=visit.test_mode)
    except PaymentDataError as error:
        raise RefusalError(400, error.sentence) from None
    check_redirect(company, offer.redirect_uri)
    return offer


# --- pages ---------------------------------------------------------------------------------------------------------


def _show_identification(step: Step, *, registers: bool, problem: str | Promise = "") -> HttpResponse:
    return identification.show_identification(
        step.request,
        step.company,
        NEXT_PAGE,
        registers=registers,
        problem=problem,
        offer=step.offer,
        ticket=step.ticket,
    )


def _show_offer(step: Step, problem: str | Promise = "") -> HttpResponse:
    """Show the buttons, or say that there is nothing to buy any more."""
    customer = _customer(step)
    owned = not step.visit.buys_again and is_owned(customer, step.offer)
    return show(
        step.request,
        step.company,
        "owned" if owned else "checkout",
        offer=_offer_to(customer, step),
        customer=customer,
        problem=problem,
        amount=step.request.POST.get("amount", ""),
        ticket=step.ticket,
        continue_address=address_of(step.request, NEXT_PAGE, step.company.company_id),
    )


def _show_completed(step: Step, headline: str, *, bought: bool) -> HttpResponse:
    """Tell the script to set the cookie and to return; with a confirmation screen, after the customer has read it."""
    customer = _customer(step)
    outcome = {
        "cookie": new_session_cookie(customer),
        "bought": bought,
        "owned": not bought,
        **_return_values(step, customer, bought=bought),
    }
    return show(
        step.request,
        step.company,
        "completed",
        headline=headline,
        offer=step.offer,
        customer=customer,
        confirms=bought and step.offer.confirms,
        outcome=json.dumps(outcome),
    )


def _return_values(step: Step, customer: Customer, *, bought: bool) -> dict[str, str]:
    """Return the address to go to; the OAuth redirect goes before the target, an empty one means the same page."""
    offer = step.offer
    if offer.redirect_uri:
        return return_with_code(customer, offer.redirect_uri, offer.csrf_token)
    target = step.visit.target
    return {"address": with_query(target, paymentState="success") if target and bought else target}


def _offer_to(customer: Customer, step: Step) -> Offer:
    """Return the offer with the price that this customer has to pay."""
    offer = step.offer
    return offer.at_price(open_amount(customer, offer)) if offer.pays_failed else offer


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
    return _show_offer(step.at(customer_id=customer.customer_id))


def _buy(step: Step) -> HttpResponse:
    """Record the purchase, once however often the button is pressed and in however many tabs."""
    customer = _customer(step)
    offer = _offer_to(customer, step)
    if offer.chooses_price:
        try:
            offer = offer.at_price(CHOSEN_PRICE.clean(step.request.POST.get("amount", "")))
        except ValidationError:
            return _show_offer(step, gettext_lazy("Please enter the price that you want to pay, at least 0.01."))
    if not pay(customer, offer, step.visit.key, buys_again=step.visit.buys_again):
        return _show_offer(step)
    return _show_completed(replace(step, offer=offer), _("Thank you for your purchase"), bought=True)


def _fail(step: Step) -> HttpResponse:
    return _show_offer(
        step, gettext_lazy("The payment failed, as you wished. Nothing was bought; you can try it again.")
    )


def _return(step: Step) -> HttpResponse:
    if not is_owned(_customer(step), step.offer):
        return _show_offer(step)
    return _show_completed(step, _("You already own this"), bought=False)


def _again(step: Step) -> HttpResponse:
    if not step.offer.offers_again:
        raise RefusalError(400, gettext_lazy("The shop does not sell this product twice to one customer."))
    return _show_offer(step.at(buys_again=True))


ACTIONS: dict[str, Callable[[Step], HttpResponse]] = {"buy": _buy, "fail": _fail, "return": _return, "again": _again}
