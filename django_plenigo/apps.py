"""The app's configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PlenigoConfig(AppConfig):
    """Connect receivers and checks."""

    name = "django_plenigo"
    label = "plenigo"
    verbose_name = _("plenigo")
    # Named here: Django 6.0 changed the default, and 5.2 would want another migration than 6.x.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what registers itself."""
        from django_plenigo import checks, receivers  # noqa: F401 - registered by being imported
