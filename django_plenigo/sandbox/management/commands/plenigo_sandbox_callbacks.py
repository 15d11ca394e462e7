"""Send the sandbox's callbacks that are due."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, router

from django_plenigo.sandbox import callbacks
from django_plenigo.sandbox.companies import find_company
from django_plenigo.sandbox.models import CallbackDelivery


class Command(BaseCommand):
    """Send what is due once: with a sandbox in process, no server does it."""

    help = (
        "Sends the sandbox's callbacks that are due by its clock, once. plenigo_sandbox, the server, does so by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the company."""
        parser.add_argument(
            "--company", default="", help="The id of the company whose callbacks are sent; default: all."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send, and say how much was told. Raises `CommandError` where something cannot be sent."""
        table = CallbackDelivery._meta.db_table
        if table not in connections[router.db_for_write(CallbackDelivery)].introspection.table_names():
            raise CommandError("The sandbox's tables are not there yet. Start plenigo_sandbox once, or run migrate.")
        due = callbacks.due()
        if options["company"]:
            company = find_company(options["company"])
            if company is None:
                raise CommandError(f"The sandbox has no company {options['company']!r}.")
            due = due.filter(callback__company=company)
        chosen = list(due.values_list("pk", flat=True))
        number, told = len(chosen), callbacks.send_due(only=chosen)
        if options["verbosity"]:
            self.stdout.write(f"{told} of {number} due callbacks were told.")
        if told < number:
            raise CommandError("The others are made again later. The callback log in the merchant backend says why.")
