"""The pages that `plenigo.Snippets` of API v3 opens: what a customer sees and changes of his own.

Those of API v2 are the same, and `snippets` opens them. Source: docs/protocols/plenigo-v3.md 8.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .. import customer_sessions, customers, profiles, purchases
from ..models import Address, Company, Customer, CustomerSession, Purchase
from ..single_sign_on import settings_of
from . import identification
from .dialogues import Dialogue, Visit
from .framing import RefusalError, embedder_of, sandbox_page
from .sessions import check_domain

#: The pages, by the constants of the vendor's script.
TITLES: dict[str, str | Promise] = {
    "DASHBOARD": _("Overview"),
    "PERSONAL_DATA": _("Personal data"),
    "PERSONAL_DATA_ADDRESS": _("Personal data: addresses"),
    "PERSONAL_DATA_SETTINGS": _("Personal data: settings"),
    "PERSONAL_DATA_PASSWORD": _("Password"),
    "PERSONAL_DATA_PROTECTION": _("Data protection"),
    "PERSONAL_DATA_SOCIAL_MEDIA": _("Social media"),
    "ADDRESS_DATA": _("Addresses"),
    "BILLING_ADDRESS_DATA": _("Invoice addresses"),
    "DELIVERY_ADDRESS_DATA": _("Delivery addresses"),
    "SUBSCRIPTION": _("Subscriptions"),
    "ORDER": _("Orders"),
    "INVOICE": _("Invoices"),
    "PAYMENT_METHODS": _("Payment methods"),
    "CREDIT_CARD": _("Credit cards"),
    "BANK_ACCOUNT": _("Bank accounts"),
    "TERMS_AND_CONDITIONS": _("Terms and conditions"),
    "NEWSLETTER": _("Newsletters"),
    "MULTI_USER_ACCOUNTS": _("Accounts for several users"),
    "OPT_IN": _("Opt-ins"),
}
#: What API v3 does not have.
OF_API_V2 = frozenset({"PERSONAL_DATA_SOCIAL_MEDIA"})

#: What the navigation leads to.
NAVIGATION = ("DASHBOARD", "PERSONAL_DATA", "ADDRESS_DATA", "SUBSCRIPTION", "ORDER", "PAYMENT_METHODS")
NAVIGATION_KINDS = frozenset({"OFF", "HORIZONTAL", "VERTICAL"})

VIEW, HIDE = "VIEW", "HIDE"
#: What a site may do with the personal details. The vendor's text has SHOW where its sample has VIEW.
DETAILS = frozenset({VIEW, "SHOW", HIDE, "EDIT"})

#: Hidden together with the personal details.
PERSONAL = frozenset(name for name in TITLES if name.startswith("PERSONAL_DATA"))


class NamesForm(forms.Form):
    """What customers may change of their personal data. The names are columns."""

    first_name = forms.CharField(label=_("First name"), max_length=100, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=100, required=False)


class PasswordForm(forms.Form):
    """Another password."""

    password = forms.CharField(
        label=_("New password"), min_length=8, max_length=100, widget=forms.PasswordInput(render_value=False)
    )


@dataclass(frozen=True, kw_only=True)
class ServiceVisit(Visit):
    """One opened self service."""

    session_id: str = ""
    customer_id: str = ""
    """Who looks at it with API v2, which keeps no sessions."""

    page: str
    navigation: str
    details: str
    subscription_id: int = 0
    """The only subscription that is shown; 0 means all."""


#: A list of terms, and what there is to say of each.
Facts = list[tuple[str | Promise, Any]]


@dataclass(slots=True)
class Content:
    """What stands on one page."""

    groups: list[Facts] = field(default_factory=list)
    text: str = ""
    form: forms.Form | None = None
    save: str = ""
    """The button of the form."""

    subscriptions: list[tuple[int, Purchase]] = field(default_factory=list)
    """Each with its number."""


class SelfService(Dialogue[ServiceVisit]):
    """The self service of API v3."""

    name = "self_service"
    visit_class = ServiceVisit
    too_late = _("This page has been open for too long. Please go back and start again.")

    @property
    def customer(self) -> Customer:
        """Who looks at it. Raises `RefusalError` where his session has ended, or he is gone or shut out since."""
        if self.visit.customer_id:
            customer = customers.find_customer(self.company, self.visit.customer_id)
            if customer is None:
                raise RefusalError(401, _("You have been logged out. Please go back and start again."))
            identification.refuse_shut_out(customer)
            return customer
        active = CustomerSession.objects.filter(session_id=self.visit.session_id, customer__company=self.company)
        session = active.select_related("customer__company").first()
        is_active = session is not None and session in customer_sessions.active(session.customer)
        if session is None or not is_active or not session.customer.is_let_in:
            raise RefusalError(401, _("You have been logged out. Please go back and start again."))
        return session.customer

    def show_page(
        self, form: forms.Form | None = None, notice: str | Promise = "", *, takes_focus: bool = True
    ) -> HttpResponse:
        """Show the page that the visit is at. It takes the focus unless it came without a click."""
        page, customer = self.visit.page, self.customer
        content = PAGES[page](self, customer)
        names = [name for name in NAVIGATION if not (self.visit.details == HIDE and name in PERSONAL)]
        has_navigation = self.visit.navigation != "OFF" and not self.visit.subscription_id
        return self.show(
            "self_service",
            title=TITLES[page],
            page_id=page,
            navigation=[(name, TITLES[name]) for name in names] if has_navigation else [],
            is_vertical=self.visit.navigation == "VERTICAL",
            content=content,
            form=form or content.form,
            notice=notice,
            takes_focus=takes_focus,
        )

    def press_go(self) -> HttpResponse:
        """Change over to another page."""
        page = self.request.POST.get("page", "")
        if page not in TITLES or page in OF_API_V2 or (self.visit.details == HIDE and page in PERSONAL):
            raise unknown_page()
        return self.go_on(page=page).show_page()

    def press_save_names(self) -> HttpResponse:
        """Change the names."""
        self._check_edits()
        form = NamesForm(self.request.POST)
        if form.is_valid():
            profiles.change_names(self.customer, **form.cleaned_data)
            return self.show_page(notice=_("Your changes have been saved."))
        return self.show_page(form)

    def press_save_password(self) -> HttpResponse:
        """Change the password."""
        self._check_edits()
        form = PasswordForm(self.request.POST)
        if form.is_valid():
            customers.set_password(self.customer, form.cleaned_data["password"])
            return self.show_page(notice=_("Your password has been changed."))
        return self.show_page(form)

    def press_cancel_subscription(self) -> HttpResponse:
        """Let a subscription end with its term."""
        number = self.request.POST.get("subscription", "")
        found = [row for row in self.subscriptions(self.customer) if str(purchases.subscription_number(row)) == number]
        if not found or found[0].cancelled_at is not None:
            raise RefusalError(403, _("This subscription is not yours, or has been cancelled already."))
        purchases.cancel(found[0])
        return self.show_page(notice=_("Your subscription has been cancelled."))

    def subscriptions(self, customer: Customer) -> list[Purchase]:
        """Return the customer's subscriptions, or the one that the site wants shown."""
        rows = customer.purchases.filter(is_subscription=True, test_mode=False, source=Purchase.Source.BOUGHT)
        wanted = self.visit.subscription_id
        return [row for row in rows.order_by("pk") if not wanted or purchases.subscription_number(row) == wanted]

    def _check_edits(self) -> None:
        if self.visit.details != "EDIT":
            raise RefusalError(403, _("The site lets nobody change this here."))

    # --- what stands on the pages ----------------------------------------------------------------------------------

    def dashboard(self, customer: Customer) -> Content:
        """Say in short what there is."""
        return Content(
            groups=[
                [
                    (_("Customer number"), customer.number),
                    (_("Subscriptions"), len(self.subscriptions(customer))),
                    (_("Orders"), len(_orders(customer))),
                ]
            ]
        )

    def personal_data(self, customer: Customer) -> Content:
        """Show who the customer is, with a form where he may change it."""
        known: Facts = [
            (_("Customer number"), customer.number),
            (_("E-mail address"), customer.email),
            (_("First name"), customer.first_name),
            (_("Last name"), customer.last_name),
        ]
        if self.visit.details != "EDIT":
            return Content(groups=[known])
        names = {"first_name": customer.first_name, "last_name": customer.last_name}
        return Content(groups=[known[:2]], form=NamesForm(initial=names), save="save-names")

    def password(self, customer: Customer) -> Content:
        """Show a form for another password."""
        return Content(form=PasswordForm(), save="save-password") if self.visit.details == "EDIT" else Content()

    def invoice_addresses(self, customer: Customer) -> Content:
        """Show where invoices go."""
        return _addresses(customer, Address.Kind.INVOICE)

    def delivery_addresses(self, customer: Customer) -> Content:
        """Show where parcels go."""
        return _addresses(customer, Address.Kind.DELIVERY)

    def addresses(self, customer: Customer) -> Content:
        """Show all addresses."""
        return _addresses(customer, *Address.Kind.values)

    def subscription_list(self, customer: Customer) -> Content:
        """Show the subscriptions, each with a button that cancels it."""
        rows = self.subscriptions(customer)
        return Content(subscriptions=[(purchases.subscription_number(row), row) for row in rows])

    def order_list(self, customer: Customer) -> Content:
        """Show the orders."""
        return Content(
            groups=[
                [
                    (_("Order"), purchases.order_number(rows[0])),
                    (_("Date"), rows[0].start),
                    *((_("Product"), f"{row.quantity} × {row.title or row.product_id}") for row in rows),
                ]
                for rows in _orders(customer)
            ]
        )

    def payment_methods(self, customer: Customer) -> Content:
        """Show what was paid with."""
        methods = {row.payment_method for rows in _orders(customer) for row in rows if row.payment_method}
        return Content(groups=[[(_("Payment method"), method)] for method in sorted(methods)])

    def bank_accounts(self, customer: Customer) -> Content:
        """Show the bank account, if something was paid from one."""
        return self._payment_method(customer, "BANK_ACCOUNT")

    def credit_cards(self, customer: Customer) -> Content:
        """Show the credit card, if something was paid by one."""
        return self._payment_method(customer, "CREDIT_CARD")

    def _payment_method(self, customer: Customer, method: str) -> Content:
        groups = self.payment_methods(customer).groups
        return Content(groups=[group for group in groups if group[0][1] == method])

    def terms(self, customer: Customer) -> Content:
        """Show the terms of the SSO settings."""
        return Content(text=settings_of(self.company).term_text)

    def opt_ins(self, customer: Customer) -> Content:
        """Show what the SSO settings ask to agree to."""
        return Content(text=settings_of(self.company).opt_in_text)

    def nothing(self, customer: Customer) -> Content:
        """Show that there is nothing: the sandbox has no such things."""
        return Content()


PAGES: dict[str, Callable[[SelfService, Customer], Content]] = {
    "DASHBOARD": SelfService.dashboard,
    "PERSONAL_DATA": SelfService.personal_data,
    "PERSONAL_DATA_ADDRESS": SelfService.addresses,
    "PERSONAL_DATA_SETTINGS": SelfService.nothing,
    "PERSONAL_DATA_PASSWORD": SelfService.password,
    "PERSONAL_DATA_PROTECTION": SelfService.nothing,
    "PERSONAL_DATA_SOCIAL_MEDIA": SelfService.nothing,
    "ADDRESS_DATA": SelfService.addresses,
    "BILLING_ADDRESS_DATA": SelfService.invoice_addresses,
    "DELIVERY_ADDRESS_DATA": SelfService.delivery_addresses,
    "SUBSCRIPTION": SelfService.subscription_list,
    "ORDER": SelfService.order_list,
    "INVOICE": SelfService.nothing,
    "PAYMENT_METHODS": SelfService.payment_methods,
    "CREDIT_CARD": SelfService.credit_cards,
    "BANK_ACCOUNT": SelfService.bank_accounts,
    "TERMS_AND_CONDITIONS": SelfService.terms,
    "NEWSLETTER": SelfService.nothing,
    "MULTI_USER_ACCOUNTS": SelfService.nothing,
    "OPT_IN": SelfService.opt_ins,
}


@sandbox_page
def open_self_service(request: HttpRequest, company: Company) -> HttpResponse:
    """Redeem the transfer token and show the page that the script was called for."""
    sent = request.POST
    check_domain(company, embedder_of(request))
    page, navigation, details = sent.get("snippet", ""), sent.get("navigation", ""), sent.get("personalDetails", "")
    subscription_id = sent.get("subscriptionId", "")
    page = page or ("SUBSCRIPTION" if subscription_id else "DASHBOARD")
    if page not in TITLES or page in OF_API_V2:
        raise unknown_page()
    if navigation not in {"", *NAVIGATION_KINDS} or details not in {"", *DETAILS}:
        raise RefusalError(400, _("The site asks for a navigation or for personal details in a way that is not known."))
    if details == HIDE and page in PERSONAL:
        raise RefusalError(400, _("The site hides the personal details and asks for them."))
    if subscription_id and not (subscription_id.isascii() and subscription_id.isdigit() and len(subscription_id) < 19):
        raise RefusalError(400, _("subscriptionId must be a number."))
    session = customer_sessions.redeem_transfer_token(company, sent.get("transferToken", ""))
    if session is None:
        sentence = _("The transfer token is unknown, was used before or is older than 30 seconds.")
        raise RefusalError(412, sentence)
    visit = ServiceVisit(
        company_id=company.company_id,
        session_id=session.session_id,
        page=page,
        navigation=navigation or "HORIZONTAL",
        details=details or "EDIT",
        subscription_id=int(subscription_id or 0),
    )
    service = SelfService(request, company, visit)
    if visit.subscription_id and not service.subscriptions(service.customer):
        raise RefusalError(404, _("The customer has no such subscription."))
    return service.show_page()


continue_self_service = SelfService.as_next_page()


def unknown_page() -> RefusalError:
    """Return what is said where a page does not exist."""
    return RefusalError(400, _("The self service has no page of this name."))


def _orders(customer: Customer) -> list[list[Purchase]]:
    rows = customer.purchases.filter(source=Purchase.Source.BOUGHT, test_mode=False).order_by("pk")
    return purchases.by_order(rows)


def _addresses(customer: Customer, *kinds: str) -> Content:
    rows = customer.addresses.filter(kind__in=kinds).order_by("pk")
    return Content(
        groups=[
            [
                (row.get_kind_display(), " ".join(filter(None, (row.first_name, row.last_name, row.company_name)))),
                (_("Street"), f"{row.street} {row.street_number}".strip()),
                (_("City"), f"{row.postcode} {row.city}".strip()),
            ]
            for row in rows
        ]
    )
