"""Measure the admin's list of customer links with very many of them, against the same list with a thousand.

    python -m benchmarks.changelist [--links 200000] [--rounds 9] [--check]

On PostgreSQL, by the clock, through Django's test client: plain, and for each kind of search. Queries are counted
exactly: as many with very many links. Names are searched by the site's own user admin, as fast as what the site
has indexed: here by trigrams, `--without-trigrams` shows what it costs without.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import databases, pairs

FEW = 1000
GATE = 2.0

#: One of the readers whom both sites have, and how many share the rare name.
NUMBER = 777
NAMESAKES = 5

#: The query of the list's address by the name of the case.
PAGES = {
    "plain": {},
    "tenth page": {"p": "10"},
    "oldest first": {"o": "6"},
    "address": {"q": f"Reader{NUMBER:07}@example.com"},
    "beginning of an address": {"q": f"reader{NUMBER:07}"},
    "customer id": {"q": f"CUSTOMER{NUMBER:07}"},
    "beginning of all customer ids": {"q": "CUSTOMER"},
    "external id": {"q": f"external-{NUMBER:07}"},
    "access id": {"q": f"crm-{NUMBER:07}"},
    "beginning of ten access ids": {"q": f"crm-{NUMBER // 10:06}"},
    "rare name": {"q": "Quillfeather"},
    "first and last name": {"q": "Ada Quillfeather"},
    "name of half of the readers": {"q": "Ada"},
    "nobody's name": {"q": "Nobodyhasthatname"},
}

FILL = [
    """
    INSERT INTO auth_user (id, username, first_name, last_name, email, password, is_superuser, is_staff, is_active,
                           date_joined)
    SELECT n, 'reader' || lpad(n::text, 7, '0'), CASE WHEN n %% 2 = 1 THEN 'Ada' ELSE 'Bela' END,
           CASE WHEN n %% (%(links)s / %(namesakes)s) = 7 THEN 'Quillfeather' ELSE 'Name' || md5(n::text) END,
           'reader' || lpad(n::text, 7, '0') || '@example.com', '', false, false, true, now()
    FROM generate_series(1, %(links)s::bigint) AS n
    """,
    """
    INSERT INTO plenigo_customerlink (id, account, user_id, customer_id, external_id, confirmed_email,
                                      confirmed_first_name, confirmed_last_name, confirmed_language, created_at,
                                      updated_at)
    SELECT n, 'default', n, 'CUSTOMER' || lpad(n::text, 7, '0'), 'external-' || lpad(n::text, 7, '0'),
           'Reader' || lpad(n::text, 7, '0') || '@example.com', '', '', '', now(), now()
    FROM generate_series(1, %(links)s::bigint) AS n
    """,
    """
    INSERT INTO plenigo_accessid (link_id, account, slot, value, imported_at, imported_from)
    SELECT n, 'default', 1, 'crm-' || lpad(n::text, 7, '0'), now(), ''
    FROM generate_series(1, %(links)s::bigint) AS n
    """,
    """
    INSERT INTO plenigo_remotechange (link_id, account, kind, noted, delivered, attempts, last_error, last_error_type)
    SELECT n, 'default', kind, 1, 1, 0, '', ''
    FROM generate_series(1, %(links)s::bigint) AS n, unnest(ARRAY['change_email', 'change_profile']) AS kind
    """,
    "SELECT setval('auth_user_id_seq', %(links)s)",
    "VACUUM ANALYZE",
]

#: What Django's user admin searches.
SEARCHED = ["username", "first_name", "last_name", "email"]


def main() -> int:
    """Print a line of JSON a case, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--links", type=int, default=200_000, help="how many are very many")
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured, at least 2")
    parser.add_argument("--without-trigrams", action="store_true", help="leave out the indexes of the site's users")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    parser.add_argument("--on", choices=databases.KINDS, help="measure on this one, by the address in DATABASE_URL")
    arguments = parser.parse_args()
    if arguments.on:
        return int(is_missed(arguments.links, arguments.rounds, not arguments.without_trigrams))
    if "postgresql" not in databases.available():
        return 0
    passed_on = [f"--links={arguments.links}", f"--rounds={arguments.rounds}"]
    passed_on += ["--without-trigrams"] if arguments.without_trigrams else []
    missed = databases.measure_in_a_process(__spec__.name, "postgresql", *passed_on)
    return 1 if missed and arguments.check else 0


def is_missed(links: int, rounds: int, with_trigrams: bool) -> bool:
    """Measure a site with so many links against one with few, and return whether a gate is missed."""
    import django

    django.setup()
    from django.db import connections

    few = connections["default"]
    with databases.scratch("postgresql") as url:
        many = few.copy()
        many.settings_dict["NAME"] = url.rpartition("/")[2]
        try:
            open_many, open_few = site_on(many, links, with_trigrams), site_on(few, FEW, with_trigrams)
            # Not any(): all cases are measured.
            missed = [_is_case_missed(case, open_many, open_few, links, rounds) for case in PAGES]
        finally:
            connections["default"] = few
            many.close()
    return any(missed)


Opener = Callable[[str], tuple[int, int]]


def site_on(connection: Any, links: int, with_trigrams: bool) -> Opener:
    """Fill a database and return what opens a page of its list, and counts the rows shown and the queries."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    with in_place(connection):
        databases.make_tables()
        _fill(connection, links, with_trigrams)
        client = Client()
        client.force_login(get_user_model().objects.create_superuser("agent"))
    address = reverse("admin:plenigo_customerlink_changelist")

    def open_page(case: str) -> tuple[int, int]:
        queries = 0

        def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal queries
            queries += 1
            return execute(sql, params, many, context)

        with in_place(connection), connection.execute_wrapper(count):
            response = client.get(address, PAGES[case])
        assert response.status_code == 200
        return response.content.count(b'name="_selected_action"'), queries

    return open_page


@contextmanager
def in_place(connection: Any) -> Iterator[None]:
    """Let the site use this database."""
    from django.db import connections

    before, connections["default"] = connections["default"], connection
    try:
        yield
    finally:
        connections["default"] = before


def _fill(connection: Any, links: int, with_trigrams: bool) -> None:
    with connection.cursor() as cursor:
        if with_trigrams:
            cursor.execute("CREATE EXTENSION pg_trgm")
            for name in SEARCHED:
                cursor.execute(f"CREATE INDEX ON auth_user USING gin (UPPER({name}::text) gin_trgm_ops)")
        for statement in FILL:
            cursor.execute(statement, {"links": links, "namesakes": NAMESAKES})


def _is_case_missed(case: str, open_many: Opener, open_few: Opener, links: int, rounds: int) -> bool:
    (rows, queries), (few_rows, few_queries) = open_many(case), open_few(case)
    assert bool(rows) == (case != "nobody's name")
    counts = {"rows": (rows, few_rows), "queries": (queries, few_queries)}
    ratio = pairs.compare_by_the_clock(
        lambda: open_many(case), lambda: open_few(case), rounds=rounds, calls=1, gate=GATE
    )
    return pairs.report("changelist", f"{links} links, {case}", f"the list with {FEW}", ratio, GATE, counts)


if __name__ == "__main__":
    sys.exit(main())
