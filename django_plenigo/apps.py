"""The app's configuration."""

import logging
import re

from django.apps import AppConfig, apps
from django.contrib.auth import get_user_model
from django.db.models.signals import post_save
from django.utils.translation import gettext_lazy as _

#: The query of an address below `webhooks/`, in a request's first line.
_QUERY_OF_WEBHOOK = re.compile(r"(webhooks/[^?]*)\?.*?(?= HTTP/|$)")


def leave_out_tokens(record: logging.LogRecord) -> bool:
    """Leave the queries of webhooks, which may hold a token, out of what Django's own server logs, and log it.

    That server writes the line as it was sent, whatever a view has taken out of its request.
    """
    if isinstance(record.args, tuple):
        record.args = tuple(
            _QUERY_OF_WEBHOOK.sub(r"\1", each) if isinstance(each, str) else each for each in record.args
        )
    return True


class PlenigoConfig(AppConfig):
    """Connect receivers and checks."""

    name = "django_plenigo"
    label = "plenigo"
    verbose_name = _("plenigo")
    # Named here: Django 6.0 changed the default, and 5.2 would want another migration than 6.x.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself, and connect what needs to know the site's models and apps."""
        from django_plenigo import checks, heartbeat, receivers  # noqa: F401 - checks are registered by being imported

        logging.getLogger("django.server").addFilter(leave_out_tokens)

        # A proxy or a subclass sends the signal under its own name, so a receiver of AUTH_USER_MODEL hears nothing.
        user_model = get_user_model()._meta.concrete_model or get_user_model()
        for model in apps.get_models():
            if issubclass(model, user_model):
                post_save.connect(receivers.on_user_saved, sender=model, dispatch_uid="django_plenigo.follow_save")
        if apps.is_installed("allauth.account"):
            from allauth.account.signals import email_changed, email_removed

            for signal in (email_changed, email_removed):
                signal.connect(
                    receivers.on_confirmed_address_changed, dispatch_uid="django_plenigo.follow_confirmed_address"
                )
