"""The page that a site's buy link leads to, where somebody pays. Its address and parameters are our choice."""

from dataclasses import asdict
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from ..destinations import is_web_address
from ..models import OkePayInstance, OkePayTransaction
from ..models.merchant import CURRENCY
from ..models.okepay import INTERVAL, LARGEST_NUMBER
from ..pages import tickets
from ..pages.framing import RefusalError
from . import payments
from .pages import okepay_page, show

PAGE = "okepay_pay"


class LinkForm(forms.Form):
    """What a buy link says. The names are those of the link's parameters."""

    product = forms.CharField(max_length=255)
    amount = forms.IntegerField(min_value=1, max_value=LARGEST_NUMBER)
    currency = forms.CharField(validators=[CURRENCY])
    interval = forms.CharField(required=False, max_length=20, validators=[INTERVAL])
    referenceId = forms.CharField(required=False, max_length=255)  # noqa: N815 - the vendor's name
    email = forms.CharField(required=False, max_length=254)
    returnUrl = forms.CharField(required=False, max_length=2000)  # noqa: N815 - like the name before

    def clean_returnUrl(self) -> str:  # noqa: N802 - named after the field
        """Refuse an address that no link may have."""
        address = str(self.cleaned_data["returnUrl"])
        if address and not is_web_address(address):
            raise forms.ValidationError(_("An address that begins with http:// or https://."))
        return address


class PayerForm(forms.Form):
    """Who pays. Nobody checks that the e-mail address is the payer's own, as with the vendor."""

    email = forms.EmailField(
        label=_("E-mail address"), max_length=254, widget=forms.EmailInput({"autocomplete": "email"})
    )
    first_name = forms.CharField(label=_("First name"), max_length=255, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=255, required=False)


@okepay_page("GET", "HEAD", "POST")
def show_payment_page(request: HttpRequest, instance: OkePayInstance) -> HttpResponse:
    """Show what a link offers, and take the payment."""
    if request.method != "POST":
        values = _read_link(request)
        form = PayerForm(initial={"email": values["email"]})
        return _show(request, instance, {**values, "key": tickets.new_key()}, form)
    values = tickets.unseal(PAGE, request.POST.get("ticket", "")) or {}
    if values.get("instance") != instance.name:
        raise RefusalError(403, _("This page has been open for too long. Please go back and start again."))
    form = PayerForm(request.POST)
    if not form.is_valid():
        return _show(request, instance, values, form)
    payment = _take_payment(request, instance, values, form.cleaned_data)
    if payment.status == OkePayTransaction.Status.DECLINED:
        fresh = {**values, "key": tickets.new_key()}
        problem = _("The payment was declined, as you wished. You can try it again.")
        return _show(request, instance, fresh, form, problem=problem)
    return show(request, instance, "paid", payment=payment, return_address=values["returnUrl"])


def _read_link(request: HttpRequest) -> dict[str, Any]:
    link = LinkForm(request.GET)
    if link.is_valid():
        return link.cleaned_data
    sentence = _("The link that led here is not right. These of its parameters are missing or wrong: %(names)s.")
    raise RefusalError(400, str(sentence) % {"names": ", ".join(link.errors)})


def _take_payment(
    request: HttpRequest, instance: OkePayInstance, values: dict[str, Any], payer: dict[str, str]
) -> OkePayTransaction:
    contact = payments.contact_of(
        instance, payer["email"], first_name=payer["first_name"], last_name=payer["last_name"]
    )
    take = payments.decline if request.POST.get("action") == "decline" else payments.pay
    return take(contact, _terms_of(values), page_key=values["key"])


def _terms_of(values: dict[str, Any]) -> payments.Terms:
    return payments.Terms(
        amount=values["amount"],
        currency=values["currency"],
        purpose=values["product"],
        reference_id=values["referenceId"],
        payment_interval=values["interval"],
    )


def _show(
    request: HttpRequest, instance: OkePayInstance, values: dict[str, Any], form: PayerForm, **context: Any
) -> HttpResponse:
    offer = OkePayTransaction(**{name: asdict(_terms_of(values))[name] for name in ("amount", "currency", "purpose")})
    ticket = tickets.seal(PAGE, {**values, "instance": instance.name})
    interval = payments.interval_in_words(values["interval"]) if values["interval"] else ""
    return show(request, instance, "pay", offer=offer, interval=interval, form=form, ticket=ticket, **context)
