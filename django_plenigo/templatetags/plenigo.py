"""The template tags: `{% load plenigo %}`."""

import difflib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.base import FilterExpression, Node, NodeList, Parser, Token
from django.template.context import Context
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from django_plenigo import conf, privacy
from django_plenigo.errors import ConfigurationError, InvalidValueError, UnsupportedOperationError
from django_plenigo.protocols.base import (
    NO_OPTIONS,
    PREPARED_OPTIONS,
    CheckoutOptions,
    CheckoutOrder,
    LoginPass,
)
from django_plenigo.services import access, checkout, self_service
from django_plenigo.templatetags import portal_tags
from django_plenigo.templatetags.rendering import request_of

logger = logging.getLogger(__name__)
register = template.Library()

ORDER_OPTIONS = tuple(field.name for field in fields(CheckoutOrder) if field.name != "product_id")
PAGE_OPTIONS = tuple(field.name for field in fields(CheckoutOptions))
CHECKOUT_OPTIONS = (*ORDER_OPTIONS, *PAGE_OPTIONS, "using")
BUTTON_OPTIONS = (*CHECKOUT_OPTIONS, "css_class", "lets_visitors_in")
SDK_OPTIONS = ("using", "element_id")
BUTTON_TEMPLATE = "plenigo/checkout_button.html"

#: What an empty variable would change: what is sold, or for how much.
NEVER_EMPTY = ("price", "currency", "shipping_cost", "voucher_code", "basket_id")

#: Lists that a template may write as one text, parted by commas.
LISTS = ("allowed_payment_methods", "supported_card_types", "filter_salutations")

#: The element in which a prepared checkout opens (docs/protocols/plenigo-v3.md 8).
ELEMENT_ID = "plenigoCheckout"

#: The languages of the vendor's script of API v2 (docs/protocols/plenigo-v2.md 4.2); otherwise it asks the browser.
SDK_LANGUAGES = ("de", "en")


def knows_options(tag_name: str, allowed: Iterable[str]) -> None:
    """Make a registered tag refuse a misspelt option when the template is compiled, and name the right one."""
    compile_tag: Callable[[Parser, Token], Node] = register.tags[tag_name]

    def compile_checked(parser: Parser, token: Token) -> Node:
        check_options(token, allowed)
        return compile_tag(parser, token)

    register.tags[tag_name] = compile_checked


def check_options(token: Token, allowed: Iterable[str]) -> None:
    """Raise `TemplateSyntaxError` for an option that is not among the allowed ones."""
    names = {name.replace("_", ""): name for name in allowed}
    tag_name, *bits = token.split_contents()
    for bit in bits:
        name, equals, _ = bit.partition("=")
        if not equals or not name.isidentifier() or name in names.values():
            continue
        # Compared without underscores and capitals, so that the vendor's own subscriptionRenewal finds its option.
        close = difflib.get_close_matches(name.replace("_", "").lower(), names, n=1, cutoff=0.5)
        advice = f' Did you mean "{names[close[0]]}"?' if close else ""
        known = ", ".join(sorted(names.values()))
        raise template.TemplateSyntaxError(f'{tag_name}: unknown option "{name}".{advice} Known are: {known}.')


# ---- the vendor's script ---------------------------------------------------------------------------------------


@register.inclusion_tag("plenigo/sdk.html", takes_context=True)
def plenigo_sdk(context: Context, *, using: str = conf.DEFAULT_ACCOUNT, element_id: str = "") -> dict[str, Any]:
    """Print the vendor's script and ours, once per page, with the site's CSP nonce where it has one.

    With API v3 also the element in which checkouts open; `element_id` is the id of another one.
    Source: docs/protocols/plenigo-v2.md 4.2, plenigo-v3.md 8.
    """
    guard = privacy.guard_of(request_of(context))
    if guard is not None:
        if guard.has_script:
            return {"is_repeated": True}
        guard.has_script = True
    account = conf.Account(using)
    language = account.language
    values = {
        "account": using,
        "sdk_url": account.sdk_url,
        "nonce": find_nonce(context),
    }
    if account.generation == "v2":
        if element_id:
            text = f"element_id: API v2 of the account {using!r} opens its checkouts in an element of its own."
            raise UnsupportedOperationError(text)
        known_language = language if language in SDK_LANGUAGES else ""
        return {**values, "language": known_language, "test_mode": account.test_mode}
    return {
        **values,
        "is_prepared": True,
        "is_legacy": account.has_legacy_sdk,
        "company_id": account.company_id,
        "language": language,
        "element_id": checked_element_id(element_id or ELEMENT_ID),
    }


knows_options("plenigo_sdk", SDK_OPTIONS)


def checked_element_id(value: object) -> str:
    """Return the id of an element. Raises `InvalidValueError`."""
    if not isinstance(value, str) or len(value.split()) != 1 or value != value.strip():
        raise InvalidValueError("element_id", "must be the id of an element, without blanks")
    return value


@register.simple_tag(takes_context=True)
def plenigo_nonce(context: Context) -> SafeString:
    """Print the attribute with the site's CSP nonce, and the blank before it; nothing where the site has none."""
    nonce = find_nonce(context)
    return format_html(' nonce="{}"', nonce) if nonce else mark_safe("")


knows_options("plenigo_nonce", ())


def find_nonce(context: Context) -> str:
    """Return the CSP nonce of this response: Django's own (6.0 and later) or django-csp's; "" where there is none."""
    request = request_of(context)
    candidates = (
        context.get("csp_nonce"),
        getattr(request, "_csp_nonce", None),
        getattr(request, "csp_nonce", None),
        context.get("CSP_NONCE"),
    )
    # "is not None": a lazy nonce is false until somebody has looked at it.
    return next((str(nonce) for nonce in candidates if nonce is not None), "")


# ---- checkouts -------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def plenigo_checkout(context: Context, product_id: str, **options: Any) -> SafeString:
    """Print the snippet that opens a checkout, for an `onclick` attribute, with the reader's login token embedded.

    A visitor's snippet has no token. Where a signed-in reader's token cannot stand in the page (she is not registered
    yet, the page may be cached, the vendor does not answer), the snippet mints one on the click instead.
    With API v3 there is no token: the vendor is asked on the click, and a visitor logs in inside the checkout.
    Source: docs/protocols/plenigo-v2.md 3.1. Raises `InvalidValueError` and `UnsupportedOperationError`.
    """
    request = request_of(context)
    offer = offer_of(request, product_id, options)
    if checkout.is_prepared(offer.using):
        return asking_on_click(replace(offer, lets_visitors_in=True))
    if request is None or privacy.is_inside_cache():
        # It is not known who sees this, and on what page: a reader must get no visitor's checkout.
        return asking_on_click(offer)
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        privacy.mark_dependent_on_reader(request)
        return as_attribute(checkout.sign_checkout(with_way_back(offer, request)).javascript)
    login = login_pass_of(request, user, offer.using)
    if login is None:
        return asking_on_click(offer)
    return as_attribute(checkout.sign_checkout(with_way_back(offer, request), login=login).javascript)


knows_options("plenigo_checkout", ("product_id", *CHECKOUT_OPTIONS))


@register.simple_tag(takes_context=True)
def plenigo_checkout_button(
    context: Context,
    product_id: str,
    label: str,
    *,
    css_class: str = "",
    lets_visitors_in: bool = False,
    **options: Any,
) -> SafeString:
    """Print a button that opens a checkout: no inline code, no token, no call; the vendor is asked on the click.

    Product, price and options travel signed. A visitor logs in on this site first, unless the button lets visitors in:
    then at the vendor. Raises `InvalidValueError` and `UnsupportedOperationError`.
    """
    offer = replace(offer_of(request_of(context), product_id, options), lets_visitors_in=lets_visitors_in)
    # Not an inclusion tag: that copies the whole context for each of a page's buttons.
    button = context.render_context.get(BUTTON_TEMPLATE)
    if button is None:
        engine = context.template.engine  # type: ignore[union-attr]  # a context that is being rendered has one
        button = context.render_context[BUTTON_TEMPLATE] = engine.get_template(BUTTON_TEMPLATE)
    with context.push(offer=checkout.sign_offer(offer), label=label, css_class=css_class):
        return button.render(context)


knows_options("plenigo_checkout_button", ("product_id", "label", *BUTTON_OPTIONS))


def offer_of(request: HttpRequest | None, product_id: str, options: dict[str, Any]) -> checkout.Offer:
    """Return the offer that a tag's arguments describe; one that holds something of the reader is kept private.

    Raises `ConfigurationError` where it cannot be.
    """
    using = options.pop("using", conf.DEFAULT_ACCOUNT)
    page = {name: options.pop(name) for name in PAGE_OPTIONS if name in options}
    for name, value in (*options.items(), *page.items()):
        if value == "" and name in NEVER_EMPTY:  # what Django makes of a variable that is not there
            raise InvalidValueError(name, "is empty; is the variable misspelt?")
    offer = checkout.Offer(CheckoutOrder(product_id=product_id, **options), options_of(page), using)
    if offer.is_personal and not privacy.may_embed_secret(request):
        raise ConfigurationError(
            "birthday, csrf_token, invoice_address_id and delivery_address_id belong to one reader: the tag needs "
            "PrivateResponseMiddleware and the request in the context, and must stand neither in a cache nor in a "
            "streamed response."
        )
    return offer


def options_of(page: dict[str, Any]) -> CheckoutOptions:
    """Return the options that a tag was given: the same for all tags that have none."""
    for name in LISTS:
        if isinstance(page.get(name), str):
            page[name] = tuple(each.strip() for each in page[name].split(",") if each.strip()) or None
    given = {name: value for name, value in page.items() if name not in PREPARED_OPTIONS or value not in (None, "")}
    return CheckoutOptions(**given) if given else NO_OPTIONS


def with_way_back(offer: checkout.Offer, request: HttpRequest | None) -> checkout.Offer:
    """Return the offer with our return page as its target, unless the site named one."""
    if offer.options.target_url or request is None:
        return offer
    target = checkout.PurchaseReturn((str(offer.order.product_id),), request.get_full_path(), offer.using)
    target_url = checkout.return_url(request.build_absolute_uri("/").rstrip("/"), target)
    return replace(offer, options=replace(offer.options, target_url=target_url))


def login_pass_of(request: HttpRequest | None, user: Any, using: str) -> LoginPass | None:
    """Return the login pass of this response, None where none may stand in the page or none is to be had."""
    guard = privacy.guard_of(request)
    if guard is None:
        logger.error("django_plenigo.middleware.PrivateResponseMiddleware is missing: no login token is embedded.")
        return None
    if not privacy.may_embed_secret(request):
        return None
    login = checkout.login_pass_for_response(guard, user, using=using)
    if login is not None and not guard.expects_purchase:
        guard.expects_purchase = True
        access.expect_purchase(user, using=using)  # no later call tells us of a click on this snippet
    return login


def asking_on_click(offer: checkout.Offer) -> SafeString:
    """Return the statement that has our script ask for the checkout on the click. It is the same for everybody."""
    return as_attribute(f"djangoPlenigo.checkout({json.dumps({'offer': checkout.sign_offer(offer)})});")


def as_attribute(javascript: str) -> SafeString:
    """Escape a statement, which is ASCII, for an HTML attribute: here, since a template may have autoescape off."""
    return mark_safe(escape(javascript))  # noqa: S308 - escaped here, on purpose also where autoescape is off


# ---- self service ----------------------------------------------------------------------------------------------

SNIPPET_OPTIONS = ("label", "css_class", "using", *self_service.OPTIONS_OF_V2, *self_service.OPTIONS_OF_V3)


@register.inclusion_tag("plenigo/snippet.html")
def plenigo_snippet(
    page: str = "", *, label: str = "", css_class: str = "", using: str = conf.DEFAULT_ACCOUNT, **options: Any
) -> dict[str, Any]:
    """Print the place of one page of the vendor's self service. It holds no token and is the same for everybody.

    With API v2 our script shows the page in it, with a login token that is minted as the reader comes to see it; with
    API v3 it is a button that opens the page, with a transfer token minted on the click.
    Source: docs/protocols/plenigo-v2.md 4.1, plenigo-v3.md 8. Raises `InvalidValueError` and
    `UnsupportedOperationError`.
    """
    texts = {name: "" if value is None else str(value) for name, value in options.items() if name != "edit"}
    snippet = self_service.Snippet(page=page, edit=options.get("edit"), **texts)
    self_service.check_snippet(snippet, using=using)
    return {
        "snippet": snippet,
        "opens_on_click": self_service.opens_on_click(using),
        "label": label or snippet.label,
        "css_class": css_class,
        "account": using,
    }


knows_options("plenigo_snippet", ("page", *SNIPPET_OPTIONS))


# ---- portals -------------------------------------------------------------------------------------------------

register.inclusion_tag("plenigo/portal_list.html", takes_context=True)(portal_tags.plenigo_portals)
knows_options("plenigo_portals", portal_tags.LIST_OPTIONS)

register.inclusion_tag("plenigo/portal_button.html", takes_context=True)(portal_tags.plenigo_portal_button)
knows_options("plenigo_portal_button", portal_tags.BUTTON_OPTIONS)

register.simple_tag(takes_context=True)(portal_tags.plenigo_portal_reference)
knows_options("plenigo_portal_reference", ())


# ---- the paywall -----------------------------------------------------------------------------------------------


@register.tag
def plenigo_paywall(parser: Parser, token: Token) -> "PaywallNode":
    """Show one of three branches by what the reader has bought; any one of several products opens the article.

    `{% plenigo_paywall "PRODUCT" %} article {% offer %} teaser and button {% unknown %} try again
    {% endplenigo_paywall %}`; a product may be a list; `using=` names the account. A response with a gate is private.
    """
    check_options(token, ["using"])
    _, *bits = token.split_contents()
    products = [parser.compile_filter(bit) for bit in bits if not bit.startswith("using=")]
    using = next((parser.compile_filter(bit.removeprefix("using=")) for bit in bits if bit.startswith("using=")), None)
    if not products:
        raise template.TemplateSyntaxError("plenigo_paywall: name at least one product.")
    branches = {"article": NodeList(), "offer": NodeList(), "unknown": NodeList()}
    branch, ends = "article", ["offer", "unknown", "endplenigo_paywall"]
    while branch != "endplenigo_paywall":
        branches[branch] = parser.parse(ends[ends.index(branch) + 1 :] if branch in ends else ends)
        branch, *surplus = parser.next_token().split_contents()
        if surplus:
            raise template.TemplateSyntaxError(f"plenigo_paywall: {{% {branch} %}} takes no arguments.")
    return PaywallNode(products, using, **branches)


class PaywallNode(Node):
    """One gate in a template."""

    child_nodelists = ("article", "offer", "unknown")

    def __init__(
        self,
        products: list[FilterExpression],
        using: FilterExpression | None,
        *,
        article: NodeList,
        offer: NodeList,
        unknown: NodeList,
    ) -> None:
        self.products, self.using = products, using
        self.article, self.offer, self.unknown = article, offer, unknown

    def render(self, context: Context) -> SafeString:
        """Ask for the reader's access and render the branch of the answer."""
        request = request_of(context)
        using = self.using.resolve(context) if self.using else conf.DEFAULT_ACCOUNT
        answer = self._answer(request, list(self._product_ids(context)), str(using))
        branches = {
            access.Access.BOUGHT: self.article,
            access.Access.NOT_BOUGHT: self.offer,
            access.Access.UNKNOWN: self.unknown,
        }
        return branches[answer].render(context)

    def _product_ids(self, context: Context) -> Iterable[str]:
        for expression in self.products:
            value = expression.resolve(context)
            if not value or not isinstance(value, str | Iterable):
                raise InvalidValueError("plenigo_paywall", f"{expression} names no product")
            yield from [value] if isinstance(value, str) else value

    def _answer(self, request: HttpRequest | None, product_ids: list[str], using: str) -> access.Access:
        guard = privacy.guard_of(request)
        if request is None or guard is None:
            raise ConfigurationError(
                "plenigo_paywall needs django_plenigo.middleware.PrivateResponseMiddleware in MIDDLEWARE and "
                "django.template.context_processors.request in TEMPLATES."
            )
        if privacy.is_inside_cache():
            raise ConfigurationError(
                "plenigo_paywall: move the tag out of the cache: one reader's page would be all readers'."
            )
        if not privacy.mark_private(request):
            raise ConfigurationError("plenigo_paywall: the response is being sent already; gate the view instead.")
        return access.check_access_in_response(guard, getattr(request, "user", None), product_ids, using=using)
