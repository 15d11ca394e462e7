"""The setting `PLENIGO_SANDBOX`, read at each access."""

from typing import Any

from django.conf import settings

#: Every key, with its default.
OPTIONS: dict[str, Any] = {"ALLOW_WITHOUT_DEBUG": False}


def raw() -> Any:
    """Return the setting as the site wrote it, which a check looks at."""
    return getattr(settings, "PLENIGO_SANDBOX", {})


def is_open() -> bool:
    """Say whether the sandbox may answer: while DEBUG is on, or where the site says so on purpose."""
    value = raw()
    return bool(settings.DEBUG) or (isinstance(value, dict) and value.get("ALLOW_WITHOUT_DEBUG") is True)
