"""The app's configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SandboxConfig(AppConfig):
    """Connect the system checks, the callbacks and the webhooks."""

    name = "django_plenigo.sandbox"
    label = "plenigo_sandbox"
    verbose_name = _("plenigo sandbox")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself."""
        from . import callbacks, checks  # noqa: F401 - registered by being imported
        from .okepay import delivery as okepay  # noqa: F401 - registered by being imported
        from .twocheckout import delivery as twocheckout  # noqa: F401 - registered by being imported
