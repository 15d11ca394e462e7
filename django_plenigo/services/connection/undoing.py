"""Undoes a connection on this site's side. At the vendor nothing can be undone by a call."""

from functools import partial

from django.db import router, transaction

from django_plenigo.models import AccountConnection
from django_plenigo.services import access, outbox
from django_plenigo.services.connection import records

State = AccountConnection.State


def undo(connection: AccountConnection) -> bool:
    """Unlink the reader of a connection that is done, forget her session and what her gates were told; say whether so.

    The customer stays at the vendor with the e-mail address and password that the connection has given it. False where
    it was not done, or is undone already. In one transaction.
    """
    with transaction.atomic(router.db_for_write(AccountConnection)):
        done = records.connections().filter(pk=connection.pk, state=State.DONE)
        if not done.update(state=State.UNDONE):
            return False
        # A link keeps its customer for as long as there is a link. Its session goes with it.
        if connection.link_id is not None:
            outbox.links().filter(pk=connection.link_id).delete()
        if connection.user is not None:
            # After the commit: before, a gate would ask anew as the customer that she still is.
            forget = partial(access.forget_answers, connection.user, using=connection.account)
            transaction.on_commit(forget, using=done.db, robust=True)
    return True
