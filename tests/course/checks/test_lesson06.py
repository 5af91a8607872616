"""The checks of lesson 06: their references against torchvision, right answers, wrong ones."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection.backbone_utils import LastLevelMaxPool
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.poolers import LevelMapper

from mrcnn_lite.course.checks.lesson06 import cells_touched, level_of_box
from mrcnn_lite.course.checks.lesson06_pyramid import feature_pyramid, merge_step

coordinates = st.integers(0, 120).map(lambda x: x / 2)
sides = st.integers(1, 100).map(lambda x: x / 2)


@given(coordinates, coordinates, sides, sides, st.sampled_from([4, 8, 10]))
def test_cells_touched_are_those_that_overlap_the_box(x1, y1, width, height, stride):
    def overlapping(low, high):
        return sum(cell * stride < high and (cell + 1) * stride > low for cell in range(60))

    rows, columns = cells_touched.reference((x1, y1, x1 + width, y1 + height), stride)
    assert (rows, columns) == (overlapping(y1, y1 + height), overlapping(x1, x1 + width))


@given(st.tuples(st.integers(1, 3000), st.integers(1, 3000)))
def test_level_of_box_is_torchvisions(size):
    box = (0.0, 0.0, float(size[0]), float(size[1]))
    expected = LevelMapper(k_min=2, k_max=5)([torch.tensor([box])]) + 2
    assert level_of_box.reference(box, 224, 4, 2, 5) == expected.item()


@settings(max_examples=20)
@given(st.integers(5, 17), st.integers(5, 17), st.integers(1, 3))
def test_feature_pyramid_is_torchvisions_without_biases(height, width, num_maps):
    torch.manual_seed(height)
    channels = [3, 4, 5][:num_maps]
    library = FeaturePyramidNetwork(channels, 2, LastLevelMaxPool())
    features = []
    for c in channels:
        features.append(torch.randn(2, c, height, width))
        height, width = (height + 1) // 2, (width + 1) // 2
    lateral = [block[0].weight for block in library.inner_blocks]
    smooth = [block[0].weight for block in library.layer_blocks]
    for block in (*library.inner_blocks, *library.layer_blocks):
        torch.nn.init.zeros_(block[0].bias)
    expected = library({str(k): feature for k, feature in enumerate(features)}).values()
    result = feature_pyramid.reference(features, lateral, smooth)
    assert len(result) == num_maps + 1
    for ours, theirs in zip(result, expected):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_right_answers_of_another_make_pass():
    def by_repeating(coarse, lateral):
        rows = torch.arange(lateral.shape[2]) // 2
        columns = torch.arange(lateral.shape[3]) // 2
        return coarse[:, :, rows][..., columns] + lateral

    assert merge_step.verdict(by_repeating).passed

    def as_list(features, lateral_weights, smooth_weights):
        levels = []
        merged = F.conv2d(features[-1], lateral_weights[-1])
        levels.append(merged)
        for k in range(len(features) - 2, -1, -1):
            merged = by_repeating(merged, F.conv2d(features[k], lateral_weights[k]))
            levels.append(merged)
        levels = [
            F.conv2d(level, weight, padding=1)
            for level, weight in zip(levels[::-1], smooth_weights)
        ]
        return [*levels, F.max_pool2d(levels[-1], kernel_size=1, stride=2)]

    assert feature_pyramid.verdict(as_list).passed

    def by_counting(box, canonical_size, canonical_level, finest, coarsest):
        size = math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
        level = finest
        while level < coarsest and size >= canonical_size * 2 ** (level + 1 - canonical_level):
            level += 1
        return level

    assert level_of_box.verdict(by_counting).passed

    def with_numbers_for_the_whole(box, stride):
        return (
            math.ceil(box[3] / stride) - int(box[1] / stride),
            math.ceil(box[2] / stride) - int(box[0] / stride),
        )

    assert cells_touched.verdict(with_numbers_for_the_whole).passed


@pytest.mark.parametrize(
    ("exercise", "answer", "expected"),
    [
        (
            merge_step,
            lambda coarse, lateral: (
                lateral + F.interpolate(coarse, size=lateral.shape[-2:], mode="bilinear")
            ),
            "interpolates between them",
        ),
        (
            merge_step,
            lambda coarse, lateral: lateral + F.interpolate(coarse, scale_factor=2),
            "it raised RuntimeError",
        ),
        (merge_step, lambda coarse, lateral: coarse, "expected the shape"),
        (
            feature_pyramid,
            lambda features, lateral, smooth: feature_pyramid.reference(features, lateral, smooth)[
                :-1
            ],
            "the extra level is missing",
        ),
        (
            level_of_box,
            lambda box, size, level, finest, coarsest: round(
                level + math.log2(math.sqrt((box[2] - box[0]) * (box[3] - box[1])) / size)
            ),
            "two mistakes at once: (1) round down (floor)",
        ),
        (
            cells_touched,
            lambda box, stride: ((box[3] - box[1]) // stride, (box[2] - box[0]) // stride),
            "(2) you round both edges down",
        ),
    ],
)
def test_wrong_answers_of_another_make(exercise, answer, expected):
    verdict = exercise.verdict(answer)
    assert not verdict.passed
    assert expected in verdict.message
