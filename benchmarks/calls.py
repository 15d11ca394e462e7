"""Measure what one call of the client costs, against `requests.post` per call.

    python -m benchmarks.calls [--rounds 9] [--check]

Both send the same JSON with a signed header to a stub on this machine, plain and over TLS with a CA bundle of usual
size. Ours signs each call anew, checks its arguments and asks the circuit breaker; the peer sends a header that was
signed beforehand.
"""

import argparse
import os
import sys
from unittest import mock

import requests
from django.conf import settings

from benchmarks.pairs import compare, report
from benchmarks.stub import Stub
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.protocols.plenigo_v2 import PlenigoV2, connect
from django_plenigo.protocols.plenigo_v2.jws import sign_hs256

SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"
COMPANY_ID = "Rk3WvT8nYq1LzB5cXp7M"
CUSTOMER = CustomerRef("MAP27KCA3K2P")
EMAIL = "reader@example.com"
PATH = f"/api/v2/externalUser/{CUSTOMER.value}/changeEmail?useExternalCustomerId=false"
HEADERS = {"plenigoToken": sign_hs256('{"aud":"plenigo","companyId":"Rk3WvT8nYq1LzB5cXp7M"}', SECRET)}

#: By case: the most that a call may cost in units of the peer's.
GATES = {"plain": 0.75, "tls": 0.05}


def client_of(stub: Stub) -> PlenigoV2:
    """Return the client as a site gets it."""
    return connect(
        base_url=stub.url,
        company_id=COMPANY_ID,
        secrets=[SECRET],
        test_mode=False,
        timeout_seconds=5.0,
        cache_alias="default",
    )


def is_missed(case: str, rounds: int) -> bool:
    """Measure one case and return whether a gate is missed."""
    # A stub each, so that the connections of the one are not counted for the other.
    with Stub(tls=case == "tls") as ours, Stub(tls=case == "tls") as peers:
        client = _with_bundle(ours)
        made = 0

        def call() -> None:
            nonlocal made
            client.change_email(CUSTOMER, EMAIL)
            made += 1

        def call_by_peer() -> None:
            requests.post(peers.url + PATH, json={"email": EMAIL}, headers=HEADERS, timeout=5).json()

        bundle = {"REQUESTS_CA_BUNDLE": peers.ca_bundle} if case == "tls" else {}
        with mock.patch.dict(os.environ, bundle):
            ratio = compare(call, call_by_peer, rounds=rounds)
        counts = {"connections": (ours.connections, 1), "requests": (ours.requests, made)}
        return report("calls", case, "requests.post", ratio, GATES[case], counts)


def _with_bundle(stub: Stub) -> PlenigoV2:
    bundle = {"REQUESTS_CA_BUNDLE": stub.ca_bundle} if stub.url.startswith("https") else {}
    with mock.patch.dict(os.environ, bundle):
        return client_of(stub)


def main() -> int:
    """Print one line of JSON a case, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured, at least 2")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    arguments = parser.parse_args()
    settings.configure(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})
    missed = [case for case in GATES if is_missed(case, arguments.rounds)]
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
