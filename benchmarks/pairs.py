"""Take two contenders in turns, and compare the processor time that they spend round by round."""

import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: A wider interquartile range, relative to the median, says more about the machine than about the code.
NOISY = 0.5

#: How often a measurement that was too noisy is taken again.
REPEATS = 5

#: Each round is cut into so many slices, taken in turns, so that what else the machine does hits both contenders.
SLICES = 5

#: The least processor time of one contender's slice: on some machines that clock moves in steps of ten milliseconds.
SLICE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Ratio:
    """What ours costs in units of the peer's: the median of all rounds, and the quartiles."""

    median: float
    low: float
    high: float

    @property
    def is_noisy(self) -> bool:
        """Whether the rounds differ too much to be judged."""
        return self.high - self.low > NOISY * self.median


def compare(ours: Callable[[], object], peer: Callable[[], object], *, rounds: int, gate: float = math.inf) -> Ratio:
    """Return the ratio of the processor time of this process.

    Measured again while it is too noisy or above the gate, three times at most; then the best counts. That forgives a
    busy machine, and what is dearer than the gate only now and then.
    """
    our_calls, peer_calls = calls_of_a_slice(ours), calls_of_a_slice(peer)
    return _best(lambda: _round(ours, our_calls, peer, peer_calls), rounds, gate)


def compare_by_the_clock(
    ours: Callable[[], object], peer: Callable[[], object], *, rounds: int, calls: int, gate: float = math.inf
) -> Ratio:
    """Do as `compare` for what mostly waits, with so many calls a slice."""
    for _ in range(calls):
        ours(), peer()
    return _best(lambda: _round_by_the_clock(ours, peer, calls), rounds, gate)


def _best(one_round: Callable[[], float], rounds: int, gate: float) -> Ratio:
    ratios: list[Ratio] = []
    for _ in range(REPEATS):
        ratio = quartiles([one_round() for _ in range(max(rounds, 2))])
        if not ratio.is_noisy and ratio.median <= gate:
            return ratio
        ratios.append(ratio)
    return min(ratios, key=lambda ratio: ratio.median)


def _round_by_the_clock(ours: Callable[[], object], peer: Callable[[], object], calls: int) -> float:
    gc.collect()
    spent: dict[Callable[[], object], list[float]] = {ours: [], peer: []}
    for _ in range(SLICES):
        for work in (ours, peer):
            began = time.perf_counter()
            for _ in range(calls):
                work()
            spent[work].append(time.perf_counter() - began)
    return statistics.median(spent[ours]) / statistics.median(spent[peer])


def calls_of_a_slice(work: Callable[[], object]) -> int:
    """Return how many calls fill a slice, after some to warm up."""
    cpu_seconds(work, 20)
    calls = 1
    while (spent := cpu_seconds(work, calls)) < SLICE_SECONDS:
        calls = max(calls * 2, int(calls * SLICE_SECONDS / spent) + 1 if spent else 0)
    return calls


def quartiles(ratios: list[float]) -> Ratio:
    """Return the median and the quartiles of the rounds."""
    low, median, high = statistics.quantiles(ratios, n=4)
    return Ratio(round(median, 4), round(low, 4), round(high, 4))


def cpu_seconds(work: Callable[[], object], times: int) -> float:
    """Return the processor time of doing something so many times."""
    started = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - started


def _round(ours: Callable[[], object], our_calls: int, peer: Callable[[], object], peer_calls: int) -> float:
    """Return the ratio of a call's cost; of the slices the median, since one may be interrupted more than others."""
    gc.collect()
    spent_by_us, spent_by_peer = [], []
    for _ in range(SLICES):
        spent_by_us.append(cpu_seconds(ours, our_calls) / our_calls)
        spent_by_peer.append(cpu_seconds(peer, peer_calls) / peer_calls)
    return statistics.median(spent_by_us) / statistics.median(spent_by_peer)


def report(
    benchmark: str, case: str, peer: str, ratio: Ratio, gate: float, counts: Mapping[str, tuple[int, int]] | None = None
) -> bool:
    """Print a line of JSON, and return whether a gate is missed, said in a sentence.

    `counts` holds by name what was counted and what it must be exactly.
    """
    counts = counts or {}
    line = {"benchmark": benchmark, "case": case, "peer": peer, "ratio": ratio.median, "low": ratio.low}
    line |= {"high": ratio.high, "gate": gate, **{name: counted for name, (counted, _) in counts.items()}}
    print(json.dumps(line), flush=True)
    sentences = [
        f"Gate missed: {benchmark}, {case}: {name} are {counted}, not {wanted}."
        for name, (counted, wanted) in counts.items()
        if counted != wanted
    ]
    if ratio.low > gate or (ratio.median > gate and not ratio.is_noisy):
        sentences.append(f"Gate missed: {benchmark}, {case} costs {ratio.median} of {peer}, allowed is {gate}.")
    elif ratio.is_noisy:
        print(f"Too noisy to judge: {benchmark}, {case}: the rounds differ too much on this machine.", file=sys.stderr)
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return bool(sentences)
