"""Check what stands in `params`. Rules: docs/protocols/2checkout.md 3 to 5; where it says so they are our choice."""

import re
from typing import Any

from ..destinations import is_web_address
from . import errors
from .sign_on import plain_address

DEFAULT_SECONDS = 10
MOST_SECONDS = 3600

#: The two types; the second spelling of the last is the one of older pages of the vendor's.
EXTERNAL = "ExternalCustomerReference"
INTERNAL = frozenset({"2CheckoutCustomerReference", "AvangateCustomerReference"})

HOME = "home"
SUBSCRIPTION = "my_subscription"
#: The pages of `getSingleSignOnByCustomer`. The last is in a sample of the vendor's and in no list.
PAGES = {
    "my_subscription": SUBSCRIPTION,
    "my_products": "my_products",
    "user_data": "user_data",
    "order_lookup": "order_lookup",
    "faq": "support",
    "payment_methods": "payment_methods",
    "my_license": SUBSCRIPTION,
}
#: The pages of `getSingleSignOn`.
ACCESS_PAGES = {
    "view_order": "order_lookup",
    "my_license": SUBSCRIPTION,
    "change_card": "payment_methods",
    "my_products": "my_products",
    "payment_methods": "payment_methods",
    "user_data": "user_data",
    "order_lookup": "order_lookup",
    "faq": "support",
}

REQUEST = re.compile(r"Request\[\]=code=([0-9A-Za-z_-]{1,50})")
#: ISO 639-1.
LANGUAGES = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el
    en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu
    ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na
    nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so
    sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split()  # noqa: SIM905 - a list of it would be a page long
)


def text(value: Any) -> str:
    """Return a required text. Raises `RpcError` (-32602)."""
    if not isinstance(value, str):
        raise errors.invalid_params()
    return value


def customer_type(value: Any) -> bool:
    """Say whether a customer is named by the merchant's own reference. Raises `RpcError`."""
    if value == EXTERNAL:
        return True
    if isinstance(value, str) and value in INTERNAL:
        return False
    raise errors.invalid_parameter("customerType")


def page(value: Any, pages: dict[str, str], name: str) -> str:
    """Return the page that a name leads to; none leads home. Raises `RpcError`."""
    if value in (None, ""):
        return HOME
    if isinstance(value, str) and value in pages:
        return pages[value]
    raise errors.invalid_parameter(name)


def request(value: Any, page_name: str) -> str:
    """Return the subscription's reference that stands in `request`, or an empty text. Raises `RpcError`."""
    if value in (None, ""):
        return ""
    found = REQUEST.fullmatch(value) if isinstance(value, str) else None
    if found is None or page_name != SUBSCRIPTION:
        raise errors.invalid_parameter("request")
    return found[1]


def validity_time(value: Any) -> int:
    """Return for how many seconds a link is valid. Raises `RpcError`."""
    if value is None:
        return DEFAULT_SECONDS
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_SECONDS:
        return value
    raise errors.invalid_parameter("validityTime")


def validation_ip(value: Any) -> str:
    """Return the only address that may open a link, or an empty text. Raises `RpcError`."""
    if value in (None, ""):
        return ""
    try:
        if isinstance(value, str) and "%" not in value:  # a zone is of one machine's own
            return plain_address(value)
    except ValueError:
        pass
    raise errors.invalid_parameter("validationIp")


def language_code(value: Any) -> str:
    """Return the language of the pages, or an empty text for the reader's own. Raises `RpcError`."""
    if value in (None, ""):
        return ""
    if isinstance(value, str) and value in LANGUAGES:
        return value
    raise errors.invalid_parameter("languageCode")


def buy_link(value: Any) -> str:
    """Return the address that a link into the cart leads to. Raises `RpcError`."""
    if isinstance(value, str) and is_web_address(value):
        return value
    raise errors.invalid_parameter("url")
