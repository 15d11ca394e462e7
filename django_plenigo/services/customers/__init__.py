"""Links local users to customers: look up, register, follow what changes, and what an agent has to decide."""

from django_plenigo.services.customers.finding import find_link
from django_plenigo.services.customers.following import (
    follow_confirmed_address,
    follow_link,
    follow_log_in,
    follow_save,
    request_email_sync,
    request_email_sync_of_link,
    request_profile_sync,
)
from django_plenigo.services.customers.links import customer_of, ensure_link, link_of, link_of_in_response, write_ids
from django_plenigo.services.customers.registering import (
    REGISTRATION_GRACE,
    Registered,
    Registration,
    check_registration,
    external_id_to_attach,
    prepare_registration,
    register,
    request_registration,
    send_registration,
    store_registration,
    tell_registered,
)
from django_plenigo.services.customers.users import (
    email_of,
    external_id_of,
    gender_of,
    has_verified_email,
    profile_of,
)

__all__ = [
    "REGISTRATION_GRACE",
    "Registered",
    "Registration",
    "check_registration",
    "customer_of",
    "email_of",
    "ensure_link",
    "external_id_of",
    "external_id_to_attach",
    "find_link",
    "follow_confirmed_address",
    "follow_link",
    "follow_log_in",
    "follow_save",
    "gender_of",
    "has_verified_email",
    "link_of",
    "link_of_in_response",
    "prepare_registration",
    "profile_of",
    "register",
    "request_email_sync",
    "request_email_sync_of_link",
    "request_profile_sync",
    "request_registration",
    "send_registration",
    "store_registration",
    "tell_registered",
    "write_ids",
]
