"""Hears what happens on the site and tells the services."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from django_plenigo import privacy


@receiver([user_logged_in, user_logged_out], dispatch_uid="django_plenigo.end_vendor_session")
def on_reader_changed(sender: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Have the browser end the vendor's session too: the next reader of a shared computer must not meet it.

    At a log-in as well: the session of the last reader may have run out, or another takes its place at once.
    """
    guard = privacy.guard_of(request)
    if guard is not None:
        guard.has_ended_session = True
