"""The cart that a buy link leads to. Parameters: `CUSTOMERID` is the vendor's (docs/protocols/2checkout.md 7).

The others are our choice: `PRODS` (the product's id), `QTY`, `REFNOEXT` (the merchant's number of the order) and
`MERCHANT`, without which the demo company sells.
"""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from .. import credentials
from ..companies import find_product
from ..customers import is_storable
from ..models import Product, TwoCheckoutLink, TwoCheckoutMerchant
from ..models.twocheckout import NO_BACKSLASH
from ..pages import tickets
from ..pages.framing import RefusalError
from . import orders
from .browsing import TOO_LATE, Browser, browser_page
from .merchants import find_merchant

TICKET = "twocheckout_cart"
MOST_CHARACTERS = {"CUSTOMERID": 250, "REFNOEXT": 100}
MOST = 99


class CartForm(forms.Form):
    """Who buys."""

    email = forms.EmailField(
        label=_("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


@browser_page(TwoCheckoutLink.Kind.CART)
def show_cart(browser: Browser) -> HttpResponse:
    """Show what is for sale and ask who buys, or place the order."""
    if browser.request.method == "POST":
        return _buy(browser)
    sent = browser.request.GET
    values = {
        "merchant": sent.get("MERCHANT", credentials.TWOCHECKOUT_MERCHANT),
        "product": sent.get("PRODS", ""),
        "quantity": _quantity(sent.get("QTY", "1")),
        "reference": _reference(sent.get("CUSTOMERID", ""), "CUSTOMERID"),
        "order": _reference(sent.get("REFNOEXT", ""), "REFNOEXT"),
        "key": tickets.new_key(),
    }
    merchant, _product = _sold(values)
    is_here = browser.customer is not None and browser.customer.merchant_id == merchant.pk
    # Signed in, it is known who buys; the form then has no address to type.
    values["email"] = browser.customer.email if browser.customer and is_here else ""
    return _show(browser, values, CartForm())


def _buy(browser: Browser) -> HttpResponse:
    """Place the order, once however often the page is sent. The ticket says whose, not the cookie."""
    values = tickets.unseal(TICKET, browser.request.POST.get("ticket", ""))
    if values is None:
        raise RefusalError(403, TOO_LATE)
    merchant, product = _sold(values)
    form = CartForm({"email": values["email"]} if values["email"] else browser.request.POST)
    if not form.is_valid():
        return _show(browser, values, form)
    try:
        order = orders.place_order(
            merchant,
            product,
            form.cleaned_data["email"],
            external_reference=values["reference"],
            quantity=values["quantity"],
            order_reference=values["order"],
            checkout_key=values["key"],
        )
    except orders.ReferenceTakenError:
        raise RefusalError(
            409, _("The link names another customer (CUSTOMERID). Please go back to the site.")
        ) from None
    return browser.show("cart", order=order, product=product)


def _show(browser: Browser, values: dict[str, Any], form: CartForm) -> HttpResponse:
    _merchant, product = _sold(values)
    return browser.show(
        "cart",
        product=product,
        quantity=values["quantity"],
        total=product.price * values["quantity"],
        email=values["email"],
        form=form,
        cart_ticket=tickets.seal(TICKET, values),
    )


def _sold(values: dict[str, Any]) -> tuple[TwoCheckoutMerchant, Product]:
    """Return who sells what. Raises `RefusalError` (404)."""
    merchant = find_merchant(values["merchant"])
    product_id = values["product"]
    product = find_product(merchant.company, product_id) if merchant and is_storable(product_id) else None
    if merchant is None or product is None:
        raise RefusalError(404, _("There is no such product (PRODS) or merchant (MERCHANT)."))
    return merchant, product


def _quantity(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and int(text) >= 1:
        return int(text)
    raise RefusalError(400, _("The quantity (QTY) must be a number from 1 to 99."))


def _reference(text: str, name: str) -> str:
    """Return a text that webhooks can carry. Raises `RefusalError` (400)."""
    try:
        NO_BACKSLASH(text)
    except ValidationError:
        pass
    else:
        if len(text) <= MOST_CHARACTERS[name] and is_storable(text):
            return text
    raise RefusalError(400, _("The link carries a reference that is too long or has signs that are not allowed."))
