"""The app of the members."""

from django.apps import AppConfig


class UserModelsConfig(AppConfig):
    """Hold the member model."""

    name = "tests.user_models"
    label = "members"
    default_auto_field = "django.db.models.BigAutoField"
