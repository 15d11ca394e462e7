"""Count what the app adds to the start of a site: modules, exactly, in fresh processes.

    python -m benchmarks.startup [--check]

The peer is the same project without the app. After `django.setup()` none of the heavy libraries may be loaded, and DRF
not at the first URL resolve either.
"""

import argparse
import json
import subprocess
import sys

#: Modules that the app may add to `django.setup()`, nearly all of them small files of its own: every process of a site
#: loads the admin's pages, and with them the services that they ask as soon as they are opened.
GATE = 80
HEAVY = ["requests", "urllib3", "jwt", "cryptography", "rest_framework", "openpyxl", "celery", "django_tasks"]

PROGRAM = """
import json, sys
from django.conf import settings
apps = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages"]
with_app = sys.argv[1] == "with"
settings.configure(
    SECRET_KEY="x" * 50,
    INSTALLED_APPS=[*apps, "django_plenigo"] if with_app else apps,
    ROOT_URLCONF="django_plenigo.urls" if with_app else "django.contrib.auth.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PLENIGO={"default": {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": "s" * 40}},
    MIDDLEWARE=["django_plenigo.middleware.PrivateResponseMiddleware"] if with_app else [],
)
import django
django.setup()
after_setup = sorted(sys.modules)
from django.urls import resolve
resolve("/api/checkout/" if with_app else "/login/")
print(json.dumps([after_setup, sorted(sys.modules)]))
"""


def modules(which: str) -> tuple[set[str], set[str]]:
    """Return what is loaded after `django.setup()` and after the first URL resolve, "with" or "without" the app."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, which], capture_output=True, text=True, check=True)
    after_setup, after_resolve = json.loads(ran.stdout)
    return set(after_setup), set(after_resolve)


def main() -> int:
    """Print a line of JSON, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    arguments = parser.parse_args()
    without, _ = modules("without")
    after_setup, after_resolve = modules("with")
    added = sorted(after_setup - without)
    heavy = [name for name in HEAVY if name in after_setup]
    late = [name for name in ["rest_framework"] if name in after_resolve]
    print(json.dumps({"benchmark": "startup", "modules_added": len(added), "gate": GATE, "heavy": heavy, "late": late}))
    sentences = []
    if len(added) > GATE:
        sentences.append(f"Gate missed: the app adds {len(added)} modules, allowed are {GATE}: {', '.join(added)}.")
    if heavy:
        sentences.append(f"Gate missed: {', '.join(heavy)} loaded at the start.")
    if late:
        sentences.append(f"Gate missed: {', '.join(late)} loaded at the first URL resolve.")
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return int(bool(sentences) and arguments.check)


if __name__ == "__main__":
    sys.exit(main())
