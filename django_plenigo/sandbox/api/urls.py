"""The API's addresses below `api/v2/`."""

from django.urls import URLPattern, path

from . import external_users, oauth, products, rights, sign_in, users
from .answers import refusal
from .endpoints import NAMES, refusing

not_played = refusing("notPlayed", refusal(501, "not_implemented", "The sandbox does not play this part of the API."))
unknown_address = refusing("", refusal(404, "not_found", "The API has no such address."))

#: What the vendor has and the sandbox does not play.
NOT_PLAYED = (
    "import/customers",
    "access/app/token/<str:reference>",
    "access/app/<str:reference>",
    "access/app/<str:reference>/<str:second>",
    "access/app/<str:reference>/<str:second>/<str:third>",
    "access/mobileSecret/verify",
    "access/mobileSecret/<str:reference>",
    "company/users",
    "company/users/search/changes",
    "company/users/select",
    "company/users/failed/payments",
    "orders/search",
    "orders/<str:reference>",
    "subscriptions/search",
    "transactions/search",
    "incomingPayments/search",
    "invoices/search",
    "voucher/create",
    "checkout/free/product/<str:reference>/<str:second>",
    "checkout/free/voucher/<str:reference>/<str:second>",
    "checkout",
)

urlpatterns: list[URLPattern] = [
    path("externalUser/register", external_users.register),
    path("externalUser/<str:reference>/changeEmail", external_users.change_email),
    path("externalUser/<str:reference>/addExternalUserId", external_users.add_external_user_id),
    path("externalUser/<str:reference>/createLoginToken", external_users.create_login_token),
    path("externalUser/<str:reference>/createMultipleLoginTokens", external_users.create_multiple_login_tokens),
    path("import/customerAccess", external_users.import_customer_access),
    path("user/<str:reference>/address", external_users.change_address),
    path("user/product", rights.has_user_bought),
    path("user/product/details", rights.product_details),
    path("user/profile", users.profile),
    path("user/profile/sessionCookie", users.session_cookie),
    path("user/verifyLogin", users.verify_login),
    path("user/<str:reference>/products", users.user_products),
    path("user/<str:reference>/subscriptions", users.user_subscriptions),
    path("user/<str:reference>/orders", users.user_orders),
    path("paywall/state", users.paywall_state),
    path("access/<str:reference>/add", rights.add_access),
    path("access/<str:reference>/addWithDetails", rights.add_access_with_details),
    path("access/<str:reference>/remove", rights.remove_access),
    path("product/<str:product_id>", products.product),
    path("products/search", products.search_products),
    path("products/search/full", products.search_products_full),
    path("category/<str:category_id>", products.category),
    path("categories/search", products.search_categories),
    path("oauth2/verify", oauth.verify),
    path("oauth2/renew", oauth.renew),
    path("oauth2/auth", sign_in.sign_in, name="plenigo_sandbox_oauth"),
    *(path(address, not_played) for address in NOT_PLAYED),
    path("", unknown_address),
    path("<path:address>", unknown_address),
]

#: Every endpoint by the name that the fault dial and the record of calls use.
ENDPOINT_NAMES = tuple(NAMES)
