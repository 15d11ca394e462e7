"""Imports files of access ids: read, plan, and apply in chunks, each of which a crash leaves whole or undone."""

from django_plenigo.services.access_imports.ends import failure_of
from django_plenigo.services.access_imports.failures import write_failures
from django_plenigo.services.access_imports.leases import RUNNING, UNFINISHED
from django_plenigo.services.access_imports.lines import sentence_of
from django_plenigo.services.access_imports.planning import Plan, plan_file
from django_plenigo.services.access_imports.previewing import Preview, preview
from django_plenigo.services.access_imports.running import (
    MOST_BYTES,
    cancel,
    confirm,
    continue_due,
    examine,
    forget_old,
    start,
)
from django_plenigo.services.access_imports.standing import Standing, last_sign_of, standing_of

__all__ = [
    "MOST_BYTES",
    "RUNNING",
    "UNFINISHED",
    "Plan",
    "Preview",
    "Standing",
    "cancel",
    "confirm",
    "continue_due",
    "examine",
    "failure_of",
    "forget_old",
    "last_sign_of",
    "plan_file",
    "preview",
    "sentence_of",
    "standing_of",
    "start",
    "write_failures",
]
