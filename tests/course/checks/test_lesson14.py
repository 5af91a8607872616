"""The references of lesson 14's checks against the package; other right and wrong answers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.course.checks.lesson02 import round_half_away
from mrcnn_lite.course.checks.lesson14 import best_place, rounding_shift, shifted_mask_iou
from mrcnn_lite.explore.measure.misalignment import slide, split_shift
from mrcnn_lite.ops import roi_pool_bags

EXERCISES = {exercise.name: exercise for exercise in (rounding_shift, best_place, shifted_mask_iou)}


@given(x1=st.integers(64, 300), width=st.integers(20, 200), stride=st.sampled_from([4, 8, 16, 32]))
def test_rounding_shift_is_the_packages(x1, width, stride):
    """One bin, read by a mean: the rounding of the whole box."""
    rois = slide((x1, 0, x1 + width, 99))
    error = split_shift("warp", (200, 200), rois, 1, stride)
    shift = rounding_shift.reference(x1, x1 + width, stride)
    assert shift == pytest.approx(error.rounding[0, 0, 0, 0].item(), abs=1e-6)


def shift_of_the_packages_box(x1, x2, stride):
    bags = roi_pool_bags((40, 40), slide((x1, 0, x2, 9)), 1, 1 / stride)
    left, _, right, _ = bags.box_in_image[0].tolist()
    return (left + right - stride) / 2 - (x1 + x2) / 2


def best_by_the_package(width, stride):
    """RoIWarp of the whole box as one bin, on a ramp."""
    rois = slide((0, 0, width, 99), dx=torch.arange(stride) + 10 * stride)
    error = split_shift("warp", (40, 40), rois, 1, stride).total[:, 0, 0, 0].round(decimals=6)
    best = error.abs().argmin()
    return best, error[best]


def iou_by_padding(mask, dx, dy):
    height, width = mask.shape
    padded = torch.nn.functional.pad(mask.bool(), (width, width, height, height))
    moved = padded[height - dy : 2 * height - dy, width - dx : 2 * width - dx]
    return (mask & moved).sum() / (mask | moved).sum()


@pytest.mark.parametrize(
    ("exercise", "function"),
    [
        (rounding_shift, shift_of_the_packages_box),
        (best_place, best_by_the_package),
        (shifted_mask_iou, iou_by_padding),
    ],
)
def test_other_right_answers_pass(exercise, function):
    verdict = exercise.verdict(function)
    assert verdict.passed, verdict.message


def iou_by_numpy_roll(mask, dx, dy):
    mask = mask.numpy()
    moved = np.roll(mask, (dy, dx), (0, 1))
    return np.logical_and(mask, moved).sum() / np.logical_or(mask, moved).sum()


def shift_with_the_last_cell(x1, x2, stride):
    left, right = round_half_away(x1 / stride), round_half_away(x2 / stride) + 1
    return ((left + right) * stride - x1 - x2) / 2


@pytest.mark.parametrize(
    ("exercise", "function", "words"),
    [
        (rounding_shift, shift_with_the_last_cell, "half pixel's share"),
        (rounding_shift, lambda x1, x2, s: round(x1 / s) * s - x1, "wrong on"),
        (
            rounding_shift,
            lambda x1, x2, s: (round(x1 / s) * s - x1 + round(x2 / s) * s - x2) / 2,
            "halves to even",
        ),
        (
            rounding_shift,
            lambda x1, x2, s: x1 // s * s / 2 - x1 / 2 + x2 // s * s / 2 - x2 / 2,
            "decimals",
        ),
        (best_place, lambda width, stride: (1, 0.0), "wrong on"),
        (
            best_place,
            lambda width, stride: best_by_the_package(width, stride)[::-1],
            "the order is left edge",
        ),
        (shifted_mask_iou, iou_by_numpy_roll, "come back on the other side"),
        (
            shifted_mask_iou,
            lambda mask, dx, dy: iou_by_padding(mask.T, dx, dy),
            "x and y are swapped",
        ),
        (shifted_mask_iou, lambda mask, dx, dy: iou_by_padding(mask, -dx, -dy), "the other way"),
    ],
)
def test_wrong_answers_written_in_another_way_are_named_as_well(exercise, function, words):
    verdict = exercise.verdict(function)
    assert not verdict.passed
    assert words in verdict.message


def test_every_hint_helps_without_giving_the_answer():
    for exercise in EXERCISES.values():
        assert len(set(exercise.hints)) == 3
        assert not any("return" in hint for hint in exercise.hints)
