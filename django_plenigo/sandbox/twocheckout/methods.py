"""The methods of the API that have to do with sign-on. Source: docs/protocols/2checkout.md 2 to 4."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils.http import urlencode

from ..customers import is_storable
from ..destinations import with_query
from ..models import TwoCheckoutCustomer, TwoCheckoutLink, TwoCheckoutMerchant
from ..pages.framing import address_of
from . import errors, login, merchants, parameters, sign_on

ADDRESS = "plenigo_sandbox_twocheckout_"


class Call:
    """One call, with its params in their order; those that are left out are None."""

    def __init__(self, request: HttpRequest, params: list[Any], most: int) -> None:
        self.request = request
        self.params = [*params, *[None] * (most - len(params))]

    @cached_property
    def merchant(self) -> TwoCheckoutMerchant:
        """Whose session the call carries. Raises `RpcError`."""
        merchant = sign_on.merchant_of_session(parameters.text(self.params[0]))
        if merchant is None:
            raise errors.session_invalid()
        return merchant

    def require_custom_domain(self) -> None:
        """Refuse a merchant to whom no link could lead. Raises `RpcError`."""
        if not self.merchant.has_custom_domain:
            raise errors.forbidden()

    def customer(self, reference: Any, kind: Any) -> TwoCheckoutCustomer:
        """Return a customer by one of the two references. Raises `RpcError`."""
        is_external = parameters.customer_type(kind)
        found = merchants.find_customer(self.merchant, parameters.text(reference), is_external=is_external)
        if found is None:
            raise errors.customer_not_found()
        return found

    def link(self, page: str, token: str, **query: str) -> str:
        """Return the address of a page of myAccount: at the host and the mount that the call has come to."""
        path = address_of(self.request, ADDRESS + page)
        return self.request.build_absolute_uri(f"{path}?{urlencode({**query, 'logintoken': token})}")


Work = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API."""

    fewest: int
    most: int
    """How many params it takes."""

    work: Work
    """Returns the result, never None. Raises `RpcError`."""


#: By the vendor's names.
METHODS: dict[str, Method] = {}


def method(name: str, fewest: int, most: int) -> Callable[[Work], Work]:
    """Offer work under a name of the vendor's."""

    def decorate(work: Work) -> Work:
        METHODS[name] = Method(fewest, most, work)
        return work

    return decorate


@method("login", 3, 4)
def log_in(call: Call) -> str:
    """Return a session id."""
    code, date, told = (parameters.text(value) for value in call.params[:3])
    algo = call.params[3]
    merchant = login.authenticate(code, date, told, None if algo is None else parameters.text(algo))
    if merchant is None:
        raise errors.authentication_failed()
    return sign_on.begin_session(merchant)


@method("getSingleSignOnByCustomer", 3, 8)
def sign_on_by_customer(call: Call) -> str:
    """Return a link into myAccount for one customer."""
    _session, reference, kind, page, request, seconds, ip, language = call.params
    call.require_custom_domain()
    customer = call.customer(reference, kind)
    page_name = parameters.page(page, parameters.PAGES, "page")
    code = parameters.request(request, page_name)
    life, address = parameters.validity_time(seconds), parameters.validation_ip(ip)
    spoken = parameters.language_code(language)
    if code:
        subscription = merchants.find_subscription(call.merchant, code)
        if subscription is None or subscription.customer_id != customer.pk:
            raise errors.subscription_not_found()
    account = TwoCheckoutLink.Kind.ACCOUNT
    token = sign_on.mint_link(customer, account, seconds=life, validation_ip=address, language=spoken)
    return call.link(page_name, token, **({"code": code} if code else {}))


@method("getSingleSignOn", 2, 7)
def sign_on_by_subscription(call: Call) -> str:
    """Return a link into myAccount for the customer of a subscription.

    Our choice: an e-mail address must be the customer's, in whatever spelling.
    """
    _session, reference, email, seconds, access_page, ip, language = call.params
    call.require_custom_domain()
    code = parameters.text(reference)
    address = "" if email is None else parameters.text(email)
    subscription = merchants.find_subscription(call.merchant, code)
    if subscription is None:
        raise errors.subscription_not_found()
    customer = subscription.customer
    if address and merchants.find_customer_by_email(call.merchant, address) != customer:
        raise errors.customer_not_found()
    page_name = parameters.page(access_page, parameters.ACCESS_PAGES, "accessPage")
    token = sign_on.mint_link(
        customer,
        TwoCheckoutLink.Kind.ACCOUNT,
        seconds=parameters.validity_time(seconds),
        validation_ip=parameters.validation_ip(ip),
        language=parameters.language_code(language),
    )
    return call.link(page_name, token, **({"code": code} if page_name == parameters.SUBSCRIPTION else {}))


@method("getSingleSignOnInCart", 4, 6)
def sign_on_in_cart(call: Call) -> str:
    """Return a buy link with a token added that signs the customer in there."""
    _session, reference, kind, url, seconds, ip = call.params
    call.require_custom_domain()
    customer = call.customer(reference, kind)
    address = parameters.buy_link(url)
    token = sign_on.mint_link(
        customer,
        TwoCheckoutLink.Kind.CART,
        seconds=parameters.validity_time(seconds),
        validation_ip=parameters.validation_ip(ip),
    )
    return with_query(address, logintoken=token)


@method("getCustomerInformationBySSOToken", 2, 2)
def customer_by_token(call: Call) -> dict[str, Any]:
    """Return the customer whom the token of a link into the cart is for."""
    merchant = call.merchant
    customer = sign_on.customer_of_cart(merchant, parameters.text(call.params[1]))
    if customer is None:
        raise errors.token_invalid()
    return described(customer)


@method("getCustomerInformation", 2, 4)
def customer_by_reference(call: Call) -> dict[str, Any]:
    """Return a customer by either reference; by both, they must be one customer's."""
    _session, number, external, includes_payment = call.params
    merchant = call.merchant
    if not isinstance(number, int | None) or isinstance(number, bool) or not isinstance(includes_payment, bool | None):
        raise errors.invalid_params()
    # An empty text is none, as everywhere else in this API.
    references = {
        False: "" if number is None else str(number),
        True: "" if external is None else parameters.text(external),
    }
    if not any(references.values()):
        raise errors.invalid_params()
    found = {
        merchants.find_customer(merchant, reference, is_external=is_external)
        for is_external, reference in references.items()
        if reference
    }
    customer = found.pop() if len(found) == 1 else None
    if customer is None:
        raise errors.customer_not_found()
    return described(customer) | ({"PaymentMethods": _cards(customer)} if includes_payment else {})


def described(customer: TwoCheckoutCustomer) -> dict[str, Any]:
    """Return a customer as the API shows him. The names of the members are our choice."""
    return {
        "CustomerReference": int(customer.reference),
        "ExternalCustomerReference": customer.external_reference or "",
        "FirstName": customer.first_name,
        "LastName": customer.last_name,
        "Email": customer.email,
        "City": customer.city,
        "Language": customer.language,
        "Enabled": True,
    }


def _cards(customer: TwoCheckoutCustomer) -> list[dict[str, Any]]:
    if not customer.card_digits:
        return []
    return [{"CardType": customer.card_brand, "LastDigits": customer.card_digits}]


def is_readable(params: list[Any]) -> bool:
    """Say whether every text can be looked up and signed."""
    return all(is_storable(value) for value in params if isinstance(value, str))
