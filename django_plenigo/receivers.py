"""Hears what happens on the site and tells the services."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest

from django_plenigo import privacy
from django_plenigo.models import CustomerLink
from django_plenigo.services import customers, outbox


@receiver([user_logged_in, user_logged_out], dispatch_uid="django_plenigo.end_vendor_session")
def on_reader_changed(sender: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Have the browser end the vendor's session too: the next reader of a shared computer must not meet it.

    At a log-in as well: the session of the last reader may have run out, or another takes its place at once. What our
    script cannot end is left: a session that is kept for API v3 stays encrypted on this site, where it opens pages for
    its own reader alone and spares her a device; one in a portal of PLENIGO_PORTALS belongs to the vendor's host, and
    no vendor documents a call that ends it, so a visitor is shown the vendor's own page for it, where there is one.
    """
    guard = privacy.guard_of(request)
    if guard is not None:
        guard.has_ended_session = True


@receiver(user_logged_in, dispatch_uid="django_plenigo.follow_log_in")
def on_logged_in(sender: Any, user: Any, **kwargs: Any) -> None:
    """Find what was changed of a user past the signals."""
    customers.follow_log_in(user)


@receiver(post_save, sender=CustomerLink, dispatch_uid="django_plenigo.make_rows")
def on_link_saved(sender: Any, instance: CustomerLink, created: bool, raw: bool, **kwargs: Any) -> None:
    """Make what a save of the user writes its note to."""
    if created and not raw:  # raw: a fixture, which may bring these rows along
        outbox.make_rows(instance)


def on_user_saved(
    sender: Any, instance: Any, created: bool, raw: bool, update_fields: Collection[str] | None, **kwargs: Any
) -> None:
    """Note what changed of a user. Connected by the app to each class that users are saved by."""
    if not created and not raw:  # raw: a fixture, whose other rows may be missing still
        customers.follow_save(instance, update_fields)


def on_confirmed_address_changed(sender: Any, user: Any, **kwargs: Any) -> None:
    """Note that allauth has another primary address. Connected by the app where allauth is installed."""
    customers.follow_confirmed_address(user)
