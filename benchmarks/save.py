"""Measure what a save with a changed address costs, against the same save that nobody follows.

    python -m benchmarks.save [--rounds 9] [--check]

On PostgreSQL, with prepared statements, and on SQLite; by the clock: most of a save is waiting for the database. The
peer saves the same users by a proxy that is made after the start, so that the app hears nothing of it. Statements are
counted exactly: one more on a save that can have touched the address, none on one that cannot.
"""

import argparse
import itertools
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import databases, pairs

GATES = {"postgresql": 1.5, "sqlite": 2.5}

#: Of one slice.
SAVES = 40


def main() -> int:
    """Print a line of JSON a database, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured, at least 2")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    parser.add_argument("--on", choices=databases.KINDS, help="measure on this one, by the address in DATABASE_URL")
    arguments = parser.parse_args()
    if arguments.on:
        return int(is_missed(arguments.on, arguments.rounds))
    rounds = f"--rounds={arguments.rounds}"
    missed = [
        kind
        for kind in databases.available()
        if databases.measure_in_a_process(__spec__.name, kind, rounds, PREPARED_STATEMENTS="1")
    ]
    return 1 if missed and arguments.check else 0


def is_missed(kind: str, rounds: int) -> bool:
    """Measure on the database of this process and return whether a gate is missed."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    from django_plenigo.models import RemoteChange
    from tests.factories import LinkFactory

    databases.make_tables()
    with transaction.atomic():
        links = [LinkFactory() for _ in range(1000)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as any database does by itself that has been there for minutes
    meta = type("Meta", (), {"proxy": True, "app_label": "benchmarks"})
    unfollowed_model = type("Unfollowed", (get_user_model(),), {"__module__": __name__, "Meta": meta})
    users = itertools.cycle([link.user for link in links])
    unfollowed_users = itertools.cycle(unfollowed_model._default_manager.order_by("pk"))
    number = itertools.count()

    def save(user: Any) -> None:
        user.email = f"reader{next(number)}@example.net"
        with transaction.atomic():
            user.save()

    def save_changed() -> None:
        save(next(users))

    def save_plainly() -> None:
        save(next(unfollowed_users))

    def statements(save: Callable[[], object]) -> int:
        with CaptureQueriesContext(connection) as queries:
            save()
        return len([query for query in queries if query["sql"].split()[0] in ("UPDATE", "SELECT", "INSERT")])

    def save_name() -> None:
        next(users).save(update_fields=["first_name"])

    plain = statements(save_plainly)
    counts = {
        "more_statements": (statements(save_changed) - plain, 1),
        "more_statements_of_another_field": (statements(save_name) - plain, 0),
    }
    ratio = pairs.compare_by_the_clock(save_changed, save_plainly, rounds=rounds, calls=SAVES, gate=GATES[kind])
    assert RemoteChange.objects.filter(kind="change_email", noted__gt=0).exists()
    return pairs.report("save", kind, "the same save, not followed", ratio, GATES[kind], counts)


if __name__ == "__main__":
    sys.exit(main())
