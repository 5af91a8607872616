"""Checks of lesson 06: one step of the top-down way, and the pyramid."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.course.checks.feature_maps import random_features
from mrcnn_lite.course.exercise import Exercise

Enlarge = Callable[[Tensor, tuple[int, int]], Tensor]


def _repeat(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(coarse, size=size, mode="nearest")


def _interpolate(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)


def _tile(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    return coarse.repeat(1, 1, 2, 2)[..., : size[0], : size[1]]


def _spread(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    """Every value once, with zeros between."""
    spread = coarse.new_zeros(*coarse.shape[:2], *size)
    spread[..., ::2, ::2] = coarse
    return spread


def _crop_first(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    """The right size of an odd map, but with the first row and column left out."""
    twice = coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return twice[..., twice.shape[2] - size[0] :, twice.shape[3] - size[1] :]


def _merge_step(
    coarse: Tensor,
    lateral: Tensor,
    enlarge: Enlarge = _repeat,
    join: Callable[[Tensor, Tensor], Tensor] = torch.add,
) -> Tensor:
    """One step of the top-down way, and what it becomes under some mistakes."""
    return join(lateral, enlarge(coarse, lateral.shape[-2:]))


merge_step = Exercise(
    name="merge_step",
    reference=_merge_step,
    cases={
        "a map of 3 x 4 onto one of 6 x 8": (
            random_features(12, 2, 3, 3, 4),
            random_features(13, 2, 3, 6, 8),
        ),
        "a map of 4 x 3 onto one of 7 x 5, which has odd sizes": (
            random_features(14, 1, 2, 4, 3),
            random_features(15, 1, 2, 7, 5),
        ),
    },
    mistakes={
        "the coarse map is enlarged by repeating its values; yours interpolates between them": (
            partial(_merge_step, enlarge=_interpolate)
        ),
        "each value is repeated in a 2 x 2 patch; yours lays copies of the whole map side by "
        "side": partial(_merge_step, enlarge=_tile),
        "each value is repeated in a 2 x 2 patch; yours stands once, with zeros around it": partial(
            _merge_step, enlarge=_spread
        ),
        "on odd sizes the last row and column are left out; yours leaves out the first ones": (
            partial(_merge_step, enlarge=_crop_first)
        ),
        "the two are added; yours takes their mean": partial(
            _merge_step, join=lambda lateral, top: (lateral + top) / 2
        ),
        "the two are added; yours multiplies them": partial(_merge_step, join=torch.mul),
        "the two are added; yours lays them side by side as channels": partial(
            _merge_step, join=lambda lateral, top: torch.cat([lateral, top], dim=1)
        ),
        "the lateral map is missing": partial(_merge_step, join=lambda lateral, top: top),
    },
    hints=(
        "Two tensors of different size are to be added. Which one must grow, and to what size?",
        "Each cell of the coarse map lies over 2 x 2 cells of the fine one and gives its value to "
        "all of them. If the fine map has an odd number of rows, the last coarse row covers one.",
        "`F.interpolate(coarse, size=lateral.shape[-2:], mode='nearest')`, plus `lateral`. Or "
        "`Tensor.repeat_interleave` along both axes, cut to size.",
    ),
)


def _feature_pyramid(
    features: Sequence[Tensor],
    lateral_weights: Sequence[Tensor],
    smooth_weights: Sequence[Tensor],
    hand_down_smoothed: bool = False,
    top_down: bool = True,
    lateral: bool = True,
    smooth: bool = True,
    relu: bool = False,
    coarsest_first: bool = False,
    extra_level: Callable[[Tensor], list[Tensor]] = lambda p: [p[:, :, ::2, ::2]],
) -> tuple[Tensor, ...]:
    """The pyramid without biases, and what it becomes under some mistakes."""
    handed_down, pyramid = None, []
    for feature, lateral_weight, smooth_weight in reversed(
        list(zip(features, lateral_weights, smooth_weights))
    ):
        merged = F.conv2d(feature, lateral_weight)
        if handed_down is not None and top_down:
            enlarged = _repeat(handed_down, merged.shape[-2:])
            merged = merged + enlarged if lateral else enlarged
        level = F.conv2d(merged, smooth_weight, padding=1) if smooth else merged
        level = level.relu() if relu else level
        pyramid.insert(0, level)
        handed_down = level if hand_down_smoothed else merged
    pyramid += extra_level(pyramid[-1])
    return tuple(pyramid[::-1] if coarsest_first else pyramid)


# C2, C3 and C4 of two images; odd sizes, different channels.
_MAPS = (
    random_features(16, 2, 3, 9, 12),
    random_features(17, 2, 4, 5, 6),
    random_features(18, 2, 5, 3, 3),
)
_LATERAL = tuple(random_features(20 + k, 2, 3 + k, 1, 1) for k in range(3))
_SMOOTH = tuple(random_features(30 + k, 2, 2, 3, 3) for k in range(3))

feature_pyramid = Exercise(
    name="feature_pyramid",
    reference=_feature_pyramid,
    cases={
        "three maps": (_MAPS, _LATERAL, _SMOOTH),
        "two maps": (_MAPS[1:], _LATERAL[1:], _SMOOTH[1:]),
        "a single map": (_MAPS[2:], _LATERAL[2:], _SMOOTH[2:]),
    },
    mistakes={
        "what is handed down is the sum, before its 3 x 3 convolution; yours hands down the level "
        "itself": partial(_feature_pyramid, hand_down_smoothed=True),
        "the top-down way is missing: the levels do not know what the coarser ones know": partial(
            _feature_pyramid, top_down=False
        ),
        "the lateral maps are missing below the top: all comes from the coarsest map": partial(
            _feature_pyramid, lateral=False
        ),
        "the 3 x 3 convolutions are missing": partial(_feature_pyramid, smooth=False),
        "there is no ReLU in a pyramid": partial(_feature_pyramid, relu=True),
        "the finest level comes first; yours come in the order in which they are made": partial(
            _feature_pyramid, coarsest_first=True
        ),
        "the extra level is missing: the coarsest level once more, every second row and "
        "column": partial(_feature_pyramid, extra_level=lambda p: []),
        "the extra level takes every second row and column; yours takes the maximum of each 2 x "
        "2": partial(_feature_pyramid, extra_level=lambda p: [F.max_pool2d(p, 2, ceil_mode=True)]),
        "the extra level takes every second row and column, from the first; yours starts at the "
        "second": partial(_feature_pyramid, extra_level=lambda p: [p[:, :, 1::2, 1::2]]),
    },
    hints=(
        "Begin at the coarsest map. There is nothing above it yet: its lateral convolution is all.",
        "Going down: lateral convolution of the map, plus what the level above hands down, "
        "enlarged. The sum is handed on; the 3 x 3 convolution of the sum is the level.",
        "`merged = F.conv2d(features[k], lateral_weights[k])`, plus the enlarged `merged` of k + 1 "
        "if there is one; `F.conv2d(merged, smooth_weights[k], padding=1)` is the level. In the "
        "end append `pyramid[-1][:, :, ::2, ::2]`.",
    ),
)
