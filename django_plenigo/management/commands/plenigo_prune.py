"""`manage.py plenigo_prune`: delete what nobody needs any more."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_plenigo.errors import ConfigurationError
from django_plenigo.services import access_imports, connection, portals, webhooks


class Kind(NamedTuple):
    """One kind of rows."""

    label: str | Promise
    count: Callable[[datetime], int]
    """How many there are that are older."""
    prune: Callable[[datetime], int]
    """Deletes those, and returns how many there were."""
    days: int = 0
    """How long they are kept by default; 0 where settings say so."""
    shortest_days: int = 1


#: By the name of the option, and of the number that programs are told. Of hand-overs each portal says how long.
KINDS: Mapping[str, Kind] = {
    "webhooks": Kind(
        gettext_lazy("webhook deliveries"), webhooks.count_old, webhooks.prune, 90, webhooks.SHORTEST_DAYS
    ),
    "handovers": Kind(gettext_lazy("portal hand-overs"), portals.count_old, portals.forget_old),
    "connections": Kind(gettext_lazy("connections that came to nothing"), connection.count_old, connection.prune, 90),
    "imports": Kind(gettext_lazy("finished imports of files"), access_imports.count_old, access_imports.prune, 365),
}

#: Longer than anybody keeps anything, and short enough for a date.
MOST_DAYS = 36_500


class Command(BaseCommand):
    """Delete old rows, in chunks, so that it may run beside everything else. What is told of it are numbers alone."""

    help = (
        "Deletes what nobody needs any more: webhook deliveries, portal hand-overs, connections that came to nothing, "
        "finished imports. Safe to run at any time, from cron too, and beside workers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="Count only: nothing is deleted.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
        for name, kind in KINDS.items():
            if kind.days:
                text = f"How long they are kept, at least {kind.shortest_days} days; by default {kind.days}."
                parser.add_argument(f"--{name}-days", type=int, default=kind.days, metavar="DAYS", help=text)

    def handle(self, **options: Any) -> None:
        """Check the options, delete, and say how many rows there were."""
        now, is_dry_run = timezone.now(), options["dry_run"]
        oldest = {name: now - timedelta(days=self._days(name, options)) for name in KINDS}
        counts = {}
        try:
            for name, kind in KINDS.items():
                counts[name] = (kind.count if is_dry_run else kind.prune)(oldest[name])
                if not options["json"]:
                    text = _("%(what)s: %(count)d to be deleted") if is_dry_run else _("%(what)s: %(count)d deleted")
                    self.stdout.write(text % {"what": kind.label, "count": counts[name]})
            if not is_dry_run:
                access_imports.forget_old()
                webhooks.forget_bodies()
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            # The kind alone: what a database says may hold personal data.
            text = _("The database failed (%(kind)s). What was deleted until now is gone; run the command again.")
            raise CommandError(text % {"kind": type(error).__name__}) from None
        if options["json"]:
            self.stdout.write(json.dumps({**counts, "dry_run": is_dry_run}))

    def _days(self, name: str, options: Mapping[str, Any]) -> int:
        kind = KINDS[name]
        if not kind.days:
            return 0
        days: int = options[f"{name}_days"]
        if not kind.shortest_days <= days <= MOST_DAYS:
            text = _("--%(name)s-days must be a whole number from %(least)d to %(most)d.")
            raise CommandError(text % {"name": name, "least": kind.shortest_days, "most": MOST_DAYS})
        return days
