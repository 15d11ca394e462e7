"""The test site's app."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Hold the models and templates that only tests need."""

    name = "tests.site"
    label = "tests_site"
    default_auto_field = "django.db.models.BigAutoField"
