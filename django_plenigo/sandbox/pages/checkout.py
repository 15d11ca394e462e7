"""The check-out page: what `plenigo.checkout` and `plenigo.checkoutWithRemoteLogin` open in a frame.

Source: docs/protocols/plenigo-v2.md 3 and 5.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..destinations import with_query
from ..login_tokens import consume_login_token
from ..models import Company
from . import tickets
from .dialogues import CheckoutDialogue, CheckoutVisit
from .framing import RefusalError, sandbox_page
from .offers import Offer, is_owned, make_offer, open_amount, pay
from .payment_data import HIGHEST_AMOUNT, PaymentDataError, read_payment_data
from .returning import check_redirect, return_with_code, target_of
from .session_cookie import new_session_cookie

CHOSEN_PRICE = forms.DecimalField(min_value=Decimal("0.01"), max_value=HIGHEST_AMOUNT, decimal_places=2, localize=True)


@dataclass(frozen=True, kw_only=True)
class SignedVisit(CheckoutVisit):
    """One opened check-out of what the shop has signed."""

    payment_data: str
    target: str
    test_mode: bool
    key: str
    buys_again: bool = False


class SignedCheckout(CheckoutDialogue[SignedVisit]):
    """The check-out of API v2."""

    name = "checkout"
    visit_class = SignedVisit

    @cached_property
    def offer(self) -> Offer:
        """What the shop has signed. Raises `RefusalError`."""
        try:
            data = read_payment_data(self.visit.payment_data, self.company.secret)
            offer = make_offer(self.company, data, test_mode=self.visit.test_mode)
        except PaymentDataError as error:
            raise RefusalError(400, error.sentence) from None
        check_redirect(self.company, offer.redirect_uri)
        return offer

    @property
    def offer_to_customer(self) -> Offer:
        """The offer with the price that this customer has to pay."""
        offer = self.offer
        return offer.at_price(open_amount(self.customer, offer)) if offer.pays_failed else offer

    @property
    def around_identification(self) -> Mapping[str, Any]:
        """What is for sale."""
        return {"offer": self.offer}

    @property
    def is_owned(self) -> bool:
        """Whether the customer has the right already."""
        return is_owned(self.customer, self.offer)

    def show_offer(self, problem: str | Promise = "", *, has_failed: bool = False) -> HttpResponse:
        """Show the buttons, or say that there is nothing to buy any more. The script is not told of a failure."""
        return self.show(
            "owned" if self.is_owned and not self.visit.buys_again else "checkout",
            offer=self.offer_to_customer,
            customer=self.customer,
            problem=problem,
            amount=self.request.POST.get("amount", ""),
        )

    def return_owned(self, headline: str) -> HttpResponse:
        """Send an owner back."""
        return self._complete(headline, self.offer, bought=False)

    def press_buy(self) -> HttpResponse:
        """Record the purchase, once however often the button is pressed and in however many tabs."""
        offer = self.offer_to_customer
        if offer.chooses_price:
            try:
                offer = offer.at_price(CHOSEN_PRICE.clean(self.request.POST.get("amount", "")))
            except ValidationError:
                return self.show_offer(gettext_lazy("Please enter the price that you want to pay, at least 0.01."))
        if not pay(self.customer, offer, self.visit.key, buys_again=self.visit.buys_again):
            return self.show_offer()
        return self._complete(_("Thank you for your purchase"), offer, bought=True)

    def press_again(self) -> HttpResponse:
        """Offer to an owner what may be bought again."""
        if not self.offer.offers_again:
            raise RefusalError(400, gettext_lazy("The shop does not sell this product twice to one customer."))
        return self.go_on(buys_again=True).show_offer()

    def _complete(self, headline: str, offer: Offer, *, bought: bool) -> HttpResponse:
        """Have the script set the cookie and return; with a confirmation screen, after the customer has read it."""
        outcome = {
            "cookie": new_session_cookie(self.customer),
            "bought": bought,
            "owned": not bought,
            **self._return_values(offer, bought=bought),
        }
        return self.show(
            "completed",
            headline=headline,
            offer=offer,
            customer=self.customer,
            confirms=bought and offer.confirms,
            outcome=json.dumps(outcome),
        )

    def _return_values(self, offer: Offer, *, bought: bool) -> dict[str, str]:
        """Return the address to go to; the OAuth redirect goes before the target, an empty one means the same page."""
        if offer.redirect_uri:
            return return_with_code(self.customer, offer.redirect_uri, offer.csrf_token)
        target = self.visit.target
        return {"address": with_query(target, paymentState="success") if target and bought else target}


@sandbox_page
def open_checkout(request: HttpRequest, company: Company) -> HttpResponse:
    """Verify what the shop sent and show the first page: who buys, or what."""
    visit = SignedVisit(
        company_id=company.company_id,
        payment_data=request.POST.get("paymentData", ""),
        target=target_of(request),
        test_mode=request.POST.get("testMode") == "true",
        key=tickets.new_key(),
    )
    checkout = SignedCheckout(request, company, visit)
    checkout.offer  # noqa: B018 - refused before a token is used up
    if "loginToken" not in request.POST:
        registers = request.POST.get("startWithRegistration", "").lower() == "true"
        return checkout.show_identification(registers=registers)
    customer = consume_login_token(company, request.POST["loginToken"])
    if customer is None:
        raise RefusalError(
            403,
            gettext_lazy(
                "The log-in token is unknown, was used before or is older than five minutes. "
                "Please go back and start the purchase again."
            ),
        )
    return checkout.identified(customer)


continue_checkout = SignedCheckout.as_next_page()
