"""Send the sandbox's callbacks and webhooks that are due."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, router

from django_plenigo.sandbox import callbacks, webhooks
from django_plenigo.sandbox.companies import find_company
from django_plenigo.sandbox.models import WebhookDelivery


class Command(BaseCommand):
    """Send what is due once: with a sandbox in process, no server does it."""

    help = (
        "Sends the sandbox's callbacks and webhooks that are due by its clock, once. plenigo_sandbox, the server, "
        "does so by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the company."""
        parser.add_argument(
            "--company", default="", help="The id of the company whose callbacks and webhooks are sent; default: all."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send, and say how much was told. Raises `CommandError` where something cannot be sent."""
        table = WebhookDelivery._meta.db_table  # the younger of the two tables
        if table not in connections[router.db_for_write(WebhookDelivery)].introspection.table_names():
            raise CommandError("The sandbox's tables are not there yet. Start plenigo_sandbox once, or run migrate.")
        due_callbacks, due_webhooks = callbacks.due(), webhooks.due()
        if options["company"]:
            company = find_company(options["company"])
            if company is None:
                raise CommandError(f"The sandbox has no company {options['company']!r}.")
            due_callbacks = due_callbacks.filter(callback__company=company)
            due_webhooks = due_webhooks.filter(webhook__company=company)
        chosen = [list(rows.values_list("pk", flat=True)) for rows in (due_callbacks, due_webhooks)]
        number = sum(map(len, chosen))
        told = callbacks.send_due(only=chosen[0]) + webhooks.send_due(only=chosen[1])
        if options["verbosity"]:
            self.stdout.write(f"{told} of {number} due callbacks were told.")
        if told < number:
            raise CommandError("The others are made again later. The logs in the merchant backend say why.")
