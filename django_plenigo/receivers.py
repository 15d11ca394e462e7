"""Hears what happens on the site and tells the services."""

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from django_plenigo import privacy


@receiver(user_logged_out, dispatch_uid="django_plenigo.end_vendor_session")
def on_user_logged_out(sender: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Have the reader's browser end the vendor's session too: the next reader of a shared computer must not meet it."""
    guard = privacy.guard_of(request)
    if guard is not None:
        guard.has_ended_session = True
