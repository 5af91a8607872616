"""Checks of lesson 15: from a map's maximum back to the picture, and how near is near enough."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise


def _maps(keypoints: int, rows: int, columns: int) -> Tensor:
    generator = torch.Generator().manual_seed(rows)
    return 2 * torch.randn(keypoints, rows, columns, generator=generator)


def _swap(pair: Tensor) -> Tensor:
    return pair.flip(-1)


def _same(pair: Tensor) -> Tensor:
    return pair


def _highest(maps: Tensor, dimension: int = 2) -> Tensor:
    """Column and row of each map's maximum, `Tensor[K, 2]`, if a row is `dimension` long."""
    place, length = maps.flatten(start_dim=1).argmax(dim=1), maps.shape[dimension]
    return torch.stack([place % length, place // length], dim=1)


def _mean(maps: Tensor) -> Tensor:
    """Column and row on average, weighted by a softmax over the places, `Tensor[K, 2]`."""
    shares = maps.flatten(start_dim=1).softmax(dim=1).view(maps.shape)
    _, rows, columns = maps.shape
    return torch.stack(
        [
            (shares.sum(dim=1) * torch.arange(columns)).sum(dim=1),
            (shares.sum(dim=2) * torch.arange(rows)).sum(dim=1),
        ],
        dim=1,
    )


def _read_places(
    maps: Tensor,
    box: Tensor,
    *,
    find: Callable[[Tensor], Tensor] = _highest,
    order: Callable[[Tensor], Tensor] = _same,
    half: float = 0.5,
    after: float = 0.0,
    size: Callable[[Tensor], Tensor] = _same,
    lost: int = 0,
    scaled: bool = True,
    corner: bool = True,
) -> Tensor:
    """Keypoints in image pixels, `Tensor[K, 2]`, and what they become under some mistakes."""
    shape = torch.tensor([maps.shape[2], maps.shape[1]])
    scale = size(box[2:] - box[:2]) / (shape - lost) if scaled else 1.0
    return (order(find(maps)) + half) * scale + after + (box[:2] if corner else 0.0)


read_places = Exercise(
    name="read_places",
    reference=_read_places,
    cases={
        "3 maps of 4 x 6 places, a box of 30 x 10 pixels": (
            _maps(3, 4, 6),
            torch.tensor([40.5, 7.0, 70.5, 17.0]),
        ),
        "2 maps of 7 x 5 places, a box of 11.2 x 40.6 pixels": (
            _maps(2, 7, 5),
            torch.tensor([3.0, 20.4, 14.2, 61.0]),
        ),
        "1 map of 3 x 8 places, the maximum at the lower right": (
            torch.arange(24.0).view(1, 3, 8),
            torch.tensor([12.0, 5.0, 32.0, 11.0]),
        ),
    },
    mistakes={
        "you read a place at its left and upper edge; column j stands for the interval from j to "
        "j + 1, and its middle is half a place further": partial(_read_places, half=0.0),
        "you add half a pixel of the picture; it is half a place that is missing, before the "
        "scale": partial(_read_places, half=0.0, after=0.5),
        "rows and columns are exchanged: x comes from the column": partial(
            _read_places, order=_swap
        ),
        "you take a flattened index apart by the number of rows; a row is as long as there are "
        "columns": partial(_read_places, find=partial(_highest, dimension=1)),
        "width and height are exchanged": partial(_read_places, size=_swap),
        "the box's corner is not added: this is how far into the box the keypoint is": partial(
            _read_places, corner=False
        ),
        "you scale by (places - 1), as if the outer places were points on the box's edges; "
        "each place is a part of the box": partial(_read_places, lost=1),
        "this is still counted in places; a place is as wide as the box's width divided by the "
        "number of columns": partial(_read_places, scaled=False),
        "you take the mean of all places, weighted by their probabilities: between two "
        "maxima it is at neither. Take the highest": partial(_read_places, find=_mean),
    },
    hints=(
        "First find the column and the row of the highest value. How wide is one column, in "
        "pixels of the picture?",
        "`maps.flatten(start_dim=1).argmax(dim=1)` counts row by row, so the number of columns "
        "leads from it to row and column. Where within its place do you put the keypoint?",
        "The middle of column j is at j + 0.5. Times the box's width, divided by the number of "
        "columns, plus x1. The same for y with rows and height; then `torch.stack`.",
    ),
)


def _similarity(
    found: Tensor,
    true: Tensor,
    area: float,
    sigma: float,
    *,
    counted: Callable[[Tensor], Tensor] = lambda visibility: visibility > 0,
    power: int = 2,
    extent: Callable[[float], float] = lambda area: area,
    width: Callable[[float], float] = lambda sigma: 2 * sigma,
    two: float = 2.0,
    mean_first: bool = False,
    reduce: Callable[[Tensor], Tensor] = Tensor.mean,
) -> float:
    """One object's OKS, and what it becomes under some mistakes."""
    off = (found - true[:, :2]).norm(dim=1)[counted(true[:, 2])] ** power
    if mean_first:
        off = off.mean(dim=0, keepdim=True)
    return reduce((-off / (two * width(sigma) ** 2 * extent(area))).exp()).item()


keypoint_similarity = Exercise(
    name="keypoint_similarity",
    reference=_similarity,
    cases={
        "3 keypoints, one of them hidden, area 400": (
            torch.tensor([[31.0, 42.0], [25.5, 60.0], [37.0, 51.5]]),
            torch.tensor([[30.0, 40.0, 2.0], [28.0, 61.0, 1.0], [37.5, 51.5, 2.0]]),
            400.0,
            0.05,
        ),
        "4 keypoints, one of them unknown, area 900": (
            torch.tensor([[11.0, 2.0], [18.5, 19.0], [3.0, 1.5], [9.0, 27.0]]),
            torch.tensor([[13.0, 2.0, 2.0], [17.0, 24.0, 2.0], [0.0, 0.0, 0.0], [9.0, 25.0, 1.0]]),
            900.0,
            0.08,
        ),
    },
    mistakes={
        "you take sigma where COCO takes 2 sigma": partial(_similarity, width=lambda sigma: sigma),
        "the object's size squared is its area; you take the root of it": partial(
            _similarity, extent=math.sqrt
        ),
        "the area is squared once too often: s squared is the area itself": partial(
            _similarity, extent=lambda area: area**2
        ),
        "the distances are not squared": partial(_similarity, power=1),
        "the 2 before the width is missing": partial(_similarity, two=1.0),
        "a keypoint that nothing is known of (visibility 0) counts in yours; leave it out": partial(
            _similarity, counted=lambda visibility: visibility >= 0
        ),
        "you leave hidden keypoints (visibility 1) out; they are annotated, and count": partial(
            _similarity, counted=lambda visibility: visibility == 2
        ),
        "you take the mean of the squared distances first; each keypoint has a similarity, and the "
        "mean is of these": partial(_similarity, mean_first=True),
        "you add up where the mean over keypoints is asked for": partial(
            _similarity, reduce=Tensor.sum
        ),
    },
    hints=(
        "Which keypoints count? For each of these, how far off is it, in pixels?",
        "A keypoint that is right has the similarity 1, and the exponent is never above 0. What "
        "does it have to be divided by, so that a large object is judged as a small one?",
        "`true[:, 2] > 0` chooses. Then the exponent is minus the distance squared, divided by "
        "2 (2 sigma)^2 times the area; the mean of the exponentials is the answer.",
    ),
)
