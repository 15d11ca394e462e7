"""The pages of myAccount. Source: docs/protocols/2checkout.md 3; what stands on them is our choice."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..models import TwoCheckoutCustomer, TwoCheckoutOrder
from ..pages.framing import RefusalError, address_of
from . import orders, sign_on
from .browsing import NAVIGATION, NOT_SIGNED_IN, Browser, browser_page, forget_cookie
from .merchants import find_customer_by_email
from .methods import ADDRESS

TITLES = dict(NAVIGATION)
SAVED = _("Your changes have been saved.")

#: A list of terms, and what there is to say of each.
Facts = list[tuple[str | Promise, Any]]


class PersonalForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's own class takes no model in brackets
    """What customers may change of themselves."""

    class Meta:
        model = TwoCheckoutCustomer
        fields: ClassVar[list[str]] = ["first_name", "last_name", "email", "city"]

    def clean_email(self) -> str:
        """Refuse an address that another customer has in whatever spelling."""
        email: str = self.cleaned_data["email"]
        owner = find_customer_by_email(self.instance.merchant, email)
        if owner is not None and owner.pk != self.instance.pk:
            raise forms.ValidationError(_("Another customer has this e-mail address."))
        return email


class CardForm(forms.ModelForm):  # type: ignore[type-arg]  # see above
    """What is paid with. The sandbox asks for no whole number."""

    class Meta:
        model = TwoCheckoutCustomer
        fields: ClassVar[list[str]] = ["card_brand", "card_digits", "card_expires_on"]
        widgets: ClassVar[dict[str, Any]] = {
            "card_expires_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = True


@browser_page()
def show_home(browser: Browser) -> HttpResponse:
    """Say in short what there is."""
    customer = browser.owner
    subscriptions = orders.subscriptions_of(customer)
    facts: Facts = [
        (_("Customer number"), customer.reference),
        (_("E-mail address"), customer.email),
        (_("Subscriptions"), len(subscriptions)),
        (_("Orders"), customer.orders.count()),
    ]
    return _show(browser, "home", [facts])


@browser_page()
def show_products(browser: Browser) -> HttpResponse:
    """Show what was bought."""
    rows = browser.owner.orders.order_by("-pk")
    groups: list[Facts] = [
        [
            (_("Product"), f"{row.quantity} × {row.product_name}"),
            (_("Bought on"), row.placed_at),
        ]
        for row in rows
    ]
    return _show(browser, "my_products", groups)


@browser_page()
def show_subscriptions(browser: Browser) -> HttpResponse:
    """Show one subscription, or all of them, and switch the renewal off and on."""
    customer, code = browser.owner, browser.request.GET.get("code", "")
    notice: str | Promise = ""
    if browser.request.method == "POST":
        browser.check_ticket()
        notice = _change_renewal(browser, customer)
    rows = [row for row in orders.subscriptions_of(customer) if code in ("", row.reference)]
    if code and not rows:
        raise RefusalError(404, _("You have no such subscription."))
    name = "my_subscription"
    return browser.show("subscriptions", name=name, title=TITLES[name], subscriptions=rows, notice=notice)


def _change_renewal(browser: Browser, customer: TwoCheckoutCustomer) -> Promise:
    sent = browser.request.POST
    found = [row for row in orders.subscriptions_of(customer) if row.reference == sent.get("subscription")]
    if not found or found[0].is_disabled or sent.get("action") not in {"cancel", "resume"}:
        raise RefusalError(403, _("This subscription is not yours, or cannot be changed."))
    if sent["action"] == "cancel":
        orders.cancel(found[0])
        return _("Your subscription has been cancelled. It ends with its term.")
    orders.resume(found[0])
    return _("Your subscription renews itself again.")


@browser_page()
def show_orders(browser: Browser) -> HttpResponse:
    """Show the orders, or the one that is looked for."""
    wanted = browser.request.GET.get("order", "").strip()
    rows = [row for row in browser.owner.orders.order_by("-pk") if wanted in ("", row.reference)]
    text = _("You have no order with this number.") if wanted and not rows else ""
    return _show(browser, "order_lookup", [_facts_of(row) for row in rows], text=text, looks_up=True, wanted=wanted)


def _facts_of(row: TwoCheckoutOrder) -> Facts:
    return [
        (_("Order"), row.reference),
        (_("Date"), row.placed_at),
        (_("Product"), f"{row.quantity} × {row.product_name}"),
        (_("Price"), f"{row.price * row.quantity:.2f} {row.currency}"),
        (_("Status"), row.get_status_display()),
    ]


@browser_page()
def show_personal_data(browser: Browser) -> HttpResponse:
    """Show who the customer is, and let him change it."""
    return _edit(browser, "user_data", PersonalForm)


@browser_page()
def show_payment_methods(browser: Browser) -> HttpResponse:
    """Show what is paid with, and let the customer change it."""
    return _edit(browser, "payment_methods", CardForm)


def _edit(browser: Browser, name: str, form_class: type[PersonalForm] | type[CardForm]) -> HttpResponse:
    """Show a form of the customer; stored, it is told by an LCN."""
    customer = browser.owner
    if browser.request.method != "POST":
        return _show(browser, name, form=form_class(instance=customer))
    browser.check_ticket()
    form = form_class(browser.request.POST, instance=customer)
    if not form.is_valid():
        return _show(browser, name, form=form)
    orders.change_customer(form.save(commit=False))
    return _show(browser, name, form=form_class(instance=customer), notice=SAVED)


@browser_page()
def show_support(browser: Browser) -> HttpResponse:
    """Say what to do, to everybody."""
    text = _(
        "To cancel a subscription, open My subscriptions and switch its renewal off. It then ends with its term. "
        "If a link does not sign you in, go back to the site that you come from and open it again."
    )
    return _show(browser, "support", text=text)


@browser_page()
def log_out(browser: Browser) -> HttpResponse:
    """End the session on a click; a link that leads here ends nothing."""
    if browser.visit is None:
        raise RefusalError(401, NOT_SIGNED_IN)
    browser.check_ticket()
    sign_on.end_visit(browser.visit)
    browser.visit = None
    response = _show(browser, "home", text=_("You are logged out."))
    forget_cookie(browser.request, response)
    return response


def _show(browser: Browser, name: str, groups: list[Facts] | None = None, **context: Any) -> HttpResponse:
    address = address_of(browser.request, ADDRESS + name)
    return browser.show("facts", name=name, title=TITLES[name], groups=groups or [], address=address, **context)
