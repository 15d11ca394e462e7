"""The API's addresses below `api/v3.0/`. Literal ones go before those with parameters."""

from django.urls import URLPattern, path

from . import (
    access_rights,
    callback_logs,
    checkout,
    customers,
    login_identifiers,
    orders,
    search_by_address,
    sessions,
    sso_settings,
)
from .endpoints import NAMES, address, unknown_address

CUSTOMER = "customers/<str:customer_id>"
RIGHTS = "accessRights/<str:customer_id>"
CONNECTION = "processes/registration/loginIdentifier"

urlpatterns: list[URLPattern] = [
    path("customers", address(POST=customers.create_customer, GET=customers.search_customers)),
    path("customers/searchByAddress", address(POST=search_by_address.search_customer_by_address)),
    path(
        # A path, since no server tells an encoded slash from a plain one.
        "customers/customerIdByExternalSystemId/<path:external_system_id>",
        address(GET=customers.customer_id_by_external_system_id),
    ),
    path(CUSTOMER, address(GET=customers.get_customer, PUT=customers.update_customer)),
    path(f"{CUSTOMER}/email", address(PUT=customers.change_customer_email)),
    path(
        f"{CUSTOMER}/additionalData",
        address(GET=customers.get_customer_additional_data, PUT=customers.replace_additional_data),
    ),
    path(f"{CUSTOMER}/orders", address(GET=orders.search_customer_orders)),
    path(f"{CUSTOMER}/subscriptions", address(GET=orders.search_customer_subscriptions)),
    path(
        RIGHTS,
        address(POST=access_rights.create_access_rights_for_customer, GET=access_rights.get_access_rights),
    ),
    path(f"{RIGHTS}/hasAccess", address(GET=access_rights.check_access_of_customer)),
    path(
        f"{RIGHTS}/<str:access_right_id>",
        address(
            PUT=access_rights.update_access_right_for_customer, DELETE=access_rights.delete_access_right_for_customer
        ),
    ),
    path("callbacks/logs", address(GET=callback_logs.search_callback_logs)),
    path("callbacks/logs/<str:entry_id>", address(GET=callback_logs.get_callback_log)),
    path("checkout/preparePurchase", address(POST=checkout.prepare_purchase)),
    path("orders/<str:order_id>", address(GET=orders.get_order)),
    path("subscriptions", address(GET=orders.search_subscriptions)),
    path("subscriptions/<str:subscription_id>", address(GET=orders.get_subscription)),
    path("processes/settings/sso", address(GET=sso_settings.get_sso_process_settings)),
    path(f"{CONNECTION}/start", address(POST=login_identifiers.start_registration)),
    path(f"{CONNECTION}/validate", address(POST=login_identifiers.validate_registration)),
    path(f"{CONNECTION}/resend", address(POST=login_identifiers.resend_code)),
    path("processes/login/changeSessions/<str:removal_token>", address(PUT=sessions.remove_active_sessions_login)),
    path("sessions/validate", address(GET=sessions.validate_customer_session)),
    path("sessions/customerData", address(GET=sessions.get_customer_data_by_session)),
    path("sessions/transferToken", address(POST=sessions.create_transfer_token, GET=sessions.validate_transfer_token)),
    path("sessions/<str:customer_id>", address(POST=sessions.create_customer_session)),
    path("", unknown_address),
    path("<path:address>", unknown_address),
]

#: Every operation by the name that the fault dial and the record of calls use.
ENDPOINT_NAMES = tuple(NAMES)
