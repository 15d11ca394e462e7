"""Customers whom an agent has taken from a reader: she does not get them back by herself.

At the vendor such a customer has her e-mail address still, so her next purchase or log-in would find it.
"""

from typing import Any

from django_plenigo import conf
from django_plenigo.errors import ConflictError
from django_plenigo.models import AccountConnection
from django_plenigo.protocols.base import SERVICE
from django_plenigo.services import hashes
from django_plenigo.services.rows import rows_of

#: The code of a `ConflictError`: an agent has taken this customer from this reader.
CONNECTION_UNDONE = "connection was undone"

#: The reason of an undone connection that an agent has allowed again.
ALLOWED_AGAIN = "allowed_again"


def is_undone(user_key: Any, customer_id: str | None, *, using: str) -> bool:
    """Say whether an agent has taken a customer from a reader, at any account of the company."""
    if not customer_id:
        return False
    rows = rows_of(AccountConnection)
    undone = rows.filter(
        account__in=conf.accounts_of_company(using),
        user=user_key,
        state=AccountConnection.State.UNDONE,
        customer_hash__in=hashes.number_hashes("customer", customer_id),
    )
    return undone.exclude(reason=ALLOWED_AGAIN).exists()


def check_not_undone(user_key: Any, customer_id: str | None, *, using: str, operation: str) -> None:
    """Raise `ConflictError` where an agent has taken a customer from a reader."""
    if is_undone(user_key, customer_id, using=using):
        raise ConflictError(SERVICE, operation, code=CONNECTION_UNDONE)
