"""Measure what claiming and acknowledging a change costs at a large backlog, against a backlog of a thousand.

    python -m benchmarks.backlog [--pending 200000] [--rounds 9] [--check]

On PostgreSQL, by the clock, without calls in between. As many changes again are in step, and must cost nothing.
"""

import argparse
import json
import statistics
import sys
import time
from datetime import timedelta

from benchmarks import databases

SMALL = 1000
BATCH = 100
GATE = 1.5
LEASE_TIME = timedelta(minutes=10)

#: Numbered from 1, as many users, links and changes; what is due is noted later.
FILL = (
    """
    INSERT INTO auth_user (id, username, email, password, first_name, last_name, is_superuser, is_staff, is_active,
                           date_joined)
    SELECT n, 'reader' || n, 'reader' || n || '@example.com', '', '', '', false, false, true, now()
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
    """,
    """
    INSERT INTO plenigo_customerlink (id, account, user_id, customer_id, confirmed_email, confirmed_first_name,
                                      confirmed_last_name, confirmed_language, created_at, updated_at)
    SELECT n, 'default', n, 'C' || n, 'reader' || n || '@example.com', '', '', '', now(), now()
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
    """,
    """
    INSERT INTO plenigo_remotechange (id, link_id, account, kind, noted, delivered, attempts, last_error,
                                      last_error_type, due_at)
    SELECT 2 * n, n, 'default', 'change_email', 2, 1, 0, '', '', now() - interval '1 day'
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
    UNION ALL
    SELECT 2 * n + 1, n, 'default', 'change_profile', 1, 1, 0, '', '', NULL
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
    """,
)


def main() -> int:
    """Print a line of JSON, and with --check return 1 where the gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pending", type=int, default=200_000, help="the large backlog; a million in full")
    parser.add_argument("--rounds", type=int, default=9, help="how many batches are measured at each backlog")
    parser.add_argument("--check", action="store_true", help="fail where the gate is missed")
    parser.add_argument("--on", choices=databases.KINDS, help="measure on this one, by the address in DATABASE_URL")
    arguments = parser.parse_args()
    if arguments.on:
        return int(is_missed(arguments.pending, arguments.rounds))
    if "postgresql" not in databases.available():
        return 0
    given = (f"--pending={arguments.pending}", f"--rounds={arguments.rounds}")
    missed = databases.measure_in_a_process(__spec__.name, "postgresql", *given)
    return 1 if missed and arguments.check else 0


def is_missed(pending: int, rounds: int) -> bool:
    """Measure on the database of this process and return whether the gate is missed."""
    import django

    django.setup()

    databases.make_tables()
    fill(1, SMALL + rounds * BATCH)
    microseconds(2)
    small = microseconds(rounds)
    fill(SMALL + rounds * BATCH + 1, pending)
    microseconds(2)
    large = microseconds(rounds)
    ratio = round(large / small, 3)
    line = {"benchmark": "backlog", "pending": pending, "peer": f"{SMALL} pending", "ratio": ratio, "gate": GATE}
    print(json.dumps({**line, "microseconds_per_change": round(large, 1)}), flush=True)
    if ratio > GATE:
        print(f"Gate missed: at a backlog of {pending} a change costs {ratio} of {SMALL}.", file=sys.stderr)
    return ratio > GATE


def fill(first: int, last: int) -> None:
    """Make readers with these numbers, each with one change that is due and one that is in step."""
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement, {"first": first, "last": last})
        cursor.execute("ANALYZE")


def microseconds(rounds: int) -> float:
    """Return what a change costs, the median of so many batches."""
    from django_plenigo.services.sending.claims import Acknowledged, claim_due, settle

    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        claims = claim_due("default", BATCH, LEASE_TIME)
        settle([Acknowledged(claim, {"confirmed_email": claim.link.user.email}) for claim in claims])
        spent.append((time.perf_counter() - began) / len(claims) * 1e6)
    return statistics.median(spent)


if __name__ == "__main__":
    sys.exit(main())
