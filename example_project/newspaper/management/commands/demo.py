"""Show the whole newspaper on one's own machine: `manage.py demo`."""

import socket
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from django_plenigo.errors import RemoteError
from newspaper.seed import DEMO_READERS, seed_newspaper, seed_readers, seed_sandbox, seed_webhooks

DEFAULT_ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8000

WELCOME = """
{name} is open: {url}

Log in as
{log_ins}

To try
  1. Open {url}article/tram-line-six/ without being logged in, and read on: log in, buy, read.
     Nothing is charged: the checkout is the sandbox's.
  2. Log in as subscriber@example.com and open {url}edition/: no offer, the whole edition.
  3. Log in as the editor at {url}admin/: see who has bought what, give a reader a pass,
     or let plenigo fail, and look at the article again.
  4. Log in as subscriber@example.com and open {url}plenigo/portals/: one click each
     leads to what she pays at OkePay, at 2Checkout and at plenigo, signed in. Cancel there.
  5. Log in as reader@example.com, and pay through OkePay or 2Checkout at the end of {url}offers/.
     A moment later the vendor's webhook has told this site, and the button is at {url}plenigo/portals/.
     At OkePay pay with the address that is filled in: another one is somebody else's.
{connection}
Stop with Ctrl-C. `demo --fresh` starts anew.
"""

CONNECTION = """  6. Log in as reader@example.com at {url}account/ and connect the subscription of somebody
     who has had the printed edition only: customer number {number}, ZIP code 10115.
     The code is in the sandbox's outbox, which the editor sees: {url}admin/plenigo_sandbox/sentmessage/
"""


class Command(BaseCommand):
    """Migrate, seed, and serve the demo."""

    help = "Show the newspaper on plenigo's sandbox: migrates, seeds, prints what to try, and serves."
    requires_migrations_checks = False
    requires_system_checks = []  # runserver runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the address, and the option to start anew."""
        default = f"{DEFAULT_ADDRESS}:{DEFAULT_PORT}"
        parser.add_argument("addrport", nargs="?", default=default, help=f"[address:]port, by default {default}")
        parser.add_argument("--fresh", action="store_true", help="delete all data of the demo's database first")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the demo until Ctrl-C."""
        mode = settings.PLENIGO["default"]["MODE"]
        if mode != "sandbox":
            raise CommandError(f'The demo creates log-ins that everybody knows, so it needs the sandbox, not "{mode}".')
        address, port = parse_address(options["addrport"])
        refuse_busy_port(address, port)
        call_command("migrate", interactive=False, verbosity=0)
        if options["fresh"]:
            call_command("flush", interactive=False, verbosity=0)
        number = seed_sandbox()
        seed_newspaper()
        try:
            seed_readers()
        except RemoteError as error:
            raise CommandError(f"The sandbox did not answer in time ({error}). Please start the demo again.") from error
        url = url_of(address, port)
        seed_webhooks(url)
        import_string("django_plenigo.sandbox.sending.start_sending")()
        self.stdout.write(welcome(url, number if settings.PLENIGO_API == "v3" else ""))
        self.stdout.flush()
        call_command("runserver", f"{address}:{port}", use_reloader=False, use_ipv6=":" in address)


def parse_address(text: str) -> tuple[str, int]:
    """Return address and port of `[address:]port`; an IPv6 address stands in brackets."""
    address, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(f'"{text}" is no address. Write for example 8001 or 127.0.0.1:8001.')
    return address or DEFAULT_ADDRESS, int(port)


def refuse_busy_port(address: str, port: int) -> None:
    """Say what to do where another program listens already, before anything is migrated."""
    host = address.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"{address}:{port} cannot be used ({error.strerror}). "
                f"Choose another port, for example: python example_project/manage.py demo {address}:{port + 1}"
            ) from error


def url_of(address: str, port: int) -> str:
    """Return where this machine finds the demo, with a slash at the end."""
    host = "localhost" if address in {"0.0.0.0", "[::]"} else address  # noqa: S104 - only compared
    return f"http://{host}:{port}/"


def welcome(url: str, number: str) -> str:
    """Return what the terminal shows; `number` is that of an imported subscription which can be connected, or ""."""
    log_ins = "\n".join(f"  {demo.email} / {demo.password}: {demo.description}" for demo in DEMO_READERS)
    connection = CONNECTION.format(url=url, number=number) if number else ""
    return WELCOME.format(name="The Linden Post", url=url, log_ins=log_ins, connection=connection)
