"""`manage.py plenigo_link_users`: make the site's existing users customers at the vendor."""

import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_plenigo import conf
from django_plenigo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidValueError,
    PlenigoError,
    RateLimitError,
    RejectedError,
    RemoteError,
    RemoteUnavailableError,
    UnsupportedOperationError,
)
from django_plenigo.models import CustomerLink
from django_plenigo.protocols.base import MODULE_NOT_BOOKED
from django_plenigo.services import customers

CHUNK = 500

#: After so many failures in a row the vendor is taken for dead: the run stops and can be taken up again.
FAILURES = 3

#: The longest that one wish of the vendor to wait is granted, and how long is waited where it names no time.
PATIENCE_SECONDS = 60.0
UNNAMED_WAIT_SECONDS = 1.0

PROGRESS_SECONDS = 1.0

STOPPED, LEFTOVERS, LIMITED = 1, 2, 3

#: What an error makes of a user; the first class that fits counts.
OUTCOMES: dict[type[PlenigoError], str] = {
    InvalidValueError: "invalid",
    RejectedError: "invalid",
    ConflictError: "conflict",
    AuthenticationError: "account_refused",
    RemoteError: "failed",
}

#: Outcomes that leave a user without a link.
UNLINKED = ("no_email", "invalid", "conflict", "site_error", "failed")


class Command(BaseCommand):
    """Register every active user who is not linked yet. A second run goes on where the first one ended.

    Exit codes: 0 all linked; 1 stopped by trouble, run it again; 2 done, but some users could not be linked; 3 stopped
    at the limit, the summary says how to go on.
    """

    help = "Link the site's active users to customers at plenigo; those linked already are left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--using", default=conf.DEFAULT_ACCOUNT, help="Account, an alias in PLENIGO.")
        parser.add_argument("--dry-run", action="store_true", help="Count only: nothing is sent and nothing written.")
        parser.add_argument("--limit", type=int, help="Stop after so many registrations, whatever comes of them.")
        parser.add_argument("--after", help="Begin after the user with this primary key.")
        parser.add_argument("--json", action="store_true", help="Print the summary as one JSON object.")

    def handle(self, *, using: str, dry_run: bool, limit: int | None, after: str | None, **options: Any) -> None:
        """Go through the users in the order of their keys."""
        if using not in conf.accounts():
            known = ", ".join(conf.accounts())
            text = _("There is no account %(name)s in PLENIGO; known are: %(known)s.")
            raise CommandError(text % {"name": repr(using), "known": known})
        if limit is not None and limit < 1:
            raise CommandError(_("--limit must be at least 1."))
        self.counts: Counter[str] = Counter()
        self.last_key: Any = None if after is None else key_of(after)
        self.began = self.shown = time.monotonic()
        self.line_length = 0
        self.is_quiet, self.shows_tracebacks = bool(options["json"]), bool(options["traceback"])
        try:
            stop = self._link_all(using, limit, dry_run)
        except KeyboardInterrupt:
            stop = "interrupted"
        self._summarise(stop, dry_run)
        if stop:
            sys.exit(LIMITED if stop == "limit" else STOPPED)
        if any(self.counts[name] for name in UNLINKED):
            sys.exit(LEFTOVERS)

    def _link_all(self, using: str, limit: int | None, dry_run: bool) -> str:
        """Return why the run had to stop, "" where it came to the end."""
        attempts = failures = 0
        for user in self._unlinked(using):
            outcome = self._outcome_of(user, partial(self._examine, user, using))
            if outcome == "would_register":
                if attempts == limit:
                    return "limit"
                attempts += 1
                if not dry_run:
                    outcome = self._outcome_of(user, partial(self._register, user, using))
                failures = failures + 1 if outcome == "failed" else 0
            self.counts[outcome] += 1
            self.last_key = user.pk
            self._show_progress()
            if outcome in ("account_refused", "not_booked"):
                return outcome  # all users alike
            if failures >= FAILURES:
                return "no_answer"
        return ""

    def _unlinked(self, using: str) -> Iterator[Any]:
        """Yield the active users without a registered link, a chunk at a time by key: it holds no cursor open."""
        users = get_user_model()._default_manager.order_by("pk")
        field_names = {field.name for field in get_user_model()._meta.get_fields()}
        if "is_active" in field_names:
            users = users.filter(is_active=True)
        last = self.last_key
        while chunk := list((users if last is None else users.filter(pk__gt=last))[:CHUNK]):
            links = CustomerLink.objects.filter(account=using, user__in=chunk)
            linked = {link.user_id for link in links if link.is_registered}
            for user in chunk:
                if user.pk in linked:
                    self.counts["already_linked"] += 1
                else:
                    yield user
            last = chunk[-1].pk
            self._show_progress()

    def _outcome_of(self, user: Any, step: Callable[[], str]) -> str:
        """Return what a step says of a user, or what the error makes of her that it ends with."""
        try:
            return step()
        except (ConfigurationError, UnsupportedOperationError):
            raise  # no matter of one user
        except PlenigoError as error:
            self._complain(user, str(error))
            if isinstance(error, RejectedError) and error.code == MODULE_NOT_BOOKED:
                return "not_booked"
            return next(outcome for kind, outcome in OUTCOMES.items() if isinstance(error, kind))
        except Exception as error:  # the site's own functions may raise anything
            if self.shows_tracebacks:
                raise
            self._complain(user, type(error).__name__)  # its text may hold an address
            return "site_error"

    def _examine(self, user: Any, using: str) -> str:
        """Return what would come of a user as far as this side can tell."""
        if not customers.email_of(user):
            return "no_email"
        customers.check_registration(user, using=using)
        customers.has_verified_email(user, using=using)
        return "would_register"

    def _register(self, user: Any, using: str) -> str:
        """Register a user; where the vendor asks for patience, wait and try once more."""
        try:
            customers.register(user, using=using)
        except (RateLimitError, RemoteUnavailableError) as error:
            if isinstance(error, RemoteUnavailableError) and error.retry_after_seconds is None:
                raise
            wished = error.retry_after_seconds
            time.sleep(min(UNNAMED_WAIT_SECONDS if wished is None else wished, PATIENCE_SECONDS))
            customers.register(user, using=using)
        return "registered"

    def _complain(self, user: Any, reason: str) -> None:
        self._erase_progress()
        # The key, not the address: this line may end in a log.
        self.stderr.write(_("user %(key)s: %(reason)s") % {"key": user.pk, "reason": reason})

    def _show_progress(self) -> None:
        now = time.monotonic()
        if self.is_quiet or now - self.shown < PROGRESS_SECONDS:
            return
        self.shown = now
        done = sum(self.counts.values())
        text = ngettext("%(count)d user, %(rate).0f/s", "%(count)d users, %(rate).0f/s", done)
        line = text % {"count": done, "rate": done / (now - self.began)}
        if not self.stdout.isatty():
            self.stdout.write(line)
            return
        self._erase_progress()
        self.stdout.write(line, ending="")
        self.stdout.flush()
        self.line_length = len(line)

    def _erase_progress(self) -> None:
        """Take the line of the progress off the terminal, where there is one."""
        if self.line_length:
            self.stdout.write("\r" + " " * self.line_length + "\r", ending="")
            self.stdout.flush()
            self.line_length = 0

    def _summarise(self, stop: str, dry_run: bool) -> None:
        if self.is_quiet:
            last_key = None if self.last_key is None else str(self.last_key)
            summary = {**self.counts, "stopped": stop, "last_key": last_key, "dry_run": dry_run}
            self.stdout.write(json.dumps(summary))
            return
        self._erase_progress()
        texts = {
            "registered": _("registered"),
            "would_register": _("would be registered"),
            "already_linked": _("linked already"),
            "no_email": _("without an e-mail address"),
            "invalid": _("with a value that plenigo would refuse"),
            "conflict": _("in conflict with another customer: see Remote changes in the admin"),
            "site_error": _(
                "where a function of this site failed (EXTERNAL_ID, EMAIL_IS_VERIFIED): see the lines above"
            ),
            "failed": _("failed: run the command again"),
            "account_refused": _("refused: see the line above"),
            "not_booked": _("refused: see the line above"),
        }
        for name, text in texts.items():
            if self.counts[name]:
                self.stdout.write(f"{self.counts[name]:>8} {text}")
        self._say_how_it_ended(stop, dry_run)

    def _say_how_it_ended(self, stop: str, dry_run: bool) -> None:
        stops = {
            "limit": _("Stopped at the limit. To go on, run the command again with --after %(key)s."),
            "no_answer": _("Stopped: plenigo does not answer. Run the command again to go on."),
            "account_refused": _("Stopped: plenigo accepts no calls of this account. Check its credentials."),
            "not_booked": _(
                "Stopped: the company has not booked plenigo's module for customers, or no longer. Ask plenigo to book "
                "it, then run the command again."
            ),
            "interrupted": _("Stopped: interrupted. Run the command again to go on."),
        }
        if stop:
            self.stdout.write(self.style.ERROR(stops[stop] % {"key": self.last_key}))
        else:
            self.stdout.write(self.style.SUCCESS(_("Done. Nothing was sent or written.") if dry_run else _("Done.")))


def key_of(text: str) -> Any:
    """Return the primary key of a user that a text stands for. Raises `CommandError`."""
    try:
        return get_user_model()._meta.pk.to_python(text)
    except ValidationError:
        raise CommandError(_("--after must be a primary key.")) from None
