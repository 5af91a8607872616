"""Timing in turns: what else the machine does disturbs all alike, so ratios say more than times."""

import time
from collections.abc import Callable, Sequence


def race(calls: Sequence[Callable[[], object]], turns: int) -> list[float]:
    """Give the fastest of several runs of each call, in seconds; arguments as for `take_turns`."""
    return [min(seconds) for seconds in take_turns(calls, turns)]


def take_turns(calls: Sequence[Callable[[], object]], turns: int) -> list[list[float]]:
    """Give the times of several runs of each call, in seconds.

    Args:
        calls: take turns; a first turn, which is not counted, warms up.
        turns: how many are counted.
    """
    times = [[] for _ in calls]
    for turn in range(turns + 1):
        for call, seconds in zip(calls, times):
            seconds.append(seconds_of(call))
            if turn == 0:
                seconds.clear()
    return times


def seconds_of(call: Callable[[], object]) -> float:
    """Give the time of a single run, in seconds."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
