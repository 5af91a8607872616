"""Checks of lesson 15: which place of its map a keypoint is at, and the loss over all places."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise


def _place_targets(
    keypoints: Tensor,
    boxes: Tensor,
    side: int,
    *,
    whole: Callable[[Tensor], Tensor] = torch.floor,
    size: Callable[[Tensor], Tensor] = lambda boxes: boxes[:, 2:] - boxes[:, :2],
    corner: Callable[[Tensor], Tensor] = lambda boxes: boxes[:, :2],
    intervals: Callable[[int], int] = lambda side: side,
    edge: bool = True,
    clamped: bool = False,
    annotated: Callable[[Tensor], Tensor] = lambda visibility: visibility > 0,
    number: Callable[[Tensor, Tensor, int], Tensor] = lambda column, row, side: row * side + column,
    elsewhere: bool = False,
) -> tuple[Tensor, Tensor]:
    """Places and whether they are learnt, and what they become under some mistakes."""
    points, visibility = keypoints[..., :2], keypoints[..., 2]
    scale = intervals(side) / size(boxes)[:, None]
    cells = whole((points - corner(boxes)[:, None]) * scale).long()
    if edge:
        cells = torch.where(points == boxes[:, None, 2:], side - 1, cells)
    if clamped:
        cells = cells.clamp(0, side - 1)
    learnt = ((cells >= 0) & (cells < side)).all(dim=-1) & annotated(visibility)
    places = number(*cells.unbind(dim=-1), side)
    return torch.where(learnt | elsewhere, places, 0), learnt


place_targets = Exercise(
    name="place_targets",
    reference=_place_targets,
    cases={
        "2 objects with 3 keypoints, 8 x 8 places": (
            torch.tensor(
                [
                    [[14.3, 31.7, 2.0], [26.9, 22.1, 1.0], [19.6, 55.2, 2.0]],
                    [[43.4, 8.8, 2.0], [71.2, 11.3, 2.0], [60.7, 5.9, 1.0]],
                ]
            ),
            torch.tensor([[10.0, 20.0, 30.0, 60.0], [40.5, 4.0, 75.5, 14.5]]),
            8,
        ),
        "a keypoint that nothing is known of, (0, 0, 0), and a box that begins at (0, 0)": (
            torch.tensor([[[0.0, 0.0, 0.0], [3.7, 16.4, 2.0]]]),
            torch.tensor([[0.0, 0.0, 9.0, 21.0]]),
            6,
        ),
        "keypoints a little to the left of their box, above it, to the right and below": (
            torch.tensor(
                [[[9.6, 33.1, 2.0], [17.2, 19.4, 2.0], [30.3, 41.8, 1.0], [22.6, 60.7, 2.0]]]
            ),
            torch.tensor([[10.0, 20.0, 30.0, 60.0]]),
            8,
        ),
        "keypoints on the right edge, on the lower edge, on the left edge and in the corner": (
            torch.tensor(
                [[[30.0, 33.1, 2.0], [17.2, 60.0, 1.0], [10.0, 46.2, 2.0], [30.0, 60.0, 2.0]]]
            ),
            torch.tensor([[10.0, 20.0, 30.0, 60.0]]),
            8,
        ),
    },
    mistakes={
        "you round to the nearest place; a keypoint at 0.6 of the first place is still in the "
        "first, so round down": partial(_place_targets, whole=torch.round),
        "you cut the decimals off, which rounds -0.3 up to 0: a keypoint a little outside its box "
        "gets in. Round down": partial(_place_targets, whole=torch.trunc),
        "rows and columns are exchanged: places are counted row by row, row * side + "
        "column": partial(_place_targets, number=lambda column, row, side: column * side + row),
        "the box's corner is not taken off: a place is counted from the box's left and upper "
        "edge": partial(_place_targets, corner=lambda boxes: 0 * boxes[:, :2]),
        "you divide y by the box's width, too; a box has a height of its own": partial(
            _place_targets, size=lambda boxes: (boxes[:, 2:] - boxes[:, :2])[:, [0, 0]]
        ),
        "width and height are exchanged": partial(
            _place_targets, size=lambda boxes: (boxes[:, 2:] - boxes[:, :2]).flip(1)
        ),
        "you spread side - 1 intervals over the box; it is divided into `side` places": partial(
            _place_targets, intervals=lambda side: side - 1
        ),
        "a keypoint exactly on the right or the lower edge falls out; it belongs to the last "
        "column or row": partial(_place_targets, edge=False),
        "you push a keypoint outside the box to its border; there it would be a wrong answer to "
        "learn, so it is left out": partial(_place_targets, clamped=True),
        "you leave hidden keypoints (visibility 1) out; they are annotated, and learnt": partial(
            _place_targets, annotated=lambda visibility: visibility == 2
        ),
        "you learn keypoints that nothing is known of (visibility 0); their (0, 0) is no "
        "place": partial(_place_targets, annotated=lambda visibility: visibility >= 0),
        "where nothing is to be learnt the place is to be 0; yours is another": partial(
            _place_targets, elsewhere=True
        ),
    },
    hints=(
        "Look through the box: how far across it is the keypoint, from 0 at its left edge to 1 at "
        "its right? And down?",
        "Times `side` and rounded down these are column and row. Which keypoints have neither? "
        "Which lie exactly on the last edge?",
        "`boxes[:, None, :2]` goes with `keypoints[..., :2]`. Learnt is what has both numbers from "
        "0 to side - 1 and a visibility above 0; `torch.where` makes the other places 0.",
    ),
)


def _logits(rois: int, keypoints: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(15)
    return 2 * torch.randn(rois, keypoints, side, side, generator=generator)


def _place_loss(
    logits: Tensor,
    places: Tensor,
    learnt: Tensor,
    *,
    before: Callable[[Tensor], Tensor] = lambda by_place: by_place,
    log_shares: Callable[[Tensor], Tensor] = lambda by_place: by_place.log_softmax(dim=2),
    which: Callable[[Tensor], Tensor] = lambda learnt: learnt,
    reduce: Callable[[Tensor, Tensor], Tensor] = lambda losses, learnt: losses.sum() / learnt.sum(),
) -> Tensor:
    """The loss of places, and what it becomes under some mistakes."""
    learnt = which(learnt)
    if not learnt.any():
        return logits.sum() * 0
    of_all = log_shares(before(logits.flatten(start_dim=2)))
    losses = -of_all.gather(2, places[..., None])[..., 0] * learnt
    return reduce(losses, learnt)


def _by_sigmoid(logits: Tensor, places: Tensor, learnt: Tensor) -> Tensor:
    if not learnt.any():
        return logits.sum() * 0
    by_place = logits.flatten(start_dim=2)[learnt]
    one_hot = F.one_hot(places[learnt], by_place.shape[1]).to(by_place)
    return F.binary_cross_entropy_with_logits(by_place, one_hot)


def _mean_of_rois(losses: Tensor, learnt: Tensor) -> Tensor:
    some = learnt.any(dim=1)
    return (losses.sum(dim=1)[some] / learnt.sum(dim=1)[some]).mean()


place_loss = Exercise(
    name="place_loss",
    reference=_place_loss,
    cases={
        "2 RoIs, 3 keypoints, 4 x 4 places": (
            _logits(2, 3, 4),
            torch.tensor([[5, 0, 14], [0, 9, 0]]),
            torch.tensor([[True, False, True], [False, True, False]]),
        ),
        "3 RoIs, 2 keypoints, 5 x 5 places": (
            _logits(3, 2, 5),
            torch.tensor([[24, 7], [11, 3], [0, 0]]),
            torch.tensor([[True, True], [False, True], [False, False]]),
        ),
        # Logits so large that a share rounds to 0.
        "1 RoI, very sure and very wrong": (
            F.one_hot(torch.tensor([[4]]), 9).float().view(1, 1, 3, 3) * 200,
            torch.tensor([[8]]),
            torch.tensor([[True]]),
        ),
        "2 RoIs without anything to learn": (
            _logits(2, 3, 4),
            torch.zeros(2, 3, dtype=torch.int64),
            torch.zeros(2, 3, dtype=torch.bool),
        ),
    },
    mistakes={
        "the softmax runs over the keypoints; each keypoint has a map of its own, in which the "
        "places compete": partial(_place_loss, log_shares=lambda maps: maps.log_softmax(dim=1)),
        "the softmax runs over all maps of a RoI at once; each keypoint has a map of its "
        "own": partial(
            _place_loss,
            log_shares=lambda maps: maps.flatten(1).log_softmax(dim=1).view(maps.shape),
        ),
        "this is lesson 09's loss, a sigmoid for each place; here the places of a map compete, "
        "under a softmax": _by_sigmoid,
        "the softmax is applied twice: `cross_entropy` applies it already": partial(
            _place_loss, before=lambda maps: maps.softmax(dim=2)
        ),
        "you divide by all keypoints, those that are not learnt included: the fewer are known, the "
        "smaller your loss": partial(
            _place_loss, reduce=lambda losses, learnt: losses.sum() / learnt.numel()
        ),
        "you take the mean within each RoI first; every keypoint that is learnt counts the "
        "same": partial(_place_loss, reduce=_mean_of_rois),
        "you add up where the mean is asked for": partial(
            _place_loss, reduce=lambda losses, learnt: losses.sum()
        ),
        "keypoints that are not to be learnt are in your loss, at place 0": partial(
            _place_loss, which=torch.ones_like
        ),
        "the mean of nothing is not a number; without anything to learn the loss is 0": (
            lambda logits, places, learnt: (
                _place_loss(logits, places, learnt)
                if learnt.any()
                else logits.sum() * 0 + torch.nan
            )
        ),
        "a share that rounds to 0 has no logarithm: let `F.cross_entropy` take softmax and "
        "logarithm in one": lambda logits, places, learnt: (
            _place_loss(logits, places, learnt) * (torch.inf if (logits > 100).any() else 1)
        ),
    },
    hints=(
        "For one keypoint this is the loss of a classifier. What are its classes, and how many are "
        "there?",
        "`logits.flatten(start_dim=2)` has a row of m * m numbers for each keypoint. Which rows "
        "are to be learnt, and what does a mean of none of them give?",
        "Choose with `learnt`, as an index, from the rows and from `places` alike, and give both "
        "to `F.cross_entropy`. If nothing is learnt, return a zero that is computed from the "
        "logits.",
    ),
    trained=0,
)
