"""A site in several processes on one real database, with the vendor behind a real socket."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as ALL_APPS
from tests.settings import PLENIGO_SANDBOX as PLENIGO_SANDBOX

PLENIGO = {"default": {"MODE": "sandbox", "TIMEOUT_SECONDS": 30}}
INSTALLED_APPS = ALL_APPS
if "VENDOR_URL" in os.environ:  # this process is the site, another one is the vendor
    PLENIGO["default"]["HOSTS"] = {"api": os.environ["VENDOR_URL"]}
    INSTALLED_APPS = [app for app in ALL_APPS if app != "django_plenigo.sandbox"]
    ROOT_URLCONF = "tests.site.urls"
