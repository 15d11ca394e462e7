"""The site that the tests run in: everything on the sandbox, in process."""

import os
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent

SECRET_KEY = "tests-only-secret-key-of-more-than-fifty-characters-in-length"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
AUTH_USER_MODEL = "auth.User"
LOGIN_URL = "/login/"

DATABASES = {"default": environ.Env().db_url("DATABASE_URL", default="sqlite://:memory:")}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_plenigo",
    "django_plenigo.sandbox",
    "tests.site",
    "allauth",
    "allauth.account",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_plenigo.middleware.PrivateResponseMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# The passwords of tests guard nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

PLENIGO_API = os.environ.get("PLENIGO_API", "v2")
PLENIGO = {
    "default": {
        "API": PLENIGO_API,
        "MODE": "sandbox",
        "DELIVERY": "",
        # So that there is something to tell, as with API v2.
        **({"MIRROR_ACCESS_IDS": True} if PLENIGO_API == "v3" else {}),
    }
}
PLENIGO_SANDBOX = {"ALLOW_WITHOUT_DEBUG": True}

# A continuous integration run must have the services; a developer's machine need not.
SERVICES_REQUIRED = os.environ.get("CI", "").lower() == "true"
