"""What an interval says of a claim: its direction, and its size."""

import pytest

from mrcnn_lite.experiments.verdicts import (
    AS_LARGE,
    CANNOT_TELL,
    CONTRADICTS,
    LARGER,
    MAY_BE_AS_LARGE,
    ON_PAR,
    SAME_DIRECTION,
    SMALLER,
    compare_size,
    in_words,
    verdict,
)


def interval(low, high):
    middle = None if low is None else (low + high) / 2
    return {"gain": middle, "low": low, "high": high}


@pytest.mark.parametrize(
    ("low", "high", "paper", "expected"),
    [
        (0.05, 0.15, 0.2, SAME_DIRECTION),
        (0.05, 0.15, None, SAME_DIRECTION),
        (0.05, 0.15, -0.1, CONTRADICTS),
        (-0.15, -0.05, 0.2, CONTRADICTS),
        (-0.15, -0.05, None, CONTRADICTS),
        (-0.15, -0.05, -0.01, SAME_DIRECTION),
        (-0.01, 0.2, 0.2, CANNOT_TELL),
        (0.0, 0.2, 0.2, CANNOT_TELL),
        (None, None, 0.2, CANNOT_TELL),
    ],
)
def test_direction(low, high, paper, expected):
    assert verdict(interval(low, high), paper) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.04, 0.03, ON_PAR),
        (0.01, 0.04, ON_PAR),  # surely more, and surely little
        (-0.04, 0.06, CANNOT_TELL),
        (-0.15, -0.01, CANNOT_TELL),
        (0.06, 0.15, CONTRADICTS),
        (-0.31, -0.10, CONTRADICTS),  # worse is not on par, either
        (None, None, CANNOT_TELL),
    ],
)
def test_a_claim_of_being_on_par_has_a_margin(low, high, expected):
    found = interval(low, high)
    assert verdict(found, 0.01, "on par") == expected
    assert compare_size(found, 0.01, "on par") == ""


@pytest.mark.parametrize(
    ("low", "high", "paper", "expected"),
    [
        (1.14, 1.48, 0.13, "10 times as large"),
        (0.36, 0.44, 0.11, "3.6 times as large"),
        (0.01, 0.03, 0.2, "0.1 times as large"),
        (-0.3, -0.1, -0.05, "4 times as large"),
        (0.05, 0.15, 0.12, AS_LARGE),
        (-0.05, 0.15, 0.12, MAY_BE_AS_LARGE),
        (-0.14, 0.06, 0.07, SMALLER),
        (-0.06, 0.14, -0.07, LARGER),
        (-0.3, -0.1, 0.2, ""),
        (0.05, 0.15, None, ""),
        (None, None, 0.2, ""),
    ],
)
def test_size(low, high, paper, expected):
    assert compare_size(interval(low, high), paper) == expected


def test_both_in_words():
    assert in_words(interval(1.14, 1.48), 0.13) == "same direction, 10 times as large"
    assert in_words(interval(0.1, 0.2)) == SAME_DIRECTION
