"""`manage.py plenigo_import_access`: import a file of access ids."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_plenigo import conf
from django_plenigo.errors import AccessImportError, UnsupportedOperationError
from django_plenigo.management.progress import Progress
from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services import access_imports

#: How many bad lines are told; a file that is all wrong would fill the screen.
MOST_TOLD = 100

BAD_LINES = 2


class Command(BaseCommand):
    """Import the good lines of a CSV or XLSX file, and say which are not imported and why.

    Exit codes: 0 every line is in place; 1 nothing was imported, or the import was stopped: it goes on by itself where
    due work is done; 2 some lines are not imported.
    """

    help = (
        "Imports a CSV or XLSX file of access ids. The good lines are imported in chunks, which a crash leaves whole "
        "or undone; the others are told with their numbers and reasons."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", help="The path of the file; its first line names the columns.")
        parser.add_argument("--using", default=conf.DEFAULT_ACCOUNT, help="Account, an alias in PLENIGO.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would come of it; write nothing.")
        parser.add_argument("--failures", help="Write the lines that are not imported to this new CSV file.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *, file: str, using: str, **options: Any) -> None:
        """Plan the file, and import it."""
        if using not in conf.accounts():
            known = ", ".join(conf.accounts())
            text = _("There is no account %(name)s in PLENIGO; known are: %(known)s.")
            raise CommandError(text % {"name": repr(using), "known": known})
        failures = Path(options["failures"]) if options["failures"] else None
        if failures is not None and failures.exists():
            raise CommandError(_("The file %(path)s exists already.") % {"path": failures})
        self.is_quiet = bool(options["json"])
        try:
            with Path(file).open("rb") as opened:
                work = self._plan if options["dry_run"] else self._import
                access_import, bad = work(opened, Path(file).name, using)
        except OSError as error:
            raise CommandError(_("The file cannot be read: %(reason)s.") % {"reason": error.strerror}) from None
        except AccessImportError as error:
            raise CommandError(error.problem) from None
        except UnsupportedOperationError:
            text = _("XLSX files need openpyxl: pip install 'django-plenigo[xlsx]', or save the file as CSV.")
            raise CommandError(text) from None
        if failures is not None and access_import.bad_count:
            with failures.open("w", encoding="utf-8", newline="") as written:
                written.writelines(access_imports.write_failures(access_import, bad))
        self._tell(access_import, bad, bool(options["dry_run"]))
        if access_import.state == AccessImport.State.FAILED:
            raise CommandError(access_import.last_error)
        if access_import.bad_count:
            sys.exit(BAD_LINES)

    def _plan(self, file: IO[bytes], name: str, using: str) -> tuple[AccessImport, list[AccessImportLine]]:
        """Return what would come of a file; nothing is written."""
        access_import = access_imports.examine(file, name=name, using=using)
        progress, bad, seen = self._progress(access_import), [], 0

        def observe(plan: access_imports.Plan, new_bad: list[AccessImportLine]) -> None:
            nonlocal seen
            bad.extend(new_bad)
            progress.advance(plan.lines - seen)
            seen = plan.lines

        plan = access_imports.plan_file(file, access_import, observe)
        progress.erase()
        for field, count in plan.as_counts().items():
            setattr(access_import, field, count)
        return access_import, bad

    def _import(self, file: IO[bytes], name: str, using: str) -> tuple[AccessImport, Iterable[AccessImportLine]]:
        """Import a file and return what came of it."""
        access_import = access_imports.start(file, name=name, using=using, in_background=False)
        progress, position = self._progress(access_import), 0

        def observe(run: AccessImport) -> None:
            nonlocal position
            progress.advance(run.position - position)
            position = run.position

        access_imports.confirm(access_import, observe=observe)
        progress.erase()
        return access_import, access_import.bad_lines.order_by("number").iterator(MOST_TOLD)

    def _progress(self, access_import: AccessImport) -> Progress:
        return Progress(self.stdout, access_import.last_line, is_quiet=self.is_quiet)

    def _tell(self, access_import: AccessImport, bad: Iterable[AccessImportLine], is_dry: bool) -> None:
        lines = bad if isinstance(bad, list) else access_import.bad_lines.order_by("number")[:MOST_TOLD]
        told = [(line, access_imports.sentence_of(line)) for line in lines[:MOST_TOLD]]
        counts = {
            "new": access_import.new_count,
            "changed": access_import.changed_count,
            "same": access_import.same_count,
            "bad": access_import.bad_count,
            "imported": access_import.applied_count,
        }
        if self.is_quiet:
            reasons = [{"line": line.number, "column": line.column, "reason": line.reason} for line, _sentence in told]
            self.stdout.write(json.dumps({**counts, "bad_lines": reasons, "dry_run": is_dry}))
            return
        for line, sentence in told:
            # Not the value: it is a key, and this may end in a log. The file of failures has it.
            where = f"{line.number}, {line.column}" if line.column else str(line.number)
            self.stderr.write(_("line %(where)s: %(reason)s") % {"where": where, "reason": sentence})
        if access_import.bad_count > len(told):
            more = access_import.bad_count - len(told)
            text = ngettext("and %(count)d more line: see --failures", "and %(count)d more lines: see --failures", more)
            self.stderr.write(text % {"count": more})
        text = _("%(new)d new, %(changed)d changed, %(same)d the same, %(bad)d bad, %(imported)d imported.") % counts
        self.stdout.write(text + (" " + _("Nothing was written.") if is_dry else ""))
