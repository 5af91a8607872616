"""Checks of lesson 12: gains with intervals, how many seeds they need, and how often they lie."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.experiments.results import STUDENT_T


def _of_pairs(better: Tensor, base: Tensor, correction: int = 1) -> Tensor:
    return (better - base).std(correction=correction)


def _of_strangers(better: Tensor, base: Tensor) -> Tensor:
    """What the deviation would be, had the two rows' seeds nothing in common."""
    return (better.var() + base.var()).sqrt()


def _relative_gain(
    better: Tensor,
    base: Tensor,
    students_t: float,
    *,
    spread: Callable[[Tensor, Tensor], Tensor] = _of_pairs,
    of_the_mean: Callable[[int], float] = math.sqrt,
    scale: Callable[[Tensor, Tensor], Tensor] = lambda better, base: base.mean(),
    factor: float = 1,
    swapped: bool = False,
    quantile: float | None = None,
) -> tuple[float, float, float]:
    """Gain, low and high end of its interval, and what they become under some mistakes."""
    centre = (better - base).mean() * (-1 if swapped else 1)
    half = (quantile or students_t) * spread(better, base) / of_the_mean(len(base))
    unit = scale(better, base) / factor
    low, high = centre - half, centre + half
    return tuple(float(value / unit) for value in (centre, low, high))


def _mean_of_ratios(better: Tensor, base: Tensor, students_t: float) -> tuple[float, float, float]:
    gains = better / base - 1
    half = students_t * gains.std() / math.sqrt(len(base))
    return tuple(float(value) for value in (gains.mean(), gains.mean() - half, gains.mean() + half))


def _one(better: Tensor, base: Tensor) -> Tensor:
    return torch.tensor(1.0)


def _rows(better: list[float], base: list[float]) -> tuple[Tensor, Tensor, float]:
    t = STUDENT_T[len(base) - 2]
    return torch.tensor(better).double(), torch.tensor(base).double(), t


relative_gain = Exercise(
    name="relative_gain",
    reference=_relative_gain,
    cases={
        "three seeds": _rows([0.31, 0.42, 0.50], [0.21, 0.30, 0.41]),
        "five seeds, of which one disagrees": _rows(
            [0.24, 0.26, 0.23, 0.28, 0.27], [0.22, 0.25, 0.24, 0.25, 0.21]
        ),
        "two seeds of a loss": _rows([0.18, 0.20], [0.23, 0.22]),
    },
    mistakes={
        "you took the spread of the two rows, as if their seeds had nothing in common; but seed k "
        "of one row and seed k of the other are a pair. Take the spread of their "
        "differences": partial(_relative_gain, spread=_of_strangers),
        "you divided the squared deviations by n; with few seeds that makes the spread too small. "
        "The mean took one degree of freedom, so divide by n - 1": partial(
            _relative_gain, spread=partial(_of_pairs, correction=0)
        ),
        "that is the spread of a single seed; the mean of n of them spreads less. Divide by the "
        "root of n": partial(_relative_gain, of_the_mean=lambda n: 1),
        "you divided the deviation by n, not by its root": partial(
            _relative_gain, of_the_mean=lambda n: n
        ),
        "your gain is relative to the better row; a gain is in parts of the base, the row that one "
        "comes from": partial(_relative_gain, scale=lambda better, base: better.mean()),
        "you took the mean of the seeds' ratios; a gain is the mean difference in parts of the "
        "base's mean, a ratio of means": _mean_of_ratios,
        "your gain is in points of AP; divide it by the base's mean": partial(
            _relative_gain, scale=_one
        ),
        "your gain is in percent; return it in parts, 0.1 for ten percent": partial(
            _relative_gain, factor=100
        ),
        "your gain is in percent points; divide it by the base's mean, and return parts, not "
        "percent": partial(_relative_gain, scale=_one, factor=100),
        "you subtracted the better row from the base; the order is better minus base": partial(
            _relative_gain, swapped=True
        ),
        "your factor is the 1.96 of the normal distribution. It is for those who know the "
        "deviation; you have estimated it from a few seeds, so take `students_t`": partial(
            _relative_gain, quantile=1.96
        ),
    },
    hints=(
        "Runs of one seed are a pair. What is averaged, and what has a spread, is their "
        "difference.",
        "`differences.std()` divides by n - 1, as it should. The mean of n differences has a "
        "deviation that is smaller by the root of n.",
        "The middle is the mean difference; the interval goes `students_t` times the deviation of "
        "the mean to either side. Divide all three by `base.mean()`.",
    ),
)


def _seeds_needed(
    deviation: float,
    difference: float,
    students_t: Sequence[float],
    *,
    first: int = 2,
    shift: int = 1,
    of_the_mean: Callable[[int], float] = math.sqrt,
    factor: float = 1,
    quantile: float | None = None,
) -> int:
    """The first number of seeds whose interval is narrow enough, also under some mistakes."""
    for n in range(first, 10_000):
        t = quantile or students_t[max(min(n - shift, len(students_t)), 1) - 1]
        if factor * t * deviation / of_the_mean(n) < difference:
            return n
    return 10_000


seeds_needed = Exercise(
    name="seeds_needed",
    reference=_seeds_needed,
    cases={
        "a deviation of 1 and a difference of 1": (1.0, 1.0, STUDENT_T),
        "a deviation of 0.8 and a difference of 3": (0.8, 3.0, STUDENT_T),
        "a deviation of 2 and a difference of 1": (2.0, 1.0, STUDENT_T),
        "a deviation of 1 and a difference of 20": (1.0, 20.0, STUDENT_T),
        "a deviation of 1.5 and a difference of 2": (1.5, 2.0, STUDENT_T),
    },
    mistakes={
        "you took the normal distribution's 1.96; with few seeds Student's factor is larger, and "
        "it falls with each seed": partial(_seeds_needed, quantile=1.96),
        "for n seeds there are n - 1 degrees of freedom, and `students_t[0]` is the factor for "
        "one of them": partial(_seeds_needed, shift=0),
        "you skipped a place of `students_t`: its first is for one degree of freedom, which is two "
        "seeds": partial(_seeds_needed, shift=2),
        "you divided the deviation by n; the mean of n differences has a deviation smaller by the "
        "root of n": partial(_seeds_needed, of_the_mean=lambda n: n),
        "your deviation does not become smaller with more seeds; that of their mean does": partial(
            _seeds_needed, of_the_mean=lambda n: 1
        ),
        "you multiplied by the root of 2, as for two rows whose seeds have nothing in common; "
        "`deviation` is that of the differences already": partial(
            _seeds_needed, factor=math.sqrt(2)
        ),
        "your interval is half as wide: its half, not the whole of it, has to be smaller than the "
        "difference": partial(_seeds_needed, factor=2),
        "one seed has no deviation; begin with two": partial(_seeds_needed, first=1),
    },
    hints=(
        "The interval misses zero if its half is smaller than the difference. Try 2 seeds, then 3, "
        "and so on.",
        "The half is the factor times the deviation over the root of n. With n seeds the factor is "
        "that of n - 1 degrees of freedom; beyond the end of the list take the last.",
        "A loop over n from 2; the factor stands at place n - 2 of the list, or at the last; "
        "return the first n that fits.",
    ),
)


def _false_alarm(num_comparisons: int, level: float) -> float:
    return 1 - level**num_comparisons


false_alarm = Exercise(
    name="false_alarm",
    reference=_false_alarm,
    cases={
        "one comparison at 95 %": (1, 0.95),
        "20 comparisons at 95 %": (20, 0.95),
        "7 comparisons at 99 %": (7, 0.99),
        "3 comparisons at 60 %": (3, 0.6),
    },
    mistakes={
        "you added the chances up. With 30 comparisons that would be more than 1; two alarms at "
        "once are counted twice": lambda number, level: number * (1 - level),
        "that is the chance that *no* interval misses zero": lambda number, level: level**number,
        "that is the chance that *all* intervals miss zero": lambda number, level: (
            (1 - level) ** number
        ),
        "that is the chance for a single comparison": lambda number, level: 1 - level,
        "your result is in percent; return it in parts": lambda number, level: (
            100 * (1 - level**number)
        ),
    },
    hints=(
        "Ask for the opposite: how likely is it that all intervals include zero?",
        "One interval includes the truth with the probability `level`; independent ones multiply.",
        "One minus the probability that all of them include zero.",
    ),
)
