"""What the commands share that import a file."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_plenigo.errors import AccessImportError, ConfigurationError, UnsupportedOperationError
from django_plenigo.management.progress import Progress
from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services import access_imports
from django_plenigo.services.access_imports import sentence_of

State = AccessImport.State

#: The names of the counts in what is printed.
COUNTS = {
    "new": "new_count",
    "changed": "changed_count",
    "same": "same_count",
    "bad": "bad_count",
    "imported": "applied_count",
}

#: How many bad lines are told; a file that is all wrong would fill the screen.
MOST_TOLD = 100

STOPPED, BAD_LINES = 1, 2


class FileImportCommand(BaseCommand):
    """Import the good lines of a CSV or XLSX file, and say which are not imported and why.

    Exit codes: 0 every line is in place; 1 the file cannot be read, an option is wrong, or the import was stopped, by
    Ctrl-C for good: what is imported already is left alone by another run; 2 some lines are not imported. A process
    that is killed while it imports is gone on with where due work is done; before that, nothing of its file is imported
    without a yes in the admin, so run the command again.
    """

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", help="The path of the file; its first line names the columns.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would come of it; write nothing.")
        parser.add_argument("--failures", help="Write the lines that are not imported to this new CSV file.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def destination_of(self, options: Mapping[str, Any]) -> dict[str, str]:
        """Return what of `access_imports.start` says where the file belongs. Raises `CommandError`."""
        raise NotImplementedError

    def handle(self, *, file: str, **options: Any) -> None:
        """Plan the file, and import it."""
        self.is_quiet, self.is_dry = bool(options["json"]), bool(options["dry_run"])
        try:
            self.destination = self.destination_of(options)
            self._handle(file, failures_name=options["failures"])
        except CommandError as error:
            if not self.is_quiet:
                raise
            self.stdout.write(json.dumps({"error": str(error)}))
            sys.exit(error.returncode)

    def _handle(self, file: str, *, failures_name: str | None) -> None:
        self.told: list[AccessImportLine] = []
        with _new_file(failures_name) as failures:
            access_import = self._work(file, failures)
        error = "" if self.is_dry else _end_of(access_import)
        self._tell(access_import, error)
        if error and not self.is_quiet:
            raise CommandError(error, returncode=STOPPED)
        if error:
            sys.exit(STOPPED)
        if access_import.bad_count:
            sys.exit(BAD_LINES)

    def _work(self, file: str, failures: IO[str] | None) -> AccessImport:
        try:
            with Path(file).open("rb") as opened:
                work = self._plan if self.is_dry else self._import
                return work(opened, Path(file).name, failures)
        except OSError as error:
            raise CommandError(_("The file cannot be read: %(reason)s.") % {"reason": error.strerror}) from None
        except AccessImportError as error:
            raise CommandError(error.problem) from None
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        except OperationalError:
            raise CommandError(_database_in_the_way()) from None
        except UnsupportedOperationError:
            text = _("XLSX files need openpyxl: pip install 'django-plenigo[xlsx]', or save the file as CSV.")
            raise CommandError(text) from None

    def _plan(self, file: IO[bytes], name: str, failures: IO[str] | None) -> AccessImport:
        """Return what would come of a file; nothing is written to the database."""
        access_import = access_imports.examine(file, name=name, **self.destination)
        progress = Progress(self.stdout, 0, is_quiet=self.is_quiet)
        shown = 0

        def observe(plan: access_imports.Plan, bad: list[AccessImportLine]) -> None:
            nonlocal shown
            self.told += bad[: MOST_TOLD - len(self.told)]
            if failures is not None and bad:
                is_first = plan.bad == len(bad)
                failures.writelines(access_imports.write_failures(access_import, bad, with_header=is_first))
            progress.advance(plan.lines - shown)
            shown = plan.lines

        plan = access_imports.plan_file(file, access_import, observe)
        progress.erase()
        for field, count in plan.as_counts().items():
            setattr(access_import, field, count)
        return access_import

    def _import(self, file: IO[bytes], name: str, failures: IO[str] | None) -> AccessImport:
        """Import a file and return what came of it."""
        self.run: AccessImport | None = None
        self.progress, self.shown = Progress(self.stdout, 0, is_quiet=self.is_quiet), 0
        try:
            self.run = access_imports.start(
                file,
                name=name,
                in_background=False,
                observe=self._observe,
                record=self._remember,
                **self.destination,
            )
            self.progress.erase()
            if self.run.state == State.PLANNED:
                self._say(_("This would come of the file. Nothing is imported yet."))
                self._say(_counts_of(self.run))
                self.progress, self.shown = Progress(self.stdout, self.run.last_line, is_quiet=self.is_quiet), 0
                access_imports.confirm(self.run, observe=self._observe)
        except KeyboardInterrupt:
            if self.run is None:
                raise  # nothing is kept
            try:
                access_imports.cancel(self.run)
            except AccessImport.DoesNotExist:
                raise KeyboardInterrupt from None  # it came while the file was being kept, which is undone
        self.progress.erase()
        if failures is not None and self.run.bad_count:
            failures.writelines(access_imports.write_failures(self.run))
        self.told = list(self.run.bad_lines.order_by("number")[:MOST_TOLD])
        return self.run

    def _remember(self, run: AccessImport) -> None:
        self.run = run

    def _observe(self, run: AccessImport) -> None:
        done = run.position if run.state == State.APPLYING else run.last_line
        self.progress.advance(done - self.shown)
        self.shown = done

    def _say(self, text: str) -> None:
        if not self.is_quiet:
            self.stdout.write(text)

    def _tell(self, access_import: AccessImport, error: str) -> None:
        others = access_import.layout.get("other_sheets", [])
        if self.is_quiet:
            bad = [{"line": line.number, "column": line.column, "reason": line.reason} for line in self.told]
            counts = {name: getattr(access_import, field) for name, field in COUNTS.items()}
            told = {**counts, "bad_lines": bad, "dry_run": self.is_dry}
            told |= {"other_sheets": others} if others else {}
            told |= {"error": error} if error else {}
            self.stdout.write(json.dumps(told))
            return
        if others:
            text = _("Only the sheet %(sheet)s is read; these are not: %(others)s.")
            self.stderr.write(text % {"sheet": access_import.layout["sheet"], "others": ", ".join(others)})
        for line in self.told:
            # Not the value: it is a key, and this may end in a log. The file of failures has it.
            where = f"{line.number}, {line.column}" if line.column else str(line.number)
            self.stderr.write(_("line %(where)s: %(reason)s") % {"where": where, "reason": sentence_of(line)})
        if access_import.bad_count > len(self.told):
            more = access_import.bad_count - len(self.told)
            text = ngettext("and %(count)d more line: see --failures", "and %(count)d more lines: see --failures", more)
            self.stderr.write(text % {"count": more})
        self._say(_counts_of(access_import) + (" " + _("Nothing was written.") if self.is_dry else ""))


def _counts_of(access_import: AccessImport) -> str:
    counts = {name: getattr(access_import, field) for name, field in COUNTS.items()}
    text = _("%(new)d new, %(changed)d changed, %(same)d the same, %(bad)d bad, %(imported)d imported.")
    return text % counts


def _end_of(access_import: AccessImport) -> str:
    """Return why an import is not done, "" where it is."""
    match access_import.state:
        case State.DONE:
            return ""
        case State.FAILED:
            return access_imports.failure_of(access_import)
        case State.CANCELLED:
            return _("Stopped: interrupted. Run the command again to go on.")
        case State.PLANNING:
            return _database_in_the_way()  # it would go on, but only as far as to wait for a yes
        case _:
            return _("The import was held up. It goes on by itself where due work is done.")


def _database_in_the_way() -> str:
    return _("The database is locked or away. Run the command again: what is imported already is left alone.")


@contextmanager
def _new_file(name: str | None) -> Iterator[IO[str] | None]:
    """Give a new file to write to, made before the work begins; it is deleted again if nothing was written."""
    if name is None:
        yield None
        return
    path = Path(name)
    try:
        file = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise CommandError(_("The file %(path)s exists already.") % {"path": path}) from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    try:
        with file:
            yield file
    finally:
        if not path.stat().st_size:
            path.unlink()
