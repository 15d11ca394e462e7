"""Follows what changes of a user on this site: notes that the vendor is to be told."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import Error, connections, router, transaction
from django.db.models import Exists, OuterRef, Q, Subquery

from django_plenigo import conf
from django_plenigo.errors import ConfigurationError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import outbox
from django_plenigo.services.customers.users import email_of, is_field, own_email_name, profile_of
from django_plenigo.signals import email_change_requested

logger = logging.getLogger(__name__)

Kind = RemoteChange.Kind

#: Nothing is on its way, and no agent is asked.
IN_STEP = Q(due_at=None, refused_at=None)


# ---- what the site does


def follow_save(user: Any, update_fields: Collection[str] | None) -> None:
    """Note what a save can have changed of a user, with one statement for each account; none where it changed nothing.

    In the save's own transaction where there is one. `update_fields` is what was saved, None for all. Outside of a
    transaction an error of the database is logged and breaks nothing; inside of one it is raised, since the
    transaction is broken.
    """
    with _breaking_nothing():
        name = own_email_name(user)
        if name is not None and _can_have_changed(user, name, update_fields):
            request_email_sync(user)
        request_profile_sync(user, update_fields=update_fields)


def follow_log_in(user: Any) -> None:
    """Note what was changed past the signals, by `update()` or by SQL. Errors are treated as in `follow_save`."""
    with _breaking_nothing():
        request_email_sync(user)
        request_profile_sync(user)


def follow_confirmed_address(user: Any) -> None:
    """Note that allauth's primary address is another one now. Errors are treated as in `follow_save`.

    Where the user model has an address of its own, the save that allauth has made of it told already.
    """
    if own_email_name(user) is None:
        with _breaking_nothing():
            request_email_sync(user)


def follow_link(link: CustomerLink, user: Any) -> None:
    """Do as `request_email_sync_of_link`. Errors are treated as in `follow_save`."""
    with _breaking_nothing():
        request_email_sync_of_link(link, user)


def _can_have_changed(user: Any, name: str, update_fields: Collection[str] | None) -> bool:
    # A property may be made of any field.
    return update_fields is None or name in update_fields or not is_field(user, name)


@contextmanager
def _breaking_nothing() -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        logger.error("What has changed of a user could not be noted: %s", error)
    except Error as error:
        if connections[router.db_for_write(RemoteChange)].in_atomic_block:
            raise
        # The kind alone: its text may hold the address.
        text = "What has changed of a user could not be noted (%s); it is found at the next log-in"
        logger.error(text, type(error).__name__)


# ---- what is noted


def request_email_sync(user: Any, *, using: str | None = None) -> bool:
    """Note that the vendor is to be told of a user's address where it knows another one; say whether it was noted.

    One statement for each account, of all accounts or of the one named. Nothing is sent. A change that is waiting or
    refused is noted anew, whatever the address: it may have been changed back.
    """
    differs = ~Q(confirmed_email=email_of(user))
    accounts = [using] if using else conf.accounts()
    noted = [account for account in accounts if outbox.note_where(account, _email_change(account, user, differs))]
    return _tell_requested(user, noted)


def request_email_sync_of_link(link: CustomerLink, user: Any) -> bool:
    """Do as `request_email_sync` for a link that is at hand: without a statement where the two sides agree.

    What is waiting or refused already is not noted again: this may be asked with every page that a reader opens.
    """
    email = email_of(user)
    if not link.is_registered or link.confirmed_email == email:
        return False
    condition = _email_change(link.account, user, ~Q(confirmed_email=email)) & IN_STEP
    return _tell_requested(user, [link.account] if outbox.note_where(link.account, condition) else [])


def request_profile_sync(user: Any, *, using: str | None = None, update_fields: Collection[str] | None = None) -> bool:
    """Do as `request_email_sync` for the names and the language, as far as the accounts follow them.

    What is blank on this side differs from nothing: it is never told. `update_fields` is what was saved, None for all.
    """
    noted = False
    for account in [using] if using else conf.accounts():
        names = [name for name in conf.Account(account).followed_fields if _can_have_changed(user, name, update_fields)]
        if names:
            differs = Q(pk__in=[])
            for name, value in profile_of(user, names).items():
                differs |= ~Q(**{f"confirmed_{name}": value})
            noted |= bool(outbox.note_where(account, _change(account, user, Kind.CHANGE_PROFILE, differs)))
    return noted


def _email_change(account: str, user: Any, differs: Q) -> Q:
    return _change(account, user, Kind.CHANGE_EMAIL, differs)


def _change(account: str, user: Any, kind: str, differs: Q) -> Q:
    """Return which change is to be noted: of a link that `differs` from what is true now, or that is not in step.

    The link by a scalar subquery, not by a join or IN: MariaDB would look at every change that there is.
    """
    link = Subquery(CustomerLink.objects.filter(account=account, user=user.pk).values("pk")[:1])
    of_link = CustomerLink.objects.filter(pk=OuterRef("link_id")).exclude(customer_id=None, external_id=None)
    is_due = Q(Exists(of_link.filter(differs))) | Q(refused_at__isnull=False) | outbox.is_under_way()
    return Q(link=link, kind=kind) & is_due


def _tell_requested(user: Any, accounts: list[str]) -> bool:
    if accounts:
        tell = partial(email_change_requested.send_robust, sender=CustomerLink, user=user, accounts=accounts)
        transaction.on_commit(tell, using=router.db_for_write(RemoteChange), robust=True)
    return bool(accounts)
