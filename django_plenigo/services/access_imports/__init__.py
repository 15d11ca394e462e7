"""Imports files: read, plan, and apply in chunks, each of which a crash leaves whole or undone.

A file brings access ids to the customers of an account, or the references of one portal to the users of the site; what
differs between the two is in `subjects`, the rest is one engine.

What is here is loaded when it is first asked for: the admin has pages of imports, and every process of a site would
else begin with the whole engine, which most of them never need.
"""

from typing import TYPE_CHECKING

from django_plenigo.first_use import load_at_first_use

if TYPE_CHECKING:
    from django_plenigo.services.access_imports.ends import failure_of
    from django_plenigo.services.access_imports.failures import write_failures
    from django_plenigo.services.access_imports.leases import RUNNING, UNFINISHED
    from django_plenigo.services.access_imports.planning import Plan, plan_file
    from django_plenigo.services.access_imports.previewing import Preview, preview
    from django_plenigo.services.access_imports.pruning import count_old, prune
    from django_plenigo.services.access_imports.reasons import count_reasons, sentence_of
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
    "count_old",
    "count_reasons",
    "examine",
    "failure_of",
    "forget_old",
    "last_sign_of",
    "plan_file",
    "preview",
    "prune",
    "sentence_of",
    "standing_of",
    "start",
    "write_failures",
]

__getattr__ = load_at_first_use(
    __name__,
    {
        "ends": ["failure_of"],
        "failures": ["write_failures"],
        "leases": ["RUNNING", "UNFINISHED"],
        "planning": ["Plan", "plan_file"],
        "previewing": ["Preview", "preview"],
        "pruning": ["count_old", "prune"],
        "reasons": ["count_reasons", "sentence_of"],
        "running": ["MOST_BYTES", "cancel", "confirm", "continue_due", "examine", "forget_old", "start"],
        "standing": ["Standing", "last_sign_of", "standing_of"],
    },
)
