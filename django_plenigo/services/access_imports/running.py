"""The way of a file from the upload to its end."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import IO, Any

from django.db import InterfaceError, OperationalError, router, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from django_plenigo import backends, conf
from django_plenigo.errors import AccessImportError
from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services import outbox
from django_plenigo.services.access_imports import storing, text_files
from django_plenigo.services.access_imports.applying import apply_rows
from django_plenigo.services.access_imports.ends import Failure
from django_plenigo.services.access_imports.kept_rows import convert, is_to_be_converted, opened_kept_rows
from django_plenigo.services.access_imports.layout import Layout
from django_plenigo.services.access_imports.leases import (
    MOST_ATTEMPTS,
    RUNNING,
    UNFINISHED,
    LeaseLostError,
    claim,
    give_back,
    imports,
    new_lease,
    postpone,
    write,
)
from django_plenigo.services.access_imports.lines import Row, bad_lines, write_bad_lines
from django_plenigo.services.access_imports.patience import patiently
from django_plenigo.services.access_imports.planning import Plan, plan_rows
from django_plenigo.services.access_imports.reading import CSV, format_of, layout_of
from django_plenigo.services.access_imports.subjects import subject_of
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)

State = AccessImport.State

#: How large a file may be. A CSV file of this size has about a million lines.
MOST_BYTES = 32 * 1024 * 1024

#: What is larger, a sheet unpacked, is worked on in the background: so much takes about a second.
LARGE_BYTES = 256 * 1024
LARGE_SHEET_BYTES = 1024 * 1024

#: How long a plan waits for its yes, and how long the bad lines of a finished import are kept, with all their cells.
PLAN_LIFETIME = timedelta(days=7)
BAD_LINES_LIFETIME = timedelta(days=30)

#: How often a process looks for what is to be forgotten, and when this one did last, by the clock.
FORGETTING_SECONDS = 3600.0
_forgot_at = 0.0

Observer = Callable[[AccessImport], object]


def _nobody(access_import: AccessImport) -> None:
    """Observe or record nothing."""


@without_secrets
def examine(file: IO[bytes], *, name: str = "", using: str = conf.DEFAULT_ACCOUNT, portal: str = "") -> AccessImport:
    """Return a file's import, with how it is read, without writing anything. Raises as `start` does."""
    size = file.seek(0, 2)
    if size > MOST_BYTES:
        text = _("The file is larger than %(most)d MiB: split it.") % {"most": MOST_BYTES // 1024**2}
        raise AccessImportError("file", text, code="too_large")
    file_format = format_of(file)
    if file_format == CSV:
        text_files.check_text(file)
        is_large = size > LARGE_BYTES
    else:
        is_large = backends.spreadsheet_bytes(file) > LARGE_SHEET_BYTES
    access_import = AccessImport(
        account=conf.accounts()[0] if portal else using,
        portal=portal,
        created_at=timezone.now(),
        file_name=_plain_name(name),
        file_format=file_format,
        file_bytes=size,
        is_large=is_large,
    )
    access_import.layout = layout_of(file, file_format, subject_of(access_import)).as_json()
    return access_import


@without_secrets
def start(
    file: IO[bytes],
    *,
    name: str = "",
    using: str = conf.DEFAULT_ACCOUNT,
    portal: str = "",
    created_by: Any = None,
    in_background: bool | None = None,
    observe: Observer = _nobody,
    record: Observer = _nobody,
) -> AccessImport:
    """Keep a file and plan it: a small one at once, a large one in the background.

    It is one of access ids of the account, or with `portal`, a name in PLENIGO_PORTALS, one of that portal's
    references, which are of no account: it goes with the due work of the first. `file` is binary and can be sought in;
    an uploaded file will do. `in_background` decides in place of the size. `record` is called in the transaction that
    keeps the file. Nothing is imported before `confirm`. Raises `AccessImportError` where the file cannot be read as a
    whole, `UnsupportedOperationError` for XLSX without openpyxl, and `ConfigurationError` for a portal without a class.
    """
    access_import = examine(file, name=name, using=using, portal=portal)
    access_import.created_by = created_by
    if in_background is not None:
        access_import.is_large = in_background
    lease, leased = _own_lease(access_import)
    for field, value in leased.items():
        setattr(access_import, field, value)
    database = router.db_for_write(AccessImport)

    def keep() -> None:
        with transaction.atomic(database):
            access_import.save(using=database, force_insert=True)
            storing.keep(access_import, file)
            record(access_import)

    patiently(keep)
    _go_on(access_import, lease, observe)
    return access_import


@without_secrets
def confirm(access_import: AccessImport, *, observe: Observer = _nobody, record: Observer = _nobody) -> bool:
    """Import a planned file: a small one at once, a large one in the background.

    Return whether it was waiting for this yes; a second click does nothing. `record` is called in the transaction of
    the yes.
    """
    lease, leased = _own_lease(access_import)

    def say_yes() -> bool:
        with transaction.atomic(router.db_for_write(AccessImport)):
            planned = imports().filter(pk=access_import.pk, state=State.PLANNED)
            is_yes = bool(planned.update(state=State.APPLYING, **leased))
            if is_yes:
                record(access_import)
        return is_yes

    if not patiently(say_yes):
        return False
    _read_anew(access_import)
    _go_on(access_import, lease, observe)
    return True


def cancel(access_import: AccessImport, *, record: Observer = _nobody) -> bool:
    """Stop an import and delete its file, and say whether it was unfinished; what is imported already stays.

    `record` is called in the same transaction, where it was.
    """
    is_cancelled = _finish(access_import, State.CANCELLED, record=record)
    _read_anew(access_import)
    return is_cancelled


def continue_due(
    accounts: Iterable[str] | None = None, *, must_stop: Callable[[], bool] = lambda: False, observe: Observer = _nobody
) -> int:
    """Go on with files that are left to the background, or by a worker that died; return with how many.

    Of all accounts or of those named, one after the other. Once begun, at least a chunk is imported before `must_stop`
    is asked again; a plan is made as a whole, which takes seconds. To be called outside of a transaction. Raises
    nothing but errors of the database. A file that the database fails with rests for a while, and is given up at last;
    those behind it do not wait for it. What is old is forgotten on the way, see `forget_old`.
    """
    _forget_old_at_times()
    due = imports().filter(state__in=RUNNING).order_by("pk")
    if accounts is not None:
        due = due.filter(account__in=list(accounts))
    count = 0
    for access_import in due:
        if must_stop():
            break
        count += _work_on(access_import, must_stop, observe)
    return count


def forget_old() -> None:
    """Cancel plans that nobody has said yes to, and delete the bad lines of imports that ended long ago."""
    now = timezone.now()
    for access_import in imports().filter(state=State.PLANNED, created_at__lt=now - PLAN_LIFETIME):
        _finish(access_import, State.CANCELLED, states=(State.PLANNED,))  # it may have got its yes just now
    bad_lines().filter(access_import__finished_at__lt=now - BAD_LINES_LIFETIME).delete()


def _forget_old_at_times() -> None:
    global _forgot_at  # each way of doing due work comes along here, many times an hour
    now = time.time()
    if not 0 <= now - _forgot_at < FORGETTING_SECONDS:
        _forgot_at = now
        forget_old()


def _own_lease(access_import: AccessImport) -> tuple[uuid.UUID | None, dict[str, Any]]:
    """Return the lease of whoever begins a file that is not left to the background, and the fields to write."""
    return (None, {}) if access_import.is_large else new_lease()


def _go_on(access_import: AccessImport, lease: uuid.UUID | None, observe: Observer) -> None:
    if lease is None:
        outbox.wake_on_commit(access_import.account)
    else:
        _work_leased(access_import, lease, lambda: False, observe)


def _work_on(access_import: AccessImport, must_stop: Callable[[], bool], observe: Observer) -> bool:
    """Plan or apply a file where it is due and nobody else is at it, and say whether so."""
    lease = claim(access_import)
    if lease is None:
        return False
    _work_leased(access_import, lease, must_stop, observe)
    return True


def _work_leased(
    access_import: AccessImport, lease: uuid.UUID, must_stop: Callable[[], bool], observe: Observer
) -> None:
    """Plan or apply a file, whatever comes of it. Raises errors of a database that is away."""
    try:
        _work_under(lease, access_import, must_stop, observe)
    except LeaseLostError:
        logger.warning("Another worker has taken over an import of a file, or it was cancelled")
    except AccessImportError as error:
        _fail(access_import, lease, error.code, last_error=error.problem, last_error_line=error.line)
    except (InterfaceError, OperationalError) as error:
        # Where the database is away, this raises too. Else it may be this file that it cannot bear.
        logger.warning("The work on an import of a file has broken off: %s", type(error).__name__)
        postpone(access_import, lease)
    except Exception as error:  # noqa: BLE001 - else it would be tried for ever, and stop all other due work
        # The kind alone: its text may hold ids.
        logger.error("An import of a file has failed: this site raised %s", type(error).__name__)
        _fail(access_import, lease, Failure.OWN_MISTAKE, last_error=outbox.told(error)["last_error"])
    finally:
        give_back(access_import, lease)
    _read_anew(access_import)


@without_secrets
def _work_under(
    lease: uuid.UUID, access_import: AccessImport, must_stop: Callable[[], bool], observe: Observer
) -> None:
    if access_import.attempts > MOST_ATTEMPTS:
        _fail(access_import, lease, Failure.GIVEN_UP)
        return
    layout = Layout.from_json(access_import.layout)
    if is_to_be_converted(access_import):
        convert(access_import, layout, lease)
        if must_stop():
            return
    with opened_kept_rows(access_import, layout, after=access_import.position) as rows:
        if access_import.state == State.PLANNING:
            _plan(rows, access_import, lease, observe)
        elif apply_rows(rows, access_import, lease, must_stop=must_stop, observe=observe):
            _finish(access_import, State.DONE, lease=lease)


def _plan(rows: Iterator[Row], access_import: AccessImport, lease: uuid.UUID, observe: Observer) -> None:
    def begin() -> None:
        with transaction.atomic(router.db_for_write(AccessImport)):
            write(access_import, lease, State.PLANNING, planned_at=timezone.now())
            bad_lines().filter(access_import=access_import).delete()  # of a plan that a crash has cut off

    def keep(plan: Plan, bad: list[AccessImportLine]) -> None:
        counts = plan.as_counts()

        def write_chunk() -> None:
            with transaction.atomic(router.db_for_write(AccessImport)):
                write(access_import, lease, State.PLANNING, **counts)
                write_bad_lines(access_import, bad)

        patiently(write_chunk)
        for name, count in counts.items():
            setattr(access_import, name, count)
        observe(access_import)

    patiently(begin)
    plan = plan_rows(rows, access_import, keep)
    if plan.has_work:
        write(access_import, lease, State.PLANNING, state=State.PLANNED, attempts=0)
    else:
        _finish(access_import, State.DONE, lease=lease)


def _fail(access_import: AccessImport, lease: uuid.UUID, kind: str, **values: Any) -> None:
    """End an import for a reason that `failure_of` has the words for."""
    _finish(access_import, State.FAILED, lease=lease, last_error_type=kind, **values)


def _finish(
    access_import: AccessImport,
    state: str,
    *,
    states: Iterable[str] = UNFINISHED,
    lease: uuid.UUID | None = None,
    last_error: str = "",
    record: Observer = _nobody,
    **values: Any,
) -> bool:
    """End an import in one of the states and delete its file, and say whether it was; with a lease only its holder."""
    rows = imports().filter(pk=access_import.pk, state__in=states)
    if lease is not None:
        rows = rows.filter(lease=lease)
    values |= {"finished_at": timezone.now(), "lease": None, "leased_until": None, "last_error": last_error[:200]}

    def finish() -> bool:
        with transaction.atomic(router.db_for_write(AccessImport)):
            is_ended = bool(rows.update(state=state, **values))
            if is_ended:
                storing.delete(access_import)
                record(access_import)
        return is_ended

    return patiently(finish)


def _read_anew(access_import: AccessImport) -> None:
    access_import.refresh_from_db(using=router.db_for_write(AccessImport))


def _plain_name(name: str) -> str:
    """Return the last part of a path, whatever the system it is of."""
    return "".join(sign for sign in re.split(r"[/\\]", name)[-1] if sign.isprintable())[-200:]
