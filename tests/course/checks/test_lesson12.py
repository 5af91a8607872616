"""The checks of lesson 12: their references against the package and against chance itself."""

import math

import numpy as np
import pytest
import torch

from mrcnn_lite.course.checks.lesson12 import false_alarm, relative_gain, seeds_needed
from mrcnn_lite.experiments.results import STUDENT_T, gain


def test_gain_is_the_packages():
    def by_package(better, base, students_t):
        found = gain(better.tolist(), base.tolist())
        return found["gain"], found["low"], found["high"]

    assert relative_gain.verdict(by_package).passed


def test_a_gain_in_tensors_is_right_too():
    def in_tensors(better, base, students_t):
        differences = (better - base) / base.mean()
        half = students_t * differences.std() / math.sqrt(len(differences))
        return torch.stack(
            [differences.mean(), differences.mean() - half, differences.mean() + half]
        )

    assert not relative_gain.verdict(lambda *arguments: in_tensors(*arguments)[0]).passed
    assert relative_gain.verdict(lambda *arguments: tuple(in_tensors(*arguments))).passed


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            lambda better, base, t: tuple(
                float(((better - base).mean() + sign * t * math.hypot(better.std(), base.std())
                / math.sqrt(len(base))) / base.mean())
                for sign in (0, -1, 1)
            ),
            "seed k of the other are a pair",
        ),
        (
            lambda better, base, t: tuple(
                float(np.mean((better - base).numpy()) + sign * t * np.std((better - base).numpy())
                / math.sqrt(len(base))) / float(base.mean())
                for sign in (0, -1, 1)
            ),
            "divide by n - 1",
        ),
    ],
)  # fmt: skip
def test_plausible_gains_are_told_apart(answer, expected):
    assert expected in relative_gain.verdict(answer).message


def test_as_many_seeds_are_needed_as_a_gain_asks_for():
    """Made-up seeds with just that mean and deviation: `gain` excludes zero from n seeds on."""
    for n, excluded in ((6, False), (7, True)):
        differences = np.linspace(-1, 1, n)
        differences += 1 * differences.std(ddof=1) - differences.mean()
        found = gain((1 + differences).tolist(), [1.0] * n)
        assert (found["low"] > 0) is excluded
    assert seeds_needed.reference(1.0, 1.0, STUDENT_T) == 7


def test_false_alarms_by_chance():
    rng = np.random.default_rng(0)
    alarms = (rng.random((20_000, 20)) > 0.95).any(axis=1).mean()
    assert false_alarm.reference(20, 0.95) == pytest.approx(alarms, abs=0.01)
