"""`manage.py plenigo_sync`: tell plenigo what is due, watch, check, or mend what nobody has noticed."""

import json
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_plenigo import conf
from django_plenigo.management.progress import Progress
from django_plenigo.services import access_imports, drift, due_work, explanations, outbox, sending, webhooks
from django_plenigo.services.backlog import Backlog, backlog_of

STOPPED, REFUSED, BEHIND = 1, 2, 3

#: How often `--watch` looks for what is due, and how long it leaves a database alone that has failed.
WATCH_SECONDS = 2.0
DATABASE_SECONDS = 5.0

#: How long a signal may go unnoticed while nothing is to be done.
NAP_SECONDS = 0.1


@dataclass(slots=True)
class Sums:
    """What a run has come to so far."""

    delivered: int = 0
    postponed: int = 0
    refused: int = 0

    @property
    def all(self) -> int:
        """How many changes were sent, whatever came of them."""
        return self.delivered + self.postponed + self.refused


class Command(BaseCommand):
    """Deliver what is due, of all accounts or of one.

    Exit codes: 0 in step; 1 trouble: plenigo is told nothing of an account, or the run was stopped; 2 changes were
    refused, an agent has to look; 3 something is waiting or drifted still. The first that fits counts.
    """

    help = (
        "Tells plenigo what is due: without options once, with --watch until it is stopped. With --check it sends "
        "nothing and says how far this site is behind; with --fix it looks for what has changed and nobody has "
        "noticed first. Safe to run at any time, from cron too, and several times at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--using", help="Account, an alias in PLENIGO; all of them where it is left out.")
        modes = parser.add_mutually_exclusive_group()
        modes.add_argument("--watch", action="store_true", help="Go on until SIGTERM or Ctrl-C.")
        modes.add_argument("--check", action="store_true", help="Send nothing: say what is waiting, refused, drifted.")
        modes.add_argument("--fix", action="store_true", help="Note what has drifted, then deliver.")
        parser.add_argument("--workers", type=int, help="Calls at the same time; by default DELIVERY_WORKERS.")
        parser.add_argument("--limit", type=int, help="Stop after so many changes, whatever comes of them.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, **options: Any) -> None:
        """Check the options and do what they say."""
        self.accounts = self._accounts(options["using"])
        self.workers, self.limit = options["workers"], options["limit"]
        if self.workers is not None and not 1 <= self.workers <= conf.MOST_WORKERS:
            raise CommandError(_("--workers must be a whole number from 1 to %(most)d.") % {"most": conf.MOST_WORKERS})
        if self.limit is not None and self.limit < 1:
            raise CommandError(_("--limit must be at least 1."))
        self.is_quiet, self.shows_keys = bool(options["json"]), options["verbosity"] > 1
        self.is_stopping = False
        self.sums = Sums()
        self.stops: dict[str, str] = {}
        try:
            with self._heeding_signals():
                code = self._check() if options["check"] else self._run(options["watch"], options["fix"])
        except DatabaseError as error:
            # The kind alone: what a database says may hold an address.
            text = _("The database failed (%(kind)s). Nothing is lost: what is due stays due. Run the command again.")
            raise CommandError(text % {"kind": type(error).__name__}) from None
        if code:
            sys.exit(code)

    def _accounts(self, using: str | None) -> list[str]:
        known = conf.accounts()
        if using is None:
            return known
        if using not in known:
            text = _("There is no account %(name)s in PLENIGO; known are: %(known)s.")
            raise CommandError(text % {"name": repr(using), "known": ", ".join(known)})
        return [using]

    @contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        """End at the first signal as soon as the calls under way have ended, at the second one at once."""
        # Python lets the main thread alone hear signals; another one may have called the command.
        is_heard = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGTERM, signal.SIGINT) if is_heard else ()
        before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}

        def stop(number: int, frame: Any) -> None:
            self.is_stopping = True
            signal.signal(number, before[signal.Signals(number)])

        for number in numbers:
            signal.signal(number, stop)
        try:
            yield
        finally:
            for number in numbers:
                signal.signal(number, before[number])

    # ---- delivering

    def _run(self, is_watching: bool, is_fixing: bool) -> int:
        drifted = sum(self._note_drift(account) for account in self.accounts) if is_fixing else 0
        if is_watching:
            self._watch()
        else:
            for account in self.accounts:
                self._end_pause(account)
            access_imports.forget_old()
            self._deliver()
        return self._summarise(is_watching, drifted)

    def _note_drift(self, account: str) -> int:
        with outbox.delivering_here(account):
            count = drift.note_drift(account)
        text = ngettext(
            "%(account)s: %(count)d change was made here unnoticed; plenigo will be told.",
            "%(account)s: %(count)d changes were made here unnoticed; plenigo will be told.",
            count,
        )
        if count:
            self._say(text % {"account": account, "count": count})
        return count

    def _end_pause(self, account: str) -> None:
        """End a pause, since whoever runs the command may have mended its cause; but grant the vendor's own wishes."""
        pause = outbox.pause_of(account)
        if pause is not None and pause.last_error_type != "RateLimitError":
            outbox.resume(account)

    def _watch(self) -> None:
        self._say(_("Watching. Stop with Ctrl-C or SIGTERM."))
        while not self.is_stopping and (self.limit is None or self.sums.all < self.limit):
            seconds = WATCH_SECONDS
            try:
                close_old_connections()
                self._deliver()
            except DatabaseError as error:
                self._complain(_("The database failed (%(kind)s); trying again.") % {"kind": type(error).__name__})
                connections.close_all()
                seconds = DATABASE_SECONDS
            self._nap(seconds)

    def _nap(self, seconds: float) -> None:
        # In small steps: after a signal, time.sleep() goes on sleeping.
        ends = time.monotonic() + seconds
        while not self.is_stopping and time.monotonic() < ends:
            time.sleep(NAP_SECONDS)

    def _deliver(self) -> None:
        """Deliver what is due now, and tell what came of it."""
        # Not the whole backlog: while it watches, most of it waits for its time, and here every two seconds.
        due = outbox.changes().filter(account__in=self.accounts, due_at__lte=timezone.now())
        progress = Progress(self.stdout, 0 if self.is_quiet else due.count(), is_quiet=self.is_quiet)

        def observe(step: sending.Step, claim: object) -> None:
            if step is sending.Step.SETTLED:
                progress.advance()

        left = None if self.limit is None else self.limit - self.sums.all
        result = due_work.run_due_work(
            self.accounts, workers=self.workers, limit=left, must_stop=lambda: self.is_stopping, observe=observe
        )
        progress.erase()
        self.sums.delivered += result.delivered
        self.sums.postponed += result.postponed
        self.sums.refused += result.refused
        for account, reason in result.stopped.items():
            if self.stops.get(account) != reason:  # while it watches, once
                self._complain(self._stop_in_words(account, reason))
        self.stops = result.stopped

    def _stop_in_words(self, account: str, reason: str) -> str:
        pause = outbox.pause_of(account)
        if pause is not None:
            told = explanations.explain(pause.last_error_type, pause.last_error)
        elif "circuit open" in reason:
            told = explanations.explain("NoAnswerError", reason)
        else:
            return f"{account}: {reason}"  # a wrong setting, told in a sentence
        return f"{account}: {told.meaning} {told.remedy} ({reason})"

    def _summarise(self, is_watching: bool, drifted: int) -> int:
        waiting = sum(backlog_of(account).waiting for account in self.accounts)
        deliveries = sum(webhooks.backlog_of(account).waiting for account in self.accounts)
        is_interrupted = self.is_stopping and not is_watching
        if self.is_quiet:
            summary = {**asdict(self.sums), "waiting": waiting, "drifted": drifted, "stopped": self.stops}
            summary["webhooks_waiting"] = deliveries
            self.stdout.write(json.dumps({**summary, "interrupted": is_interrupted}))
        else:
            text = _("%(delivered)d delivered, %(postponed)d postponed, %(refused)d refused, %(waiting)d waiting.")
            self.stdout.write(text % {**asdict(self.sums), "waiting": waiting})
            if deliveries:
                self._tell_deliveries(deliveries)
            if is_interrupted:
                self._say(_("Interrupted. Nothing is lost: run the command again to go on."))
            if self.sums.refused:
                self._say(_("Refused changes need an agent: see Remote changes in the admin."))
        if is_watching and self.is_stopping:
            return 0
        if self.stops or is_interrupted:
            return STOPPED
        if self.sums.refused:
            return REFUSED
        return BEHIND if waiting or deliveries else 0

    # ---- checking

    def _check(self) -> int:
        codes, summary = {0}, {}
        for account in self.accounts:
            backlog, drifted = backlog_of(account), self._count_drift(account)
            deliveries = webhooks.backlog_of(account)
            codes |= {STOPPED} if backlog.pause else set()
            codes |= {REFUSED} if backlog.refused or deliveries.failed else set()
            codes |= {BEHIND} if backlog.waiting or drifted or deliveries.waiting else set()
            summary[account] = _as_numbers(backlog, drifted, deliveries)
            if not self.is_quiet:
                self._tell(account, backlog, drifted)
                self._tell_deliveries(deliveries.waiting, deliveries.failed)
        if self.is_quiet:
            self.stdout.write(json.dumps(summary))
        elif codes == {0}:
            self._say(_("In step."))
        return min(codes - {0}, default=0)

    def _count_drift(self, account: str) -> int:
        count = 0
        for each in drift.find_drift(account):
            if each.state is drift.DriftState.UNNOTICED:
                count += 1
                if self.shows_keys:
                    self._say(_drifted(each))
        return count

    def _tell(self, account: str, backlog: Backlog, drifted: int) -> None:
        text = _(
            "%(account)s: %(waiting)d waiting (%(failed)d of them have failed before), %(refused)d refused, "
            "%(drifted)d drifted."
        )
        numbers = {"waiting": backlog.waiting, "failed": backlog.failed, "refused": backlog.refused}
        self.stdout.write(text % {"account": account, "drifted": drifted, **numbers})
        if backlog.oldest_noted_at:
            self._say(
                "  " + _("The oldest has been waiting for %(time)s.") % {"time": timesince(backlog.oldest_noted_at)}
            )
        if backlog.pause:
            self._complain("  " + self._stop_in_words(account, backlog.pause.last_error))
        if backlog.refused:
            self._say("  " + _("Refused changes need an agent: see Remote changes in the admin."))
        if drifted:
            self._say("  " + _("Users have changed here unnoticed: run plenigo_sync --fix."))

    def _tell_deliveries(self, waiting: int, failed: int = 0) -> None:
        text = ngettext(
            "%(count)d webhook delivery waits to be worked on.",
            "%(count)d webhook deliveries wait to be worked on.",
            waiting,
        )
        if waiting:
            self._say("  " + text % {"count": waiting})
        text = ngettext(
            "%(count)d webhook delivery has failed: see Webhook deliveries in the admin.",
            "%(count)d webhook deliveries have failed: see Webhook deliveries in the admin.",
            failed,
        )
        if failed:
            self._say("  " + text % {"count": failed})

    # ---- speaking

    def _say(self, text: str) -> None:
        if not self.is_quiet:
            self.stdout.write(text)
            self.stdout.flush()  # a log has it now, and not when the process ends

    def _complain(self, text: str) -> None:
        self.stderr.write(text)


def _drifted(found: drift.Drift) -> str:
    """Say of whom plenigo knows something else, without what."""
    if found.kind == drift.Kind.CHANGE_EMAIL:
        return _("user %(key)s: another address than plenigo knows") % {"key": found.user_key}
    if found.kind == drift.Kind.ASSIGN_ACCESS_IDS:
        return _("user %(key)s: access IDs that plenigo was not told") % {"key": found.user_key}
    return _("user %(key)s: another name or language than plenigo knows") % {"key": found.user_key}


def _as_numbers(backlog: Backlog, drifted: int, deliveries: webhooks.WebhookBacklog) -> dict[str, Any]:
    """Return how far an account is behind, for programs."""
    oldest = backlog.oldest_noted_at
    return {
        "waiting": backlog.waiting,
        "failed": backlog.failed,
        "oldest_waiting_seconds": round((timezone.now() - oldest).total_seconds()) if oldest else 0,
        "refused": backlog.refused,
        "drifted": drifted,
        "paused_until": backlog.pause.until.isoformat() if backlog.pause else None,
        "last_error": backlog.pause.last_error if backlog.pause else "",
        "webhooks_waiting": deliveries.waiting,
        "webhooks_failed": deliveries.failed,
    }
