"""`manage.py plenigo_migrate_v3`: give the links of a site that has spoken API v2 the customer ids of API v3."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from django_plenigo import conf
from django_plenigo.errors import ConfigurationError, RemoteError, UnsupportedOperationError
from django_plenigo.management.progress import Progress
from django_plenigo.models import CustomerLink
from django_plenigo.services.customers.moving import Move, Moved, links_to_move, move_links

STOPPED, LEFTOVERS = 1, 2

#: Outcomes that somebody has to look at.
LEFT = (Moved.WITHOUT_EXTERNAL_ID, Moved.UNKNOWN, Moved.OTHER_ADDRESS, Moved.CONFLICT)


class Command(BaseCommand):
    """Look every link up by its external id. Nothing is written without --apply; a run can be repeated.

    Exit codes: 0 all have, or would have, their new ids; 1 stopped by trouble, run it again; 2 some have to be looked
    at.
    """

    help = "Find the customers of API v2 in API v3 by their external ids, and keep their new customer ids."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--using", default=conf.DEFAULT_ACCOUNT, help="Account of API v3, an alias in PLENIGO.")
        parser.add_argument("--links-of", help="Account whose links are looked up; by default the same.")
        parser.add_argument("--apply", action="store_true", help="Write the new ids; without, they are only looked up.")
        parser.add_argument("--workers", type=int, help="Calls at the same time; by default DELIVERY_WORKERS.")
        parser.add_argument("--after", type=int, help="Begin after the link with this primary key.")
        parser.add_argument("--json", action="store_true", help="Print the summary as one JSON object.")

    def handle(
        self,
        *,
        using: str,
        links_of: str | None,
        apply: bool,
        workers: int | None,
        after: int | None,
        **options: Any,
    ) -> None:
        """Go through the links in the order of their keys."""
        links_of = links_of or using
        self._check_accounts(using, links_of, apply)
        workers = workers or conf.Account(using).delivery_workers
        if not 1 <= workers <= conf.MOST_WORKERS:
            text = _("--workers must be a whole number from 1 to %(most)d.")
            raise CommandError(text % {"most": conf.MOST_WORKERS})
        self.counts: Counter[Moved] = Counter()
        self.conflicts: list[CustomerLink] = []
        self.last_key = after
        total = CustomerLink.objects.filter(account=links_of).count()
        self.progress = Progress(self.stdout, total, is_quiet=bool(options["json"]))
        stop = self._move_all(links_of, using, workers, apply)
        for link in self.conflicts:
            self._end(Move(link, Moved.CONFLICT))
        self.progress.erase()
        self._summarise(stop, apply=apply, as_json=bool(options["json"]))
        if stop:
            sys.exit(STOPPED)
        if any(self.counts[outcome] for outcome in LEFT):
            sys.exit(LEFTOVERS)

    def _move_all(self, links_of: str, using: str, workers: int, apply: bool) -> str:
        """Return why the run had to stop, "" where it came to the end."""
        try:
            move = partial(move_links, using=using, workers=workers, writes=apply)
            for chunk in links_to_move(links_of, after=self.last_key):
                self.conflicts += self._count(move(chunk))
                self.last_key = chunk[-1].pk
                self.progress.advance(len(chunk))
            # Whose new id another link had with API v2 can have it once that one is moved.
            while self.conflicts and len(left := self._count(move(self.conflicts))) < len(self.conflicts):
                self.conflicts = left
        except UnsupportedOperationError as error:
            raise CommandError(_("%(error)s Give --using an account of API v3.") % {"error": error}) from None
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        except RemoteError as error:
            return str(error)
        except KeyboardInterrupt:
            return _("interrupted")
        return ""

    def _count(self, moves: list[Move]) -> list[CustomerLink]:
        """Count what has come to an end, and return the links that are in conflict as yet."""
        for move in moves:
            if move.outcome is not Moved.CONFLICT:
                self._end(move)
        return [move.link for move in moves if move.outcome is Moved.CONFLICT]

    def _end(self, move: Move) -> None:
        self.counts[move.outcome] += 1
        if move.outcome in LEFT:
            self._complain(move)

    def _check_accounts(self, using: str, links_of: str, apply: bool) -> None:
        for name in (using, links_of):
            if name not in conf.accounts():
                text = _("There is no account %(name)s in PLENIGO; known are: %(known)s.")
                raise CommandError(text % {"name": repr(name), "known": ", ".join(conf.accounts())})
        if apply and conf.Account(links_of).generation != "v3":
            text = _("Set the API of the account %(name)s to v3 first: with v2 the new ids would be nobody's.")
            raise CommandError(text % {"name": repr(links_of)})

    def _complain(self, move: Move) -> None:
        texts = {
            Moved.WITHOUT_EXTERNAL_ID: _("has no external id to be found by"),
            Moved.UNKNOWN: _("nobody at plenigo has its external id"),
            Moved.OTHER_ADDRESS: _("the customer with this number has another e-mail address"),
            Moved.CONFLICT: _("the customer with its external id is linked to another user"),
        }
        # Keys, not addresses or ids: this line may end in a log.
        text = _("link %(link)s of user %(user)s: %(reason)s")
        self.progress.erase()
        line = text % {"link": move.link.pk, "user": move.link.user_id, "reason": texts[move.outcome]}
        self.stderr.write(line)

    def _summarise(self, stop: str, *, apply: bool, as_json: bool) -> None:
        counts = self.counts
        if as_json:
            numbers = {outcome.value: counts[outcome] for outcome in Moved}
            self.stdout.write(json.dumps({**numbers, "applied": apply, "stopped": stop, "last_key": self.last_key}))
            return
        texts = {
            Moved.SAME: _("have the customer id of API v3"),
            Moved.MOVED: _("were given the customer id of API v3") if apply else _("would be given another id"),
            Moved.WITHOUT_EXTERNAL_ID: _("have no external id"),
            Moved.UNKNOWN: _("are unknown to API v3"),
            Moved.OTHER_ADDRESS: _("have a number whose customer has another e-mail address"),
            Moved.CONFLICT: _("are in conflict with another user's link"),
        }
        for outcome, text in texts.items():
            if counts[outcome]:
                self.stdout.write(f"{counts[outcome]:>8} {text}")
        if stop:
            text = _("Stopped: %(reason)s. To go on, run the command again with --after %(key)s.")
            self.stdout.write(self.style.ERROR(text % {"reason": stop, "key": self.last_key or 0}))
        elif apply:
            self.stdout.write(self.style.SUCCESS(_("Done.")))
        else:
            self.stdout.write(self.style.SUCCESS(_("Done. Nothing was written: that takes --apply.")))
