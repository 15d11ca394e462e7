"""Measure a warm access check against a bare `cache.get` of the same cache, in one process.

    python -m benchmarks.access [--rounds 9] [--check]

Warm: the answer is kept and fresh. It costs no query and no call, which is counted exactly.
"""

import argparse
import sys

from benchmarks import pairs, site

GATE = 2.0


def main() -> int:
    """Print a line of JSON, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured, at least 2")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    arguments = parser.parse_args()
    site.set_up()
    from django.core.cache import cache
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from django_plenigo import conf
    from django_plenigo.sandbox.testing import Sandbox
    from django_plenigo.services import access, customers
    from django_plenigo.services.access.keeping import cache_key

    sandbox, reader, products = Sandbox(), site.registered_reader(), ["DAYPASS"]
    link = customers.link_of(reader)
    assert link is not None
    sandbox.buy(str(link.customer_id), "DAYPASS")
    assert access.check_access(reader, products) is access.Access.BOUGHT
    key = cache_key(conf.Account(), reader)
    assert cache.get(key), "the answer is not kept"
    sandbox.calls.clear()
    with CaptureQueriesContext(connection) as queries:
        assert access.check_access(reader, products) is access.Access.BOUGHT
    counts = {"queries": (len(queries), 0), "remote_calls": (len(sandbox.calls), 0)}
    ratio = pairs.compare(
        lambda: access.check_access(reader, products),
        lambda: cache.get(key),
        rounds=arguments.rounds,
        gate=GATE,
    )
    missed = pairs.report("access", "a warm check", "cache.get", ratio, GATE, counts)
    return int(missed and arguments.check)


if __name__ == "__main__":
    sys.exit(main())
