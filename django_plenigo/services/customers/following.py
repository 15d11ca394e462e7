"""Follows what changes of a user on this site: notes that the vendor is to be told."""

import logging
from collections.abc import Collection
from functools import partial
from types import TracebackType
from typing import Any

from django.db import Error, connections, router, transaction

from django_plenigo import conf
from django_plenigo.errors import ConfigurationError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import outbox
from django_plenigo.services.customers.statement import note_difference
from django_plenigo.services.customers.users import email_of, is_field, own_email_name, profile_of
from django_plenigo.signals import email_change_requested

logger = logging.getLogger(__name__)

Kind = RemoteChange.Kind

# ---- what the site does


def follow_save(user: Any, update_fields: Collection[str] | None) -> None:
    """Note what a save can have changed of a user, with one statement for each account; none where it changed nothing.

    In the save's own transaction where there is one. `update_fields` is what was saved, None for all. Whatever the
    site's own user model raises is logged and breaks nothing; so is an error of the database outside of a transaction.
    Inside of one it is raised, since the transaction is broken.
    """
    with _breaking_nothing:
        name = own_email_name(user)
        if name is not None and _can_have_changed(user, name, update_fields):
            request_email_sync(user)
    with _breaking_nothing:
        request_profile_sync(user, update_fields=update_fields)


def follow_log_in(user: Any) -> None:
    """Note what was changed past the signals, by `update()` or by SQL. Errors are treated as in `follow_save`.

    So are links: one of `bulk_create` lacks what a save writes its note to.
    """
    with _breaking_nothing:
        outbox.make_missing_rows(user)
    with _breaking_nothing:
        request_email_sync(user)
    with _breaking_nothing:
        request_profile_sync(user)


def follow_confirmed_address(user: Any) -> None:
    """Note that allauth's primary address is another one now. Errors are treated as in `follow_save`.

    Where the user model has an address of its own, the save that allauth has made of it told already.
    """
    if own_email_name(user) is None:
        with _breaking_nothing:
            request_email_sync(user)


def follow_link(link: CustomerLink, user: Any) -> None:
    """Do as `request_email_sync_of_link`. Errors are treated as in `follow_save`."""
    with _breaking_nothing:
        request_email_sync_of_link(link, user)


def _can_have_changed(user: Any, name: str, update_fields: Collection[str] | None) -> bool:
    # A property may be made of any field.
    return update_fields is None or name in update_fields or not is_field(user, name)


class _BreakingNothing:
    """Logs what a block raises. No generator: this is part of every save of a user."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        if isinstance(error, ConfigurationError):
            logger.error("What has changed of a user could not be noted: %s", error)
            return True
        if isinstance(error, Error) and connections[router.db_for_write(RemoteChange)].in_atomic_block:
            return False
        # The kind alone: its text may hold the address. A property of the user model may raise anything.
        text = "What has changed of a user could not be noted (%s); it is found at the next log-in"
        logger.error(text, type(error).__name__)
        return True


_breaking_nothing = _BreakingNothing()


# ---- what is noted


def request_email_sync(user: Any, *, using: str | None = None) -> bool:
    """Note that the vendor is to be told of a user's address where it knows another one; say whether it was noted.

    One statement for each account, of all accounts or of the one named. Nothing is sent. A change that is waiting or
    refused is noted anew, whatever the address: it may have been changed back. A user without an address is refused
    once, and not with each save.
    """
    email, accounts = email_of(user), [using] if using else conf.accounts()
    values, renews = {"confirmed_email": email}, bool(email)
    noted = [
        account
        for account in accounts
        if note_difference(account, user, Kind.CHANGE_EMAIL, values, renews_refused=renews)
    ]
    return _tell_requested(user, noted)


def request_email_sync_of_link(link: CustomerLink, user: Any) -> bool:
    """Do as `request_email_sync` for a link that is at hand: without a statement where the two sides agree.

    What is waiting or refused already is not noted again: this may be asked with every page that a reader opens.
    """
    email = email_of(user)
    if not link.is_registered or link.confirmed_email == email:
        return False
    values = {"confirmed_email": email}
    is_noted = note_difference(
        link.account, user, Kind.CHANGE_EMAIL, values, renews_waiting=False, renews_refused=False
    )
    return _tell_requested(user, [link.account] if is_noted else [])


def request_profile_sync(user: Any, *, using: str | None = None, update_fields: Collection[str] | None = None) -> bool:
    """Do as `request_email_sync` for the names and the language, as far as the accounts follow them.

    What is blank on this side differs from nothing: it is never told. `update_fields` is what was saved, None for all.
    """
    noted = False
    for account in [using] if using else conf.accounts():
        names = [name for name in conf.Account(account).followed_fields if _can_have_changed(user, name, update_fields)]
        values = {f"confirmed_{name}": value for name, value in profile_of(user, names).items()} if names else {}
        if values:
            noted |= note_difference(account, user, Kind.CHANGE_PROFILE, values)
    return noted


def _tell_requested(user: Any, accounts: list[str]) -> bool:
    if accounts and email_change_requested.has_listeners(CustomerLink):
        tell = partial(email_change_requested.send_robust, sender=CustomerLink, user=user, accounts=accounts)
        transaction.on_commit(tell, using=router.db_for_write(RemoteChange), robust=True)
    return bool(accounts)
