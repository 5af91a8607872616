"""Checks of lesson 11: clipped gradients, kinds of mistakes, a loss without objects."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.explore.measure.error_kinds import FOUND_IOU, KINDS, TOUCHED_IOU
from mrcnn_lite.models.losses import SMOOTH_L1_BETA


def _clip_gradients(
    gradients: list[Tensor],
    longest: float,
    *,
    length: Callable[[list[Tensor]], Tensor] = lambda gradients: torch.cat(
        [gradient.flatten() for gradient in gradients]
    ).norm(),
    stretch: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients, together no longer than `longest`, and some wrong answers."""
    factor = longest / length(gradients)
    if not stretch:
        factor = min(factor, 1.0)
    return tuple(gradient * factor for gradient in gradients)


def _gradients(*shapes: tuple[int, ...], scale: float = 1.0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [
        scale * (k + 1) * torch.randn(shape, generator=generator) for k, shape in enumerate(shapes)
    ]


def _sum_of_squares(gradients: list[Tensor]) -> Tensor:
    return sum(gradient.square().sum() for gradient in gradients)


clip_gradients = Exercise(
    name="clip_gradients",
    reference=_clip_gradients,
    cases={
        "three tensors, much longer than 2": (_gradients((2, 3), (4,), (1, 2, 2)), 2.0),
        "two tensors, a little longer than 5": (_gradients((3, 2), (5,), scale=1.5), 5.0),
        "two tensors, shorter than 5": (_gradients((3,), (2, 2), scale=0.3), 5.0),
    },
    mistakes={
        "each tensor is clipped by itself, which changes the direction of the step; all of them "
        "together are one gradient": lambda gradients, longest: tuple(
            _clip_gradients([gradient], longest)[0] for gradient in gradients
        ),
        "each number is clipped by itself, which changes the direction of the step; scale all by "
        "one factor": lambda gradients, longest: tuple(
            gradient.clamp(-longest, longest) for gradient in gradients
        ),
        "gradients that are short enough are made longer; they should stay as they are": partial(
            _clip_gradients, stretch=True
        ),
        "the square root is missing: the length is the root of the sum of squares": partial(
            _clip_gradients, length=_sum_of_squares
        ),
        "you add up the tensors' lengths; the length of all together is the root of the sum of all "
        "squares": partial(
            _clip_gradients, length=lambda gradients: sum(g.norm() for g in gradients)
        ),
        "you take the mean of the squares; the length is the root of their sum": partial(
            _clip_gradients,
            length=lambda gradients: (
                _sum_of_squares(gradients) / sum(gradient.numel() for gradient in gradients)
            ).sqrt(),
        ),
        "you take the largest number for the length": partial(
            _clip_gradients, length=lambda gradients: max(g.abs().max() for g in gradients)
        ),
    },
    hints=(
        "How long are all the gradients together, if you write them one below the other as one "
        "vector?",
        "The length is the root of the sum of all squares. If it is more than `longest`, by which "
        "factor is it too long?",
        "`factor = min(longest / length, 1)`, and every tensor is multiplied by it. "
        "`torch.cat([g.flatten() for g in gradients]).norm()` is the length.",
    ),
)


def _kind_of_error(
    box_ious: Tensor,
    mask_ious: Tensor,
    same_class: Tensor,
    found: Tensor,
    *,
    decide_by_mask: bool = True,
    look_at_found: bool = True,
    mask_before_class: bool = True,
    box_of_any_class: bool = False,
    reaches: Callable[[Tensor, float], Tensor] = torch.ge,
) -> int:
    """The kind of one detection, as its place in `KINDS`, and some wrong answers."""
    of_object = (mask_ious if decide_by_mask else box_ious).where(same_class, 0)
    same, other = box_ious.where(same_class, 0), box_ious.where(~same_class, 0)
    rough = box_ious if box_of_any_class else same
    mask_or_class = [
        ("mask", reaches(same.max(), FOUND_IOU)),
        ("class", reaches(other.max(), FOUND_IOU)),
    ]
    if not mask_before_class:
        mask_or_class.reverse()
    questions = [
        (
            "correct",
            reaches((of_object.where(~found, 0) if look_at_found else of_object).max(), FOUND_IOU),
        ),
        ("duplicate", reaches(of_object.max(), FOUND_IOU)),
        *mask_or_class,
        ("box", reaches(rough.max(), TOUCHED_IOU)),
        ("background", True),
    ]
    return KINDS.index(next(kind for kind, is_so in questions if is_so))


def _objects(
    box_ious: list[float], mask_ious: list[float], same_class: list[int], found: list[int]
) -> tuple[Tensor, ...]:
    truths = torch.tensor(same_class).bool(), torch.tensor(found).bool()
    return torch.tensor(box_ious), torch.tensor(mask_ious), *truths


kind_of_error = Exercise(
    name="kind_of_error",
    reference=_kind_of_error,
    cases={
        "a good detection": _objects([0.1, 0.9], [0.0, 0.8], [0, 1], [0, 0]),
        "one whose object is found already": _objects([0.9, 0.2], [0.8, 0.1], [1, 1], [1, 0]),
        "one between two objects, of which one is found": _objects(
            [0.7, 0.6], [0.7, 0.55], [1, 1], [1, 0]
        ),
        "a good box with a poor mask": _objects([0.8, 0.0, 0.3], [0.4, 0, 0], [1, 0, 1], [0, 0, 0]),
        "a poor box with a good mask": _objects([0.45, 0.0], [0.6, 0.0], [1, 1], [0, 0]),
        "a good box of another class": _objects([0.7, 0.2], [0.6, 0.0], [0, 1], [0, 0]),
        "a poor mask, and another class in the same box": _objects(
            [0.6, 0.7], [0.3, 0.6], [1, 0], [0, 0]
        ),
        "a box that is roughly there": _objects([0.3, 0.0], [0.2, 0.0], [1, 0], [0, 0]),
        "a box that is roughly on another class": _objects([0.3, 0.0], [0.2, 0.0], [0, 1], [0, 0]),
        "one whose mask reaches 0.5 exactly": _objects([0.7, 0.0], [0.5, 0.0], [1, 0], [0, 0]),
        "one whose box reaches 0.5 exactly": _objects([0.0, 0.5], [0.0, 0.3], [0, 1], [0, 0]),
        "one whose box reaches 0.5 exactly on another class": _objects(
            [0.5, 0.2], [0.4, 0.0], [0, 1], [0, 0]
        ),
        "a box on nothing": _objects([0.05, 0.0], [0.0, 0.0], [1, 0], [0, 0]),
    },
    mistakes={
        "you let the box's IoU decide whether a detection is correct; it is the mask's": partial(
            _kind_of_error, decide_by_mask=False
        ),
        "an object can be found only once: the second detection of it is a duplicate": partial(
            _kind_of_error, look_at_found=False
        ),
        "an IoU of exactly 0.5 is enough (at least 0.5: >=, not >)": partial(
            _kind_of_error, reaches=torch.gt
        ),
        "if the box fits an object of its own class, it is a mistake of the mask, even if another "
        "class's object is there as well": partial(_kind_of_error, mask_before_class=False),
        "a box that is only roughly on an object of *another* class is on background": partial(
            _kind_of_error, box_of_any_class=True
        ),
    },
    hints=(
        "Ask one question after the other, in the order of the table, and return at the first yes.",
        "`ious.where(condition, 0)` puts 0 where the condition does not hold; then `.max()` and a "
        "comparison with 0.5 or 0.1 are all you need.",
        "The first question is about `mask_ious` of objects of the same class that are not found "
        "yet; the second one about those of the same class, found or not.",
    ),
)


_smooth_l1 = partial(F.smooth_l1_loss, beta=SMOOTH_L1_BETA, reduction="sum")


def _box_loss(
    deltas: Tensor,
    target_deltas: Tensor,
    labels: Tensor,
    *,
    divide_by: Callable[[Tensor], float] = len,
    chosen: Callable[[Tensor], Tensor] = lambda labels: labels > 0,
    distance: Callable[[Tensor, Tensor], Tensor] = _smooth_l1,
) -> Tensor:
    """The box loss of all sampled RoIs, and what it becomes under some mistakes."""
    inside = chosen(labels)
    return distance(deltas[inside], target_deltas[inside]) / divide_by(labels)


def _rois(labels: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(11)
    deltas, targets = torch.randn(2, len(labels), 4, generator=generator)
    # Some differences below 1/9, where the loss is quadratic.
    targets[:, 0] = deltas[:, 0] + 0.05
    return deltas, targets, torch.tensor(labels)


box_loss = Exercise(
    name="box_loss",
    reference=_box_loss,
    cases={
        "5 RoIs, 2 of them objects": _rois([0, 3, 0, 0, 1]),
        "7 RoIs, 3 of them objects": _rois([2, 0, 0, 6, 0, 0, 1]),
        "4 RoIs of an image without objects": _rois([0, 0, 0, 0]),
    },
    mistakes={
        "you take the mean over the objects' numbers, and of no objects that is not a number; "
        "add up, and divide by the number of *all* RoIs": partial(
            _box_loss,
            distance=partial(F.smooth_l1_loss, beta=SMOOTH_L1_BETA),
            divide_by=lambda labels: 1,
        ),
        "you divide by the number of objects; without objects that is 0 / 0. Divide by the number "
        "of all RoIs": partial(_box_loss, divide_by=lambda labels: (labels > 0).sum()),
        "you divide by the number of objects, or by 1 if there are none. That is finite, but a "
        "batch with one object would then weigh as much as one with twenty; divide by the number "
        "of all RoIs": partial(_box_loss, divide_by=lambda labels: (labels > 0).sum().clamp(min=1)),
        "you divide by the number of coordinates, 4 for each RoI; the loss adds up a box's "
        "four": partial(_box_loss, divide_by=lambda labels: 4 * len(labels)),
        "you do not divide": partial(_box_loss, divide_by=lambda labels: 1),
        "the background's boxes are in your loss; there is nothing that they should "
        "become": partial(_box_loss, chosen=lambda labels: labels >= 0),
        "that is the absolute difference; below a difference of 1/9 the smooth L1 is "
        "quadratic": partial(_box_loss, distance=partial(F.l1_loss, reduction="sum")),
        "that is the squared difference; beyond a difference of 1/9 the smooth L1 is "
        "linear": partial(_box_loss, distance=partial(F.mse_loss, reduction="sum")),
        "your smooth L1 turns from quadratic to linear at 1, PyTorch's default; here it is at 1/9 "
        "(`beta`)": partial(_box_loss, distance=partial(F.smooth_l1_loss, reduction="sum")),
    },
    hints=(
        "Which of the RoIs have a box to become? And by how many do you divide?",
        '`F.smooth_l1_loss` has `beta` and `reduction="sum"`. A sum over nothing is 0, a mean over '
        "nothing is not a number.",
        "Select the rows with `labels > 0`, take the sum with `beta=1 / 9`, divide by "
        "`len(labels)`.",
    ),
    trained=0,
)
