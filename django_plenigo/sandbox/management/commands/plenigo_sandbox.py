"""Serve the sandbox on a socket of its own."""

import errno
import json
import signal
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, router
from django.db.migrations.recorder import MigrationRecorder
from django.utils.module_loading import import_string

from django_plenigo.sandbox import credentials
from django_plenigo.sandbox.imports import seed_imported_customer
from django_plenigo.sandbox.models import Company
from django_plenigo.sandbox.okepay.instances import seed_okepay
from django_plenigo.sandbox.seed import seed
from django_plenigo.sandbox.twocheckout.merchants import seed_demo

DEFAULT_ADDRESS = "127.0.0.1:8090"

#: What `--credentials` prints.
DEMO_CREDENTIALS = {
    "company_id": credentials.COMPANY_ID,
    "secret": credentials.SECRET,
    "api_token": credentials.API_TOKEN,
    "twocheckout_merchant": credentials.TWOCHECKOUT_MERCHANT,
    "twocheckout_key": credentials.TWOCHECKOUT_KEY,
    "okepay_instance": credentials.OKEPAY_INSTANCE,
    "okepay_secret": credentials.OKEPAY_SECRET,
}

#: What the merchant backend needs, and nothing of the site's own.
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

#: Settings of this process. The server is for a developer's machine and speaks plain HTTP.
OVERRIDES: dict[str, Any] = {
    "ROOT_URLCONF": "django_plenigo.sandbox.server_urls",
    "MIDDLEWARE": MIDDLEWARE,
    "ALLOWED_HOSTS": ["*"],
    "SECURE_SSL_REDIRECT": False,
    "SESSION_COOKIE_SECURE": False,
    "CSRF_COOKIE_SECURE": False,
    "FORCE_SCRIPT_NAME": None,
    "STATIC_URL": "/static/",
    "PLENIGO_SANDBOX": {"ALLOW_WITHOUT_DEBUG": True},
}
PLAIN_STATIC_FILES = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


class Command(BaseCommand):
    """Migrate and seed what is missing, say `ready: URL` in one line, and serve until SIGTERM or SIGINT."""

    help = (
        "Serves plenigo's API, check-out and merchant backend (Django's admin, at /admin/) on an address of its own, "
        "2Checkout's and OkePay's, for a developer's machine. Nothing is charged. It migrates the database and makes "
        "no user: to log in at the merchant backend, make one with the command createsuperuser after the first start."
    )
    # To run it is to allow it: the check that shuts the sandbox on public sites must not stop it.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address."""
        parser.add_argument(
            "address",
            nargs="?",
            default=DEFAULT_ADDRESS,
            metavar="addr:port",
            help=f"Default {DEFAULT_ADDRESS}. Port 0 finds a free one.",
        )
        parser.add_argument(
            "--credentials",
            action="store_true",
            help="Print the demo company's credentials for all that the sandbox plays as JSON instead of serving.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve, or print the credentials."""
        if options["credentials"]:
            self.stdout.write(json.dumps(DEMO_CREDENTIALS))
            return
        host, port = parse_address(options["address"])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        for name, value in OVERRIDES.items():
            setattr(settings, name, value)
        settings.STORAGES = {**settings.STORAGES, "staticfiles": PLAIN_STATIC_FILES}
        with tempfile.TemporaryDirectory(prefix="plenigo-sandbox-") as folder:
            self._serve(host, port, Path(folder))

    def _serve(self, host: str, port: int, folder: Path) -> None:
        # By dotted path: the server reads settings when it is imported, and other commands need none of it.
        application = import_string("django_plenigo.sandbox.server.make_application")()
        try:
            server = import_string("django_plenigo.sandbox.server.SandboxServer")(host, port, application)
        except OSError as error:
            raise CommandError(_explain(error, host, port)) from None
        with server:
            _prepare_database(folder)
            stop_sending = import_string("django_plenigo.sandbox.sending.start_sending")()
            self.stdout.write(f"ready: {server.url}")
            self.stdout.flush()
            try:
                server.serve_forever()
            finally:
                stop_sending()


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `addr:port`, `[addr]:port` or `port`. Raises `CommandError`."""
    host, _colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise CommandError(f"{text!r} is no address. Write it as {DEFAULT_ADDRESS}, or the port alone.")
    return host, int(port)


def _stop(signum: int, frame: Any) -> NoReturn:
    raise SystemExit(0)


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{host}:{port} is in use. End the program that serves there, or choose another port: "
            f"plenigo_sandbox {host}:{port + 1 if port < 65535 else 0} (port 0 finds a free one)."
        )
    return f"Cannot serve at {host}:{port}: {error.strerror or error}. Choose another address."


def _prepare_database(folder: Path) -> None:
    """Migrate an empty database; of one that is in use, only the sandbox's own tables. Then seed."""
    alias = router.db_for_write(Company)
    connection = connections[alias]
    if connection.vendor == "sqlite":
        _prepare_sqlite(alias, folder)
        connection = connections[alias]
    is_new = not MigrationRecorder(connection).has_table()
    labels = [] if is_new else ["plenigo_sandbox"]
    call_command("migrate", *labels, database=alias, interactive=False, verbosity=0)
    seed_imported_customer(seed())
    seed_okepay()
    seed_demo()
    connections.close_all()  # the threads that serve have connections of their own


def _prepare_sqlite(alias: str, folder: Path) -> None:
    """Make SQLite fit for several threads."""
    connection = connections[alias]
    values = connection.settings_dict
    if connection.is_in_memory_db():  # type: ignore[attr-defined]  # of SQLite's connections
        values["NAME"] = str(folder / "sandbox.sqlite3")  # in memory, each thread would have its own
    # A transaction that reads before it writes cannot wait for another one; begun as a write, it can.
    values["OPTIONS"] = {**values["OPTIONS"], "transaction_mode": "IMMEDIATE", "timeout": 20}
    connection.close()
    del connections[alias]
