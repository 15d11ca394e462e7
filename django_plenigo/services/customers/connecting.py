"""Links a user to a customer who was at the vendor before, once the vendor has said that it is hers."""

from typing import Any

from django.utils import timezone

from django_plenigo.errors import ConflictError
from django_plenigo.models import CustomerLink
from django_plenigo.protocols.base import SERVICE
from django_plenigo.services.customers.following import request_email_sync, request_profile_sync
from django_plenigo.services.customers.links import ensure_link, write_ids
from django_plenigo.services.customers.registering import tell_registered
from django_plenigo.services.customers.undone import check_not_undone

#: The code of a `ConflictError`: the user has another customer already.
USER_HAS_ANOTHER_CUSTOMER = "user is linked to another customer"


def link_customer(user: Any, customer_id: str, *, confirmed_email: str, using: str) -> CustomerLink:
    """Link a user to a customer, and return the link; `confirmed_email` is what the vendor has, "" where unknown.

    Nothing is merged: raises `ConflictError` where the user has another customer, or the customer another user, or an
    agent has taken this customer from this user; and `NoAnswerError` as `ensure_link` does. The customer is not given
    the site's external id, which no call could ever take back: the link may be undone.
    """
    check_not_undone(user.pk, customer_id, using=using, operation="confirm_connection")
    link = ensure_link(user, using=using)
    values = {"customer_id": customer_id, "confirmed_email": confirmed_email, "confirmed_at": timezone.now()}
    is_first = write_ids(link, only_unregistered=True, **values)
    link.refresh_from_db(using=link._state.db)
    if not is_first and link.customer_id != customer_id:
        raise ConflictError(SERVICE, "confirm_connection", code=USER_HAS_ANOTHER_CUSTOMER)
    if is_first:
        tell_registered(link, user)
    # What has changed meanwhile.
    request_email_sync(user, using=using)
    request_profile_sync(user, using=using)
    return link
