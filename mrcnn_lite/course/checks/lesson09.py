"""Checks of lesson 09: shares under a softmax, the decoupled mask loss, and its gradient."""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.models.losses import softmax_mask_loss

# The share of the raised class itself: its numerator grows, too.
_OWN = {"numerator": lambda share, growth: share * growth}


def _example(number: int, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of `number` RoIs and 5 classes, true classes, and targets with soft borders."""
    generator = torch.Generator().manual_seed(9)
    logits = 2 * torch.randn(number, 5, height, width, generator=generator)
    labels = torch.tensor([3, 1, 4, 3])[:number]
    targets = torch.rand(number, height, width, generator=generator).mul(1.8).clamp(max=1)
    return logits, labels, targets


def _share_under_a_rival(
    share: float,
    rival_share: float,
    raised_by: float,
    *,
    growth: Callable[[float], float] = math.exp,
    rest: Callable[[float], float] = lambda rival_share: 1 - rival_share,
    numerator: Callable[[float, float], float] = lambda share, growth: share,
) -> float:
    """A class's softmax probability once a rival's logit is raised, and some wrong answers."""
    factor = growth(raised_by)
    return numerator(share, factor) / (rest(rival_share) + rival_share * factor)


share_under_a_rival = Exercise(
    name="share_under_a_rival",
    reference=_share_under_a_rival,
    cases={
        "share 0.6, rival's share 0.3, raised by 1": (0.6, 0.3, 1.0),
        "share 0.5, rival's share 0.1, raised by 4": (0.5, 0.1, 4.0),
        "share 0.2, rival's share 0.7, lowered by 2": (0.2, 0.7, -2.0),
        "share 0.4, a rival without a share, raised by 3": (0.4, 0.0, 3.0),
    },
    mistakes={
        "your class keeps its share, as under a sigmoid; the softmax's denominator has "
        "grown": lambda share, rival_share, raised_by: share,
        "the rival's old share is still in your denominator, beside its new one": partial(
            _share_under_a_rival, rest=lambda rival_share: 1.0
        ),
        "a logit is in the exponent: raised by c, it does not become c times as strong but exp(c) "
        "times": partial(_share_under_a_rival, growth=lambda raised_by: raised_by),
        "the shares do not add up to 1 afterwards: you take from one class what the other gained, "
        "but all classes give something": lambda share, rival_share, raised_by: (
            share
            - (_share_under_a_rival(rival_share, rival_share, raised_by, **_OWN) - rival_share)
        ),
        "this is the rival's new share; asked for is the other class's": (
            lambda share, rival_share, raised_by: _share_under_a_rival(
                rival_share, rival_share, raised_by, **_OWN
            )
        ),
    },
    hints=(
        "A share is exp(z) divided by the sum of all exp(z). Which of these numbers change?",
        "Only the rival's exp(z) changes: it becomes exp(c) times as large. So the sum changes, by "
        "what the rival gains.",
        "Take the old sum as 1. Then the rival's part of it was its share q and is now q exp(c), "
        "and the rest, 1 - q, stays.",
    ),
)


def _decoupled_mask_loss(
    mask_logits: Tensor,
    labels: Tensor,
    mask_targets: Tensor,
    *,
    choose: Callable[[Tensor, Tensor], Tensor] = lambda logits, labels: labels,
    before: Callable[[Tensor], Tensor] = lambda logits: logits,
    reduce: Callable[[Tensor], Tensor] = Tensor.mean,
    negatives: bool = True,
) -> Tensor:
    """The mask loss of Mask R-CNN, and what it becomes under some mistakes."""
    if len(labels) == 0:
        return mask_logits.sum() * 0
    chosen = before(mask_logits)[torch.arange(len(labels)), choose(mask_logits, labels)]
    losses = F.binary_cross_entropy_with_logits(chosen, mask_targets, reduction="none")
    if not negatives:
        losses = -mask_targets * F.logsigmoid(chosen)
    return reduce(losses)


def _all_classes(mask_logits: Tensor, labels: Tensor, mask_targets: Tensor) -> Tensor:
    targets = F.one_hot(labels, mask_logits.shape[1])[:, :, None, None] * mask_targets[:, None]
    return F.binary_cross_entropy_with_logits(mask_logits, targets)


def _same_target_for_all(mask_logits: Tensor, labels: Tensor, mask_targets: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(
        mask_logits, mask_targets[:, None].expand_as(mask_logits)
    )


def _competing(mask_logits: Tensor, labels: Tensor, mask_targets: Tensor) -> Tensor:
    return softmax_mask_loss(mask_logits, labels, mask_targets)


decoupled_mask_loss = Exercise(
    name="decoupled_mask_loss",
    reference=_decoupled_mask_loss,
    cases={
        "2 RoIs, 5 classes, 2 x 3 pixels": _example(2, 2, 3),
        "4 RoIs, 5 classes, 3 x 4 pixels": _example(4, 3, 4),
        # Logits so large that the sigmoid rounds to 1.
        "1 RoI, very sure and very wrong": (
            torch.full((1, 5, 2, 3), 200.0),
            torch.tensor([2]),
            torch.zeros(1, 2, 3),
        ),
        "no RoIs": (
            torch.zeros(0, 5, 2, 3),
            torch.zeros(0, dtype=torch.int64),
            torch.zeros(0, 2, 3),
        ),
    },
    mistakes={
        "all classes' masks are in the loss, the others with an empty target; only the true "
        "class's mask is to be trained": lambda *a: _all_classes(*a) if len(a[1]) else a[0].sum(),
        "all classes' masks are trained to be the object's; only the true class's mask is": (
            lambda *a: _same_target_for_all(*a) if len(a[1]) else a[0].sum()
        ),
        "this is the softmax's loss, in which classes compete; take one sigmoid for each "
        "pixel": lambda *a: _competing(*a) if len(a[1]) else a[0].sum(),
        "you take the mask of class label - 1; class 0 is the background, so mask k belongs to "
        "label k": partial(_decoupled_mask_loss, choose=lambda logits, labels: labels - 1),
        "you take the class with the largest logits; in training the true class is known": partial(
            _decoupled_mask_loss, choose=lambda logits, labels: logits.mean(dim=(2, 3)).argmax(1)
        ),
        "the sigmoid is applied twice: `..._with_logits` applies it already": partial(
            _decoupled_mask_loss, before=torch.sigmoid
        ),
        "you add up where the mean over RoIs and pixels is asked for": partial(
            _decoupled_mask_loss, reduce=Tensor.sum
        ),
        "you take the mean over the RoIs, but the sum over their pixels": partial(
            _decoupled_mask_loss, reduce=lambda losses: losses.sum() / len(losses)
        ),
        "only the pixels inside the mask count in your version; those outside are to say "
        "no": partial(_decoupled_mask_loss, negatives=False),
        "the mean of no RoIs is not a number; without RoIs the loss is 0": (
            lambda *a: _decoupled_mask_loss(*a) if len(a[1]) else torch.tensor(torch.nan)
        ),
        "a logit of 200 gives infinity or not-a-number: log(1 - sigmoid(200)) is log(0). Let "
        "`F.binary_cross_entropy_with_logits` take sigmoid and logarithm in one": lambda *a: (
            _decoupled_mask_loss(*a) * (torch.inf if (a[0] > 100).any() else 1)
        ),
    },
    hints=(
        "First get `Tensor[R, m, m]`, one mask of logits for each RoI: that of its true class.",
        "`mask_logits[torch.arange(R), labels]` takes from each RoI the mask of its label. Then it "
        "is a question of yes or no for each pixel. What about R = 0?",
        "`F.binary_cross_entropy_with_logits` compares logits with targets and takes the mean over "
        "everything. A mean of nothing is not a number, so treat `len(labels) == 0` first.",
    ),
    trained=0,
)


def _mask_gradient(
    mask_logits: Tensor,
    labels: Tensor,
    mask_targets: Tensor,
    *,
    error: Callable[[Tensor, Tensor], Tensor] = lambda p, y: p - y,
    probability: Callable[[Tensor], Tensor] = torch.sigmoid,
    count: Callable[[Tensor], int] = Tensor.numel,
    everywhere: bool = False,
) -> Tensor:
    """The gradient of the decoupled mask loss, and what it becomes under some mistakes."""
    of_class = probability(mask_logits)[torch.arange(len(labels)), labels]
    gradient = torch.zeros_like(mask_logits)
    values = error(of_class, mask_targets) / count(mask_targets)
    if everywhere:
        return gradient + error(probability(mask_logits), mask_targets[:, None]) / count(
            mask_targets
        )
    gradient[torch.arange(len(labels)), labels] = values
    return gradient


mask_gradient = Exercise(
    name="mask_gradient",
    reference=_mask_gradient,
    cases={
        "2 RoIs, 5 classes, 2 x 3 pixels": _example(2, 2, 3),
        "4 RoIs, 5 classes, 3 x 4 pixels": _example(4, 3, 4),
    },
    mistakes={
        "the sign is wrong: where the probability is below the target, the logit should rise, so "
        "the gradient is negative there": partial(_mask_gradient, error=lambda p, y: y - p),
        "every class gets a gradient; the loss does not depend on the other classes' "
        "logits": partial(_mask_gradient, everywhere=True),
        "you do not divide: the loss is a mean over RoIs and pixels": partial(
            _mask_gradient, count=lambda targets: 1
        ),
        "you divide by the pixels of one RoI; the mean is over the RoIs too": partial(
            _mask_gradient, count=lambda targets: targets[0].numel()
        ),
        "you divide by the number of RoIs; the mean is over their pixels too": partial(
            _mask_gradient, count=len
        ),
        "you take logit - target; the error is that of the probability, sigmoid(logit)": partial(
            _mask_gradient, probability=lambda logits: logits
        ),
        "there is a factor p (1 - p) too many: that is the gradient of a squared error. In the "
        "cross-entropy's it cancels": partial(
            _mask_gradient, error=lambda p, y: (p - y) * p * (1 - p)
        ),
        "you take the softmax over the classes; each class has a sigmoid of its own": partial(
            _mask_gradient, probability=lambda logits: logits.softmax(dim=1)
        ),
    },
    hints=(
        "On which of the logits does the loss depend at all? All others have the gradient 0.",
        "Write the loss of one pixel as a function of its logit z and differentiate. The sigmoid's "
        "slope is p (1 - p); much cancels.",
        "What remains of one pixel is p - y. The loss is the mean of R * m * m pixels. Begin with "
        "`torch.zeros_like(mask_logits)`, and fill in the true classes' masks.",
    ),
)
