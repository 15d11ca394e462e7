"""The settings of the example newspaper.

Without any environment variable it runs on plenigo's sandbox and SQLite. The same code runs on plenigo's stage or live
system, PostgreSQL and Redis by environment variables alone; `PLENIGO_MODE` decides. `PLENIGO_API` chooses between
plenigo's API v2 and v3; `OKEPAY_INSTANCE` and `TWOCHECKOUT_MERCHANT` add the portals of these vendors.
"""

import importlib.util
import os
from pathlib import Path
from typing import Any

import django
import environ
from django.core.exceptions import ImproperlyConfigured

from django_plenigo.sandbox import credentials
from django_plenigo.sandbox.identifiers import access_right_id_of, offer_id_of
from newspaper.products import LEGAL_TEXT, MONTHLY, SANDBOX_IDS

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()


def secret(name: str) -> str:
    """Return a secret of the environment, "" where there is none.

    Not by `env`: django-environ takes a value that begins with `$` for the name of another variable.
    """
    return os.environ.get(name, "")


def required(name: str, value: str, reason: str) -> str:
    """Return a value, or say which environment variable is missing and why it is needed."""
    if not value:
        raise ImproperlyConfigured(f"Set the environment variable {name}: {reason}.")
    return value


# ---- plenigo ---------------------------------------------------------------------------------------------------

PLENIGO_MODE = env.str("PLENIGO_MODE", default="sandbox")
if PLENIGO_MODE not in {"sandbox", "stage", "live"}:
    raise ImproperlyConfigured(f'PLENIGO_MODE must be "sandbox", "stage" or "live", not {PLENIGO_MODE!r}.')
IS_SANDBOX = PLENIGO_MODE == "sandbox"

PLENIGO_API = env.str("PLENIGO_API", default="v2")
if PLENIGO_API not in {"v2", "v3"}:
    raise ImproperlyConfigured(f'PLENIGO_API must be "v2" or "v3", not {PLENIGO_API!r}.')

#: What plenigo calls the newspaper's products, with either API. Elsewhere than on the sandbox as JSON, for instance
#: {"day-pass": {"product_id": "...", "offer_id": "O_...", "access_right_id": "..."}}.
PRODUCTS: dict[str, dict[str, str]] = {
    name: {
        "product_id": product_id,
        "offer_id": offer_id_of(product_id),
        "access_right_id": access_right_id_of(product_id),
    }
    for name, product_id in SANDBOX_IDS.items()
}
if not IS_SANDBOX:
    PRODUCTS = env.json("PLENIGO_PRODUCTS", default={})

#: The networks of this site's own reverse proxies, for instance 10.0.0.0/8.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])

PLENIGO: dict[str, dict[str, Any]] = {
    "default": {
        "API": PLENIGO_API,
        "MODE": PLENIGO_MODE,
        "PRODUCTS": PRODUCTS,
        "LEGAL_TEXT": LEGAL_TEXT,
        "TRUSTED_PROXIES": TRUSTED_PROXIES,
        "TIMEOUT_SECONDS": env.float("PLENIGO_TIMEOUT_SECONDS", default=5.0),
        "EMAIL_IS_VERIFIED": "newspaper.models.has_verified_email",
    }
}
if IS_SANDBOX:
    # The sandbox brings credentials of its own; real ones are not even read. With DEBUG off it stays closed unless
    # somebody opens it on purpose: everybody can "buy" on it.
    PLENIGO_SANDBOX = {"ALLOW_WITHOUT_DEBUG": env.bool("PLENIGO_SANDBOX_WITHOUT_DEBUG", default=False)}
else:
    reason = f'PLENIGO_MODE is "{PLENIGO_MODE}"'
    PLENIGO["default"] |= {
        "COMPANY_ID": required("PLENIGO_COMPANY_ID", secret("PLENIGO_COMPANY_ID"), reason),
        "SECRET": required("PLENIGO_SECRET", secret("PLENIGO_SECRET"), reason),
        "TEST_MODE": env.bool("PLENIGO_TEST_MODE", default=False),
    }

# ---- other vendors ---------------------------------------------------------------------------------------------

#: The pages of other vendors where readers manage what they pay there.
PLENIGO_PORTALS: dict[str, dict[str, Any]] = {}

#: The pages where they begin to pay, by portal. In them {email} stands for the reader's address and {way_back} for the
#: page of this site that she comes back to; the newspaper adds its own reference of her.
BUY_LINKS: dict[str, str] = {}

#: Where the buttons of the portals lead to: a browser holds the answer to a form against the policy, too.
PORTAL_ORIGINS: list[str] = []

OKEPAY, TWOCHECKOUT = (
    "django_plenigo.protocols.okepay.OkePay",
    "django_plenigo.protocols.twocheckout.TwoCheckout",
)
if IS_SANDBOX:
    # The sandbox plays both, with credentials of its own. The key signs what it tells this site; everybody may know it.
    PLENIGO_PORTALS = {
        "okepay": {"BACKEND": OKEPAY, "MODE": "sandbox", "WEBHOOK_KEYS": ["only-for-the-demo-on-the-sandbox"]},
        "2checkout": {"BACKEND": TWOCHECKOUT, "MODE": "sandbox"},
    }
    offer = "product=Monthly+subscription&amount=990&currency=EUR&interval=P1M&email={email}&returnUrl={way_back}"
    BUY_LINKS = {
        "okepay": f"/plenigo-sandbox/okepay/{credentials.OKEPAY_INSTANCE}/pay/?" + offer,
        "2checkout": f"/plenigo-sandbox/order/checkout/?PRODS={SANDBOX_IDS[MONTHLY]}",
    }
else:
    # OKEPAY_INSTANCE is the first part of your page's host there, OKEPAY_DOMAIN the rest (payrexx.com at Payrexx).
    # OKEPAY_WEBHOOK_KEYS and OKEPAY_BUY_LINK may be left out: then no webhook is believed, and nothing is sold there.
    if instance := env.str("OKEPAY_INSTANCE", default=""):
        okepay_domain = env.str("OKEPAY_DOMAIN", default="okepay.info")
        PLENIGO_PORTALS["okepay"] = {
            "BACKEND": OKEPAY,
            "MODE": "live",
            "INSTANCE": instance,
            "BASE_DOMAIN": okepay_domain,
            "SECRET": required("OKEPAY_SECRET", secret("OKEPAY_SECRET"), "OKEPAY_INSTANCE is set"),
            "WEBHOOK_KEYS": secret("OKEPAY_WEBHOOK_KEYS").split(),
        }
        PORTAL_ORIGINS.append(f"https://{instance}.{okepay_domain}")
        BUY_LINKS["okepay"] = env.str("OKEPAY_BUY_LINK", default="")
    # TWOCHECKOUT_DOMAIN is the custom domain of the account: the host of the vendor's links.
    if merchant := env.str("TWOCHECKOUT_MERCHANT", default=""):
        reason = "TWOCHECKOUT_MERCHANT is set"
        twocheckout_domain = required("TWOCHECKOUT_DOMAIN", env.str("TWOCHECKOUT_DOMAIN", default=""), reason)
        PLENIGO_PORTALS["2checkout"] = {
            "BACKEND": TWOCHECKOUT,
            "MODE": "live",
            "MERCHANT": merchant,
            "SECRET_KEY": required("TWOCHECKOUT_KEY", secret("TWOCHECKOUT_KEY"), reason),
            "CUSTOM_DOMAIN": twocheckout_domain,
        }
        PORTAL_ORIGINS.append(f"https://{twocheckout_domain}")
        BUY_LINKS["2checkout"] = env.str("TWOCHECKOUT_BUY_LINK", default="")

# ---- security --------------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=IS_SANDBOX)

SECRET_KEY = secret("SECRET_KEY")
if DEBUG and IS_SANDBOX:
    SECRET_KEY = SECRET_KEY or "only-for-the-demo-on-the-sandbox-with-debug-on-and-nowhere-else"
else:
    required("SECRET_KEY", SECRET_KEY, "only the demo, on the sandbox and with DEBUG on, does without")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

#: Whether readers come by https; a demo on one's own machine does not.
HTTPS = env.bool("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=3600 if HTTPS else 0)
if TRUSTED_PROXIES:
    # The proxy must set this header itself and drop the one that a browser sent.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SILENCED_SYSTEM_CHECKS = [
    # Subdomains and the browsers' preload list: a decision for a whole domain, which an example cannot take.
    "security.W005",
    "security.W021",
    # The policy below does not run the onclick snippet: the templates use {% plenigo_checkout_button %} only.
    "plenigo.I001",
]

# The vendor publishes no list of its hosts, so its domains are allowed, the old one and the one that it moves to.
# The sandbox lives on this very site.
VENDOR_ORIGINS = {
    "sandbox": [],
    "stage": ["https://*.plenigo-stage.com", "https://*.frisbii-media-stage.com"],
    "live": ["https://*.plenigo.com", "https://*.frisbii-media.com"],
}[PLENIGO_MODE]
POLICY = {
    "default-src": ["'self'"],
    "script-src": ["'self'", *VENDOR_ORIGINS],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "frame-src": ["'self'", *VENDOR_ORIGINS],
    "connect-src": ["'self'", *VENDOR_ORIGINS],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'", *PORTAL_ORIGINS],
}
CSP_MIDDLEWARE: list[str] = []
CSP_CONTEXT_PROCESSORS: list[str] = []
if django.VERSION >= (6, 0):
    from django.utils.csp import CSP

    CSP_MIDDLEWARE = ["django.middleware.csp.ContentSecurityPolicyMiddleware"]
    CSP_CONTEXT_PROCESSORS = ["django.template.context_processors.csp"]
    SECURE_CSP = POLICY | {"script-src": [*POLICY["script-src"], CSP.NONCE]}
elif importlib.util.find_spec("csp"):  # Django 5.2 has no such header of its own
    from csp.constants import NONCE

    CSP_MIDDLEWARE = ["csp.middleware.CSPMiddleware"]
    CONTENT_SECURITY_POLICY = {"DIRECTIVES": POLICY | {"script-src": [*POLICY["script-src"], NONCE]}}

# ---- the site --------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "newspaper",  # first: its templates dress the package's pages
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_plenigo",
    *(["django_plenigo.sandbox"] if IS_SANDBOX else []),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    *CSP_MIDDLEWARE,
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_plenigo.middleware.PrivateResponseMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "newspaper.context_processors.newspaper",
                *CSP_CONTEXT_PROCESSORS,
            ],
        },
    },
]

# ---- database and cache ----------------------------------------------------------------------------------------

# A customer has another id in API v3, so that each has data of its own unless somebody moves them on purpose.
SQLITE = BASE_DIR / ("newspaper.sqlite3" if PLENIGO_API == "v2" else f"newspaper-{PLENIGO_API}.sqlite3")
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{SQLITE}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Several threads write: the site, and in the same process the sandbox.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,  # seconds
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The demo is one process; several need a cache that they share.
CACHES = {"default": env.cache_url_config(env.str("CACHE_URL", env.str("REDIS_URL", "locmemcache://newspaper")))}

# ---- readers ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "newspaper.Reader"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "log-in"
LOGIN_REDIRECT_URL = "front-page"
LOGOUT_REDIRECT_URL = "front-page"

# ---- language and time -----------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_TZ = True
TIME_ZONE = "Europe/Berlin"

# ---- files and logs --------------------------------------------------------------------------------------------

# With DEBUG on, runserver serves these by itself. Elsewhere `collectstatic` gathers them, and the web server (or
# WhiteNoise) serves the directory.
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static_root"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        # Only what went wrong: a line for each style sheet, or for each page that is for subscribers, helps nobody.
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": ["console"], "level": "ERROR", "propagate": False},
    },
}
