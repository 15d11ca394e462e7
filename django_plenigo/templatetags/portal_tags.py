"""The tags of the portals, which `plenigo` registers: forms of plain HTML, since a click has to be a POST."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.template.context import Context
from django.urls import reverse

from django_plenigo import conf, privacy
from django_plenigo.errors import ConfigurationError, InvalidValueError
from django_plenigo.services import portals
from django_plenigo.templatetags.rendering import request_of

LIST_OPTIONS = ("using", "css_class")
BUTTON_OPTIONS = ("page", "subscription", "label", "css_class")


def plenigo_portals(context: Context, *, using: str = "", css_class: str = "") -> dict[str, Any]:
    """Print a button for each portal that the reader really has, and plenigo's own subscriptions of a customer.

    A visitor is led to the log-in; a reader who has nothing is told so, and how to connect a subscription. `using` is
    the account whose script the page has, by default the first of which the reader is a customer: the pages of others
    are led to, since one page has one account's script. Raises `ConfigurationError` where the response cannot be
    private.
    """
    request = private_request_of(context, "plenigo_portals")
    user = reader_of(request)
    if not user.is_authenticated:
        login = redirect_to_login(request.get_full_path()).url
        return {"login_address": login, "log_outs": portals.shown_log_outs(), "css_class": css_class}
    bound = [portal for portal, account in portals.accounts_of(user).items() if account.is_bound]
    customer_of = portals.customer_accounts_of(user)
    here = using or next(iter(customer_of), "")
    return {
        "buttons": [button_of(portals.Target(portal), user, css_class=css_class) for portal in bound],
        "account": here if here in customer_of else "",
        "others": [(account, address_of_list(account)) for account in customer_of if account != here],
        "connect_address": portals.connection_path(),
        "css_class": css_class,
    }


def plenigo_portal_button(
    context: Context, portal: str, *, page: str = "", subscription: str = "", label: str = "", css_class: str = ""
) -> dict[str, Any]:
    """Print a button that leads into a portal: no link, no call; the vendor is asked on the click.

    `page` is one of the portal's pages by the vendor's name, `subscription` the vendor's reference of one that is the
    reader's: it holds for her alone. A visitor logs in first. Who has no subscription to show is led to the front page
    instead of a page of one. Raises `ConfigurationError` for a portal that is not in PLENIGO_PORTALS and where the
    response cannot be private, and `InvalidValueError` for a page or a subscription that the portal would refuse on
    the click.
    """
    user = reader_of(private_request_of(context, "plenigo_portal_button"))
    own = str(subscription or "") if user.is_authenticated else ""
    target = portals.Target(known_portal(portal), str(page), own)
    if not own and portals.shows_one_subscription(target.portal, target.page):
        target = portals.Target(target.portal)
    portals.check_target(target)
    return button_of(target, user, label=str(label), css_class=css_class)


def plenigo_portal_reference(context: Context, portal: str) -> str:
    """Print the reference that this site has issued for the reader at a portal, for a link or form that buys there.

    Made at the first use; nothing for a visitor. Raises `ConfigurationError` as above.
    """
    request = private_request_of(context, "plenigo_portal_reference")
    user = reader_of(request)
    return portals.reference_for(user, known_portal(portal)) if user.is_authenticated else ""


def private_request_of(context: Context, tag_name: str) -> HttpRequest:
    """Return the request whose response is private from now on. Raises `ConfigurationError` where it cannot be."""
    request = request_of(context)
    if request is None or privacy.guard_of(request) is None:
        raise ConfigurationError(
            f"{tag_name} needs django_plenigo.middleware.PrivateResponseMiddleware in MIDDLEWARE and "
            "django.template.context_processors.request in TEMPLATES."
        )
    if privacy.is_inside_cache():
        raise ConfigurationError(f"{tag_name}: move the tag out of the cache: it holds something of one reader.")
    if not privacy.mark_private(request):
        raise ConfigurationError(f"{tag_name}: the response is being sent already, so it cannot be made private.")
    return request


def reader_of(request: HttpRequest) -> Any:
    """Return who is signed in."""
    return getattr(request, "user", None) or AnonymousUser()


def known_portal(portal: Any) -> str:
    """Return the name of a portal. Raises `InvalidValueError` and `ConfigurationError`."""
    if not isinstance(portal, str) or not portal:
        raise InvalidValueError("portal", "must be a name in PLENIGO_PORTALS; is the variable misspelt?")
    conf.PortalEntry(portal).raw  # noqa: B018 - raises for a portal that there is not
    return portal


def button_of(target: portals.Target, user: Any, *, label: str = "", css_class: str = "") -> dict[str, Any]:
    """Return what a button is made of."""
    return {
        "address": reverse("plenigo:portal", args=[target.portal]),
        "target": portals.sign_target(target, user),
        "label": label or portals.label_of_page(target.portal, target.page),
        "css_class": css_class,
    }


def address_of_list(account: str) -> str:
    """Return the page with plenigo's own pages of an account."""
    return reverse("plenigo:portals", query={"account": account})
