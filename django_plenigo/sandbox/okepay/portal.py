"""The portal, where a contact sees what was paid, cancels, and changes the card. Source: docs/protocols/okepay.md 4, 7.

Who is there is in a cookie for half an hour. What changes something is a form with a ticket of the same session.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..models import OkePayContact, OkePayInstance, OkePayPortalSession, OkePaySubscription
from ..pages import tickets
from ..pages.framing import RefusalError, address_of
from . import login_links, payments
from .pages import okepay_page, show

COOKIE = "okepay_portal"

#: What a page says of what was done on the one before, by the parameter `done`.
NOTICES: dict[str, str | Promise] = {
    "cancelled": _("Your subscription has been cancelled. It runs on to the end of what you have paid."),
    "changed": _("Your payment data have been changed."),
}

#: By the first digit of a card's number.
BRANDS = {"3": "amex", "4": "visa", "5": "mastercard"}


class PaymentDataForm(forms.Form):
    """Another card. Of its number the last four digits are kept."""

    number = forms.RegexField(
        r"^[0-9 ]{12,23}$",
        label=_("Card number"),
        error_messages={"invalid": _("Write 12 to 19 digits. Any will do: nothing is charged.")},
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "numeric"}),
    )
    expires = forms.RegexField(
        r"^(0[1-9]|1[0-2])/[0-9]{2}$",
        label=_("Expires (month/year, such as 12/40)"),
        error_messages={"invalid": _("Write month and year with two digits each, such as 12/40.")},
        widget=forms.TextInput({"autocomplete": "off"}),
    )


@okepay_page("GET")
def log_in(request: HttpRequest, instance: OkePayInstance) -> HttpResponse:
    """Redeem a login link: 410 for what is unknown, used or expired, and no hint which. It takes no other method."""
    contact = login_links.redeem(instance, request.GET.get("token", ""))
    if contact is None:
        return show(request, instance, "gone", status=410)
    before = login_links.find_session(instance, request.COOKIES.get(COOKIE, ""))
    if before is not None:
        before.delete()
    address = address_of(request, "plenigo_sandbox_okepay_portal", instance.name)
    response = HttpResponseRedirect(address)
    response.set_cookie(
        COOKIE,
        login_links.begin_session(contact),
        max_age=login_links.SESSION_LIFETIME,
        path=address,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


@okepay_page("GET", "HEAD")
def show_portal(request: HttpRequest, instance: OkePayInstance) -> HttpResponse:
    """Show the contact's subscriptions and payments, the newest first."""
    session = _session_of(request, instance)
    payments.move_on()
    contact = session.contact
    return _show(
        request,
        session,
        "portal",
        notice=NOTICES.get(request.GET.get("done", ""), ""),
        subscriptions=[
            (row, _address(request, "cancel", instance, row.number)) for row in contact.subscriptions.order_by("-pk")
        ],
        payments=contact.transactions.order_by("-time", "-pk"),
        payment_data_address=_address(request, "payment_data", instance),
    )


@okepay_page("GET", "HEAD", "POST")
def cancel_subscription(request: HttpRequest, instance: OkePayInstance, number: int) -> HttpResponse:
    """Ask whether a subscription shall end, and end it with what is paid."""
    session = _session_of(request, instance)
    subscription = _own_subscription(session.contact, number)
    if request.method != "POST":
        return _show(request, session, "cancel", subscription=subscription)
    _check_ticket(request, session)
    payments.give_notice(subscription)
    return _to_portal(request, instance, "cancelled")


@okepay_page("GET", "HEAD", "POST")
def change_payment_data(request: HttpRequest, instance: OkePayInstance) -> HttpResponse:
    """Show a form for another card, and keep what is typed in."""
    session = _session_of(request, instance)
    form = PaymentDataForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _show(request, session, "payment_data", form=form)
    _check_ticket(request, session)
    if not form.is_valid():
        return _show(request, session, "payment_data", form=form)
    digits = form.cleaned_data["number"].replace(" ", "")
    OkePayContact.objects.filter(pk=session.contact.pk).update(
        card_brand=BRANDS.get(digits[:1], "card"), card_digits=digits[-4:], card_expires=form.cleaned_data["expires"]
    )
    return _to_portal(request, instance, "changed")


@okepay_page("POST")
def log_out(request: HttpRequest, instance: OkePayInstance) -> HttpResponse:
    """End the session here and in the browser."""
    session = _session_of(request, instance)
    _check_ticket(request, session)
    session.delete()
    response = show(request, instance, "logged_out")
    response.delete_cookie(COOKIE, path=_address(request, "portal", instance), samesite="Lax")
    return response


def _session_of(request: HttpRequest, instance: OkePayInstance) -> OkePayPortalSession:
    session = login_links.find_session(instance, request.COOKIES.get(COOKIE, ""))
    if session is None:
        raise RefusalError(401, _("You have been logged out. Please go back and start again."))
    return session


def _check_ticket(request: HttpRequest, session: OkePayPortalSession) -> None:
    """Refuse a form that is none of this session's: another site may have sent it. Raises `RefusalError`."""
    values = tickets.unseal(COOKIE, request.POST.get("ticket", ""))
    if values is None or values.get("session") != session.pk:
        raise RefusalError(403, _("This page has been open for too long. Please go back and start again."))


def _own_subscription(contact: OkePayContact, number: int) -> OkePaySubscription:
    found = contact.subscriptions.filter(number=number).select_related("contact__instance__company").first()
    if found is None or not found.is_cancellable:
        raise RefusalError(403, _("This subscription is not yours, or has been cancelled already."))
    return found


def _show(request: HttpRequest, session: OkePayPortalSession, page: str, **context: Any) -> HttpResponse:
    instance = session.contact.instance
    return show(
        request,
        instance,
        page,
        contact=session.contact,
        ticket=tickets.seal(COOKIE, {"session": session.pk}),
        portal_address=_address(request, "portal", instance),
        logout_address=_address(request, "logout", instance),
        **context,
    )


def _to_portal(request: HttpRequest, instance: OkePayInstance, done: str) -> HttpResponse:
    response = HttpResponseRedirect(f"{_address(request, 'portal', instance)}?done={done}")
    response.status_code = 303
    return response


def _address(request: HttpRequest, name: str, instance: OkePayInstance, *further: Any) -> str:
    return address_of(request, f"plenigo_sandbox_okepay_{name}", instance.name, *further)
