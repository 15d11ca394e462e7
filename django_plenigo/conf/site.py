"""What this package reads of the site's other settings."""

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from django_plenigo.conf.options import TASKS_RUN_AT_ONCE
from django_plenigo.errors import ConfigurationError


def is_behind_proxy() -> bool:
    """Say whether the settings tell that a proxy of the site's own stands before it."""
    return bool(settings.SECURE_PROXY_SSL_HEADER or settings.USE_X_FORWARDED_HOST)


def is_installed(app: str) -> bool:
    """Say whether an app is among INSTALLED_APPS."""
    return apps.is_installed(app)


def task_backend() -> str:
    """Return the name of the class that has the site's tasks run, by the setting TASKS or Django's own default."""
    tasks = getattr(settings, "TASKS", None) or {}
    entry = tasks.get("default") if isinstance(tasks, dict) else None
    path = entry.get("BACKEND", "") if isinstance(entry, dict) else ""
    return str(path).rpartition(".")[2] or TASKS_RUN_AT_ONCE


def secret_key() -> str | bytes:
    """Return the site's own secret."""
    key: str | bytes = settings.SECRET_KEY
    return key


def signing_keys() -> tuple[str | bytes, ...]:
    """Return the keys that this site's signatures may be made with; the first signs."""
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


def csrf_header() -> str:
    """Return the name of the header that Django looks for the CSRF token in, as a browser sends it."""
    return str(settings.CSRF_HEADER_NAME).removeprefix("HTTP_").replace("_", "-").title()


def keeps_sessions_on_server() -> bool:
    """Say whether a browser has no more of its session than the key: what is in a signed cookie, it can read."""
    return not str(settings.SESSION_ENGINE).endswith(".signed_cookies")


def check_session_store() -> None:
    """Raise `ConfigurationError` where a secret in a reader's session would be open to the browser."""
    if not keeps_sessions_on_server():
        text = "SESSION_ENGINE keeps sessions in a cookie, which the browser can read; choose one that keeps them here."
        raise ConfigurationError(text)


def middleware() -> list[str]:
    """Return the site's MIDDLEWARE."""
    return list(settings.MIDDLEWARE)


def has_content_security_policy() -> bool:
    """Say whether the site sends a Content-Security-Policy, by Django's own middleware or django-csp."""
    known = (".ContentSecurityPolicyMiddleware", "csp.middleware.CSPMiddleware")
    return any(path.endswith(known) for path in middleware())


def is_sandbox_open() -> bool:
    """Say whether this site lets the sandbox be used: while DEBUG is on, or where it says so on purpose."""
    return bool(import_string("django_plenigo.sandbox.conf.is_open")())


def sandbox_company_id() -> str:
    """Return the id of the sandbox's demo company."""
    return str(import_string("django_plenigo.sandbox.credentials.COMPANY_ID"))
