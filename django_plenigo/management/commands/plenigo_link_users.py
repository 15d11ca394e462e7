"""`manage.py plenigo_link_users`: make the site's existing users customers at the vendor."""

import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from django_plenigo import conf
from django_plenigo.errors import (
    AuthenticationError,
    ConflictError,
    InvalidValueError,
    PlenigoError,
    RateLimitError,
    RejectedError,
    RemoteError,
)
from django_plenigo.models import CustomerLink
from django_plenigo.services import customers

CHUNK = 500

#: After so many failures in a row the vendor is taken for dead: the run stops and can be taken up again.
FAILURES = 3

#: The longest that one wish of the vendor to wait is granted.
PATIENCE_SECONDS = 60.0

STOPPED, LEFTOVERS = 1, 2

#: What an error makes of a user; the first class that fits counts.
OUTCOMES: dict[type[PlenigoError], str] = {
    InvalidValueError: "invalid",
    RejectedError: "invalid",
    ConflictError: "conflict",
    AuthenticationError: "account_refused",
    RemoteError: "failed",
}


class Command(BaseCommand):
    """Register every active user who is not linked yet. A second run goes on where the first one ended.

    Exit codes: 0 all linked; 1 stopped, run it again; 2 done, but some users need a person to look.
    """

    help = "Link the site's active users to customers at plenigo; those linked already are left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--using", default=conf.DEFAULT_ACCOUNT, help="Account, an alias in PLENIGO.")
        parser.add_argument("--dry-run", action="store_true", help="Count only: nothing is sent and nothing written.")
        parser.add_argument("--limit", type=int, help="Stop after so many users.")
        parser.add_argument("--json", action="store_true", help="Print the summary as one JSON object.")

    def handle(self, *, using: str, dry_run: bool, limit: int | None, **options: Any) -> None:
        """Go through the users in the order of their keys."""
        if using not in conf.accounts():
            raise CommandError(f"There is no account {using!r} in PLENIGO; known are: {', '.join(conf.accounts())}.")
        if limit is not None and limit < 1:
            raise CommandError("--limit must be at least 1.")
        self.counts: Counter[str] = Counter()
        self.began = self.shown = time.monotonic()
        self.is_quiet = bool(options["json"])
        stop = ""
        try:
            stop = self._link_all(using, limit, dry_run)
        except KeyboardInterrupt:
            stop = "interrupted"
        self._summarise(stop, dry_run)
        if stop:
            sys.exit(STOPPED)
        if any(self.counts[name] for name in ("conflict", "no_email", "invalid", "failed")):
            sys.exit(LEFTOVERS)

    def _link_all(self, using: str, limit: int | None, dry_run: bool) -> str:
        """Return why the run had to stop, "" where it came to the end."""
        failures = 0
        for user in self._unlinked(using, limit):
            outcome = self._examine(user, using) if dry_run else self._link(user, using)
            self.counts[outcome] += 1
            self._show_progress()
            failures = failures + 1 if outcome == "failed" else 0
            if failures >= FAILURES or outcome == "account_refused":
                return "the vendor accepts no calls" if outcome == "account_refused" else "the vendor does not answer"
        return ""

    def _unlinked(self, using: str, limit: int | None) -> Iterator[Any]:
        """Yield the active users without a registered link, a chunk at a time by key: it holds no cursor open."""
        users = get_user_model()._default_manager.order_by("pk")
        field_names = {field.name for field in get_user_model()._meta.get_fields()}
        if "is_active" in field_names:
            users = users.filter(is_active=True)
        last, count = None, 0
        while chunk := list((users if last is None else users.filter(pk__gt=last))[:CHUNK]):
            links = CustomerLink.objects.filter(account=using, user__in=chunk)
            linked = {link.user_id for link in links if link.is_registered}
            for user in chunk:
                if user.pk in linked:
                    self.counts["already_linked"] += 1
                    continue
                if limit is not None and count >= limit:
                    return
                count += 1
                yield user
            last = chunk[-1].pk

    def _examine(self, user: Any, using: str) -> str:
        """Return what would come of a user as far as this side can tell."""
        if not customers.email_of(user):
            return "no_email"
        try:
            customers.external_id_of(user, using=using)
        except InvalidValueError as error:
            self._complain(user, error)
            return "invalid"
        return "would_register"

    def _link(self, user: Any, using: str, *, may_wait: bool = True) -> str:
        outcome = self._examine(user, using)
        if outcome != "would_register":
            return outcome
        try:
            customers.register(user, using=using)
        except RateLimitError as error:
            time.sleep(min(error.retry_after_seconds or 1.0, PATIENCE_SECONDS))
            return self._link(user, using, may_wait=False) if may_wait else "failed"
        except (InvalidValueError, RemoteError) as error:
            self._complain(user, error)
            return next(outcome for kind, outcome in OUTCOMES.items() if isinstance(error, kind))
        return "registered"

    def _complain(self, user: Any, error: Exception) -> None:
        # The key, not the address: this line may end in a log.
        self.stderr.write(f"user {user.pk}: {error}")

    def _show_progress(self) -> None:
        now = time.monotonic()
        if self.is_quiet or now - self.shown < 1.0:
            return
        self.shown = now
        done = sum(self.counts.values())
        line = f"{done} users, {done / (now - self.began):.0f}/s"
        if self.stdout.isatty():
            self.stdout.write(f"\r{line}", ending="")
        else:
            self.stdout.write(line)

    def _summarise(self, stop: str, dry_run: bool) -> None:
        if self.is_quiet:
            self.stdout.write(json.dumps({**self.counts, "stopped": stop, "dry_run": dry_run}))
            return
        texts = {
            "registered": _("registered"),
            "would_register": _("would be registered"),
            "already_linked": _("linked already"),
            "no_email": _("without an e-mail address"),
            "invalid": _("with a value that plenigo would refuse"),
            "conflict": _("in conflict with another customer: see Remote changes in the admin"),
            "failed": _("failed: run the command again"),
            "account_refused": _("refused: see the line above"),
        }
        if self.stdout.isatty():
            self.stdout.write("")
        for name, text in texts.items():
            if self.counts[name]:
                self.stdout.write(f"{self.counts[name]:>8} {text}")
        if stop:
            self.stdout.write(self.style.ERROR(f"Stopped: {stop}. Run the command again to go on."))
        else:
            self.stdout.write(self.style.SUCCESS("Done." if not dry_run else "Done. Nothing was sent or written."))
