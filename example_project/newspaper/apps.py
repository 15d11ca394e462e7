"""The newspaper's configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NewspaperConfig(AppConfig):
    """The newspaper: articles, offers and readers."""

    name = "newspaper"
    verbose_name = _("Newspaper")
    default_auto_field = "django.db.models.BigAutoField"
