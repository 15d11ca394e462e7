"""Undoes a connection on this site's side. At the vendor nothing can be undone by a call."""

from functools import partial

from django.db import router, transaction

from django_plenigo.models import AccessId, AccountConnection, CustomerLink
from django_plenigo.services import access, customers, outbox
from django_plenigo.services.connection import records
from django_plenigo.services.rows import rows_of

State = AccountConnection.State


def undo(connection: AccountConnection) -> bool:
    """Unlink the reader of a connection that is done, forget her session and what her gates were told; say whether so.

    The customer stays at the vendor with the e-mail address and password that the connection has given it. So the
    reader does not get it back by herself, until `allow_again`. Access ids from before the connection stay hers. False
    where it was not done, or is undone already. In one transaction.
    """
    with transaction.atomic(router.db_for_write(AccountConnection)):
        done = records.connections().filter(pk=connection.pk, state=State.DONE)
        if not done.update(state=State.UNDONE):
            return False
        link = outbox.links().filter(connections=connection).first()
        if link is not None:
            # Whoever logs in at the vendor while her code is on its way has two.
            records.connections().filter(link=link, state=State.DONE).update(state=State.UNDONE)
            _unlink(connection, link)
        if connection.user is not None:
            # After the commit: before, a gate would ask anew as the customer that she still is.
            forget = partial(access.forget_answers, connection.user, using=connection.account)
            transaction.on_commit(forget, using=done.db, robust=True)
    return True


def _unlink(connection: AccountConnection, link: CustomerLink) -> None:
    """Put a link without a customer in the place of a connection's, where there is anything to keep.

    Not the same row: a worker that tells the vendor about the old one right now writes what comes of it nowhere.
    """
    rows = rows_of(AccessId)
    # Those that came later were perhaps imported by the number of the customer.
    kept = list(rows.filter(link=link, imported_at__lt=connection.ended_at))
    outbox.links().filter(pk=link.pk).delete()
    if kept:
        blank = customers.ensure_link(link.user, using=link.account)
        for access_id in kept:
            access_id.pk, access_id.link = None, blank
        rows.bulk_create(kept)


def allow_again(connection: AccountConnection) -> bool:
    """Let the reader of an undone connection become that customer again by herself; say whether she could not."""
    rows = records.connections().filter(state=State.UNDONE, user=connection.user).exclude(user=None)
    same = rows.filter(account=connection.account, customer_hash=connection.customer_hash)
    return bool(same.exclude(reason=customers.ALLOWED_AGAIN).update(reason=customers.ALLOWED_AGAIN))
