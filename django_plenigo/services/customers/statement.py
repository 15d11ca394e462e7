"""The one statement that a save costs: it looks whether the vendor knows something else, and notes it.

Written by hand, since it is part of every save of a user: to put it together costs the ORM several times as much as the
database needs to do it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import connections, router
from django.utils import timezone

from django_plenigo import conf
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import outbox
from django_plenigo.services.hashes import values_hash

CHANGES, LINKS = RemoteChange._meta.db_table, CustomerLink._meta.db_table


def note_difference(
    account: str,
    user: Any,
    kind: str,
    values: Mapping[str, str],
    *,
    renews_waiting: bool = True,
    renews_refused: bool = True,
) -> bool:
    """Note one kind of a user's link where the vendor has confirmed other `values`, by column; say whether it was.

    Nothing is noted of a link that is not registered: its registration tells the values, and notes at its end what it
    could not see. A change that is waiting or refused is noted anew, whatever the values: they may have been changed
    back. Without `renews_waiting` or `renews_refused` it is left as it is; so is a refused one that an agent has left
    with these values.
    """
    connection = connections[router.db_for_write(RemoteChange)]
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    key = user._meta.pk.get_db_prep_value(user.pk, connection)
    can_look_twice = connection.features.update_can_self_select
    left = values_hash(values)
    has_own_ids = conf.Account(account).external_id_is_customer_id
    statement = _statement(tuple(values), renews_waiting, renews_refused, can_look_twice, has_own_ids)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"now": now, "kind": kind, "account": account, "user": key, "left": left, **values})
        is_noted = bool(cursor.rowcount)
    if is_noted:
        outbox.wake_on_commit(account)
    return is_noted


@lru_cache
def _statement(
    columns: tuple[str, ...], renews_waiting: bool, renews_refused: bool, can_look_twice: bool, has_own_ids: bool
) -> str:
    """Return the statement, which names no value.

    The link by scalar subqueries, not by a join, IN or EXISTS: MariaDB would look at every change that there is, and
    PostgreSQL plans them in half the time. MariaDB assigns from left to right, so `noted` comes last.
    """
    is_new = "refused_at IS NOT NULL OR noted <= delivered"
    of_user = f"FROM {LINKS} WHERE account = %(account)s AND user_id = %(user)s"
    is_registered = "(customer_id IS NOT NULL OR external_id IS NOT NULL)"
    if has_own_ids:  # an external id alone may be a stranger's customer id
        is_registered = "customer_id IS NOT NULL AND customer_id_generation = 'v3'"
    differs = " OR ".join(f"{column} <> %({column})s" for column in columns)
    is_due = f"1 = (SELECT 1 {of_user} AND ({differs}))"
    if renews_waiting:
        is_due = f"{is_due} OR due_at IS NOT NULL"
        if can_look_twice:
            # A worker may acknowledge while the statement waits for its row: the database then looks at the row anew,
            # but at the rest as it was when the statement began, so that the change seems to be in step with what had
            # been confirmed before it.
            was_due = f"SELECT due_at FROM {CHANGES} waiting WHERE waiting.id = {CHANGES}.id"  # noqa: S608 - as below
            is_due = f"{is_due} OR ({was_due}) IS NOT NULL"
    else:
        is_due = f"{is_due} AND due_at IS NULL"
    if renews_refused:
        is_due = f"({is_due} OR refused_at IS NOT NULL) AND (refused_at IS NULL OR left_value_hash <> %(left)s)"
    else:
        is_due = f"({is_due}) AND refused_at IS NULL"
    statement = f"""
        UPDATE {CHANGES} SET
            due_at = CASE WHEN {is_new} THEN %(now)s ELSE due_at END,
            noted_at = CASE WHEN {is_new} THEN %(now)s ELSE noted_at END,
            attempts = CASE WHEN {is_new} THEN 0 ELSE attempts END,
            refused_at = NULL,
            noted = noted + 1
        WHERE kind = %(kind)s AND link_id = (SELECT id {of_user} AND {is_registered}) AND ({is_due})
    """  # noqa: S608 - nothing but names of columns
    return " ".join(statement.split())
