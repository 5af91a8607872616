"""Timing in turns: what else the machine does disturbs all alike, so ratios say more than times."""

import time
from collections.abc import Callable, Sequence


def race(calls: Sequence[Callable[[], object]], turns: int) -> list[float]:
    """Give the fastest of several runs of each call, in seconds; arguments as for `take_turns`."""
    return [min(seconds) for seconds in take_turns(calls, turns)]


def take_turns(calls: Sequence[Callable[[], object]], turns: int) -> list[list[float]]:
    """Give the times of several runs of each call, in seconds.

    Args:
        calls: take turns, each of them being the first one of a turn in its turn, so that none
            always finds the cache as the same other one leaves it.
        turns: how many are counted, after one that warms up.
    """
    times = [[] for _ in calls]
    for turn in range(turns + 1):
        first = turn % len(calls)
        for number in [*range(first, len(calls)), *range(first)]:
            seconds = seconds_of(calls[number])
            if turn > 0:
                times[number].append(seconds)
    return times


def seconds_of(call: Callable[[], object]) -> float:
    """Give the time of a single run, in seconds."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
