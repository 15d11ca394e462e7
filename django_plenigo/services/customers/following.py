"""Follows what changes of a user on this site, so that the vendor is told."""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Subquery

from django_plenigo import conf
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import outbox
from django_plenigo.services.customers.users import email_of
from django_plenigo.signals import email_change_requested

Kind = RemoteChange.Kind


def request_email_sync(user: Any, *, using: str | None = None) -> bool:
    """Note that the vendor is to be told of a user's address where it knows another one; say whether it was noted.

    One statement for each account, of all accounts or of the one named. Nothing is sent. A refused change is noted
    anew, whatever the address: it may have been changed back.
    """
    email = email_of(user)
    noted = [
        account
        for account in ([using] if using else conf.accounts())
        if outbox.note_where(account, _is_out_of_step(account, user, email))
    ]
    if noted:
        tell = partial(email_change_requested.send_robust, sender=CustomerLink, user=user, accounts=noted)
        transaction.on_commit(tell, robust=True)
    return bool(noted)


def request_email_sync_of_link(link: CustomerLink, user: Any) -> bool:
    """Do as `request_email_sync` for a link that is at hand: without a statement where the two sides agree."""
    if not link.is_registered or link.confirmed_email == email_of(user):
        return False
    return request_email_sync(user, using=link.account)


def _is_out_of_step(account: str, user: Any, email: str) -> Q:
    """Return which change says that the vendor knows another address than `email`.

    The link by a scalar subquery, not by a join or IN: MariaDB would look at every change that there is.
    """
    link = Subquery(CustomerLink.objects.filter(account=account, user=user.pk).values("pk")[:1])
    of_link = CustomerLink.objects.filter(pk=OuterRef("link_id")).exclude(customer_id=None, external_id=None)
    differs = Exists(of_link.exclude(confirmed_email=email))
    return Q(link=link, kind=Kind.CHANGE_EMAIL) & (Q(differs) | Q(refused_at__isnull=False))
