"""What an interval says of a claim."""

import math

import pytest

from mrcnn_lite.experiments.verdicts import AS_CLAIMED, CANNOT_TELL, CONTRADICTS, verdict


@pytest.mark.parametrize(
    ("gain", "low", "high", "paper", "expected"),
    [
        (0.1, 0.05, 0.15, 0.2, AS_CLAIMED),
        (0.1, 0.05, 0.15, None, AS_CLAIMED),
        (0.1, 0.05, 0.15, -0.1, CONTRADICTS),
        (-0.1, -0.15, -0.05, 0.2, CONTRADICTS),
        (-0.1, -0.15, -0.05, None, CONTRADICTS),
        (-0.1, -0.15, -0.05, -0.01, AS_CLAIMED),
        (0.1, -0.01, 0.2, 0.2, CANNOT_TELL),
        (0.1, 0.0, 0.2, 0.2, CANNOT_TELL),
        (0.1, math.nan, math.nan, 0.2, CANNOT_TELL),
    ],
)
def test_verdict(gain, low, high, paper, expected):
    assert verdict({"gain": gain, "low": low, "high": high}, paper) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.15, CONTRADICTS),
        (-0.05, 0.15, AS_CLAIMED),
        (-0.15, -0.05, AS_CLAIMED),
        (math.nan, math.nan, CANNOT_TELL),
    ],
)
def test_verdict_on_a_claim_of_no_gain(low, high, expected):
    found = {"gain": (low + high) / 2, "low": low, "high": high}
    assert verdict(found, 0.01, "no gain") == expected
