"""The test site with a user model of its own."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as DATABASES
from tests.settings import INSTALLED_APPS as ALL_APPS
from tests.settings import MIDDLEWARE as ALL_MIDDLEWARE

# A site without allauth, which tests.settings has.
INSTALLED_APPS = [*(app for app in ALL_APPS if not app.startswith("allauth")), "tests.user_models"]
MIDDLEWARE = [path for path in ALL_MIDDLEWARE if not path.startswith("allauth")]
AUTH_USER_MODEL = "members.Member"

if not DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": "test_plenigo_members"}  # the tests that started these have one already
