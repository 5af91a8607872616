"""Timing in turns: what else the machine does disturbs all alike, so ratios say more than times."""

import math
import time
from collections.abc import Callable, Sequence


def race(calls: Sequence[Callable[[], object]], turns: int) -> list[float]:
    """Give the fastest of several runs of each call, in seconds.

    Args:
        calls: take turns; a first turn, which is not counted, warms up.
        turns: how many are counted.
    """
    best = [math.inf] * len(calls)
    for turn in range(turns + 1):
        for number, call in enumerate(calls):
            seconds = seconds_of(call)
            if turn > 0:
                best[number] = min(best[number], seconds)
    return best


def seconds_of(call: Callable[[], object]) -> float:
    """Give the time of a single run, in seconds."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
