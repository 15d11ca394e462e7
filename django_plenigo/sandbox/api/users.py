"""What the vendor knows of a customer. Source: docs/protocols/plenigo-v2.md 2.2."""

from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse

from .. import clock, customers, oauth, session_cookies
from ..models import Customer, Purchase
from ..postal import main_address
from .answers import RefusalError, found, page_of, refusal, without_gaps, written
from .endpoints import Call, endpoint
from .parameters import read_all

#: Field of the answer -> field of `Customer`.
PROFILE_FIELDS = {
    "userId": "customer_id",
    "email": "email",
    "name": "last_name",
    "firstName": "first_name",
    "username": "username",
    "gender": "gender",
    "externalUserId": "external_id",
    "phoneNumber": "phone_number",
    "mobileNumber": "mobile_number",
}
#: Field of the answer -> column of `Address`.
ADDRESS_FIELDS = {
    "additionalAddressInfo": "additional_street_info",
    "postCode": "postcode",
    "city": "city",
    "country": "country",
}
PAGE_SIZE = 10
LARGEST_PAGE = 100
LAST_PAGE = 1_000_000


@endpoint("userProfile", "GET")
def profile(call: Call) -> HttpResponse:
    """Return whom an OAuth access token stands for."""
    token = call.query.text("token", required=True)
    asked = call.query.text("companyId")
    customer = oauth.customer_of(call.company, token) if asked in ("", call.company.company_id) else None
    if customer is None:
        raise refusal(401, "unauthorized", "The access token is unknown or too old.")
    return found(_profile_of(customer))


@endpoint("sessionCookie", "GET")
def session_cookie(call: Call) -> HttpResponse:
    """Return whom the cookie `plenigo_user` logs in; 403 when it is nobody."""
    customer = session_cookies.customer_of(call.company, call.query.text("sessionCookie", required=True, limit=1000))
    if customer is None:
        raise refusal(403, "forbidden", "The cookie logs nobody in.")
    return found(_profile_of(customer))


@endpoint("verifyLogin", "POST")
def verify_login(call: Call) -> HttpResponse:
    """Return whose address and password these are."""
    body = call.body
    limits = {"os": 40, "browser": 40, "source": 255, "ipAddress": 45}
    values = read_all(
        email=lambda: body.text("email", required=True, limit=254),
        password=lambda: body.text("password", required=True),
        **{name: partial(body.text, name, limit=limit) for name, limit in limits.items()},
    )
    try:
        customer = customers.verify_password(call.company, values["email"], values["password"])
    except customers.LockedError:
        raise RefusalError(406, {"error": "Too many failed attempts. Please try again later."}) from None
    except customers.BlockedError:
        raise RefusalError(423, {"error": "The account is blocked. Please contact the support."}) from None
    if customer is None:
        # Not raised: the failure that has been counted must stay.
        return RefusalError(403, {"error": "The e-mail address or the password is wrong."}).answer()
    return found(_profile_of(customer))


@endpoint("userProducts", "GET")
def user_products(call: Call, reference: str) -> HttpResponse:
    """Return what a customer has bought; nothing for an unknown one."""
    flags = _flags(call)
    customer = customers.find_customer(call.company, reference, is_external=flags["is_external"])
    bought = list(_bought(customer, flags["test_mode"])) if customer else []
    return found(
        {
            "singleProducts": [_single_product(row) for row in bought if not row.is_subscription],
            "subscriptions": [_subscription_of_products(row) for row in bought if row.is_subscription],
        }
    )


@endpoint("userSubscriptions", "GET")
def user_subscriptions(call: Call, reference: str) -> HttpResponse:
    """Return a customer's subscriptions, page by page."""
    rows = _bought_on_pages(call, reference).filter(is_subscription=True)
    now = clock.now()
    return paginated(call, rows, lambda row: _subscription(row, row.end is None or row.end > now))


@endpoint("userOrders", "GET")
def user_orders(call: Call, reference: str) -> HttpResponse:
    """Return a customer's orders, page by page."""
    return paginated(call, _bought_on_pages(call, reference), _order)


@endpoint("paywallState", "GET")
def paywall_state(call: Call) -> HttpResponse:
    """Say whether the company's paywall is on."""
    return found({"enabled": call.company.paywall_enabled})


def paginated(call: Call, rows: Any, element: Any) -> HttpResponse:
    """Return the page that the query asks for, counted from 0; a page behind the last is empty."""
    page = _page(call)
    size, number = page["size"], page["number"]
    paginator = Paginator(rows, size, allow_empty_first_page=True)
    shown = paginator.page(number + 1).object_list if number < paginator.num_pages else []
    return page_of([element(row) for row in shown], number=number, size=size, total=paginator.count)


def _page(call: Call) -> dict[str, int]:
    return read_all(
        size=lambda: call.query.integer("size", default=PAGE_SIZE, low=1, high=LARGEST_PAGE),
        number=lambda: call.query.integer("page", default=0, low=0, high=LAST_PAGE),
    )


def _flags(call: Call) -> dict[str, bool]:
    return read_all(
        is_external=lambda: call.query.flag("useExternalCustomerId"), test_mode=lambda: call.query.flag("testMode")
    )


def _bought_on_pages(call: Call, reference: str) -> QuerySet[Purchase]:
    # The page is cut elsewhere; read here, a bad number is told together with a bad flag.
    flags = read_all(flags=lambda: _flags(call), page=lambda: _page(call))["flags"]
    return _bought(call.customer(reference, is_external=flags["is_external"]), flags["test_mode"])


def _profile_of(customer: Customer) -> dict[str, Any]:
    values = {name: getattr(customer, field) for name, field in PROFILE_FIELDS.items()}
    values["birthday"] = customer.birthday.isoformat() if customer.birthday else None
    address = main_address(customer)
    if address is not None:
        values |= {name: getattr(address, column) for name, column in ADDRESS_FIELDS.items()}
        values["street"] = f"{address.street} {address.street_number}".strip()
    return without_gaps(values)


def _bought(customer: Customer, test_mode: bool) -> QuerySet[Purchase]:
    return customer.purchases.filter(test_mode=test_mode, source=Purchase.Source.BOUGHT).order_by("pk")


def _paid(row: Purchase) -> dict[str, Any]:
    return {
        "productId": row.product_id,
        "originalProductId": row.product_id,
        "title": row.title,
        "price": float(row.price),
        "currency": row.currency,
        "paymentMethod": row.payment_method,
        "shippingCosts": float(row.shipping_costs),
    }


def _single_product(row: Purchase) -> dict[str, Any]:
    own = {"transactionId": row.transaction_id, "buyDate": written(row.start), "status": "DONE"}
    return without_gaps(_paid(row) | own)


def _subscription_of_products(row: Purchase) -> dict[str, Any]:
    return without_gaps(_paid(row) | {"startDate": written(row.start), **_ends(row)})


def _subscription(row: Purchase, is_active: bool) -> dict[str, Any]:
    return without_gaps(
        {
            "id": row.transaction_id,
            "customerId": row.customer.customer_id,
            "productId": row.product_id,
            "title": row.title,
            "price": float(row.price),
            "currency": row.currency,
            "paymentMethod": row.payment_method,
            "startDate": written(row.start),
            **_ends(row),
            "active": is_active,
            "term": row.term_months,
            "orderId": row.order_id,
        }
    )


def _ends(row: Purchase) -> dict[str, str]:
    moments = {"cancellationDate": row.cancelled_at, "endDate": row.end}
    return {name: written(moment) for name, moment in moments.items() if moment is not None}


def _order(row: Purchase) -> dict[str, Any]:
    item = {
        "productId": row.product_id,
        "originalProductId": row.product_id,
        "title": row.title,
        "price": float(row.price),
        "shippingCosts": float(row.shipping_costs),
        "quantity": row.quantity,
        "status": "DONE",
    }
    return without_gaps(
        {
            "id": row.order_id,
            "orderId": row.order_id,
            "orderDate": written(row.start),
            "customerId": row.customer.customer_id,
            "externalCustomerId": row.customer.external_id,
            "currency": row.currency,
            "cumulatedPrice": float(row.price * row.quantity + row.shipping_costs),
            "shippingCosts": float(row.shipping_costs),
            "orderItems": [without_gaps(item)],
        }
    )
