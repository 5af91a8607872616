"""Checks of lesson 13, full training: the learning rate, the loss scale, the processes' shares."""

import math
from functools import partial

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.engine.recipe import STEP_MILESTONES

BASE_RATE, BASE_BATCH, WARMUP_STEPS = 0.02, 16, 1000
EPOCHS = 26
GROWTH_INTERVAL = 2000


def _rate(
    step: int,
    steps: int,
    batch_size: int,
    scale=lambda batch: batch / BASE_BATCH,
    first: int = 1,
    warmup_steps: int = WARMUP_STEPS,
    drop: float = 0.1,
    milestones: tuple[float, ...] = STEP_MILESTONES,
    whole_epochs: bool = False,
) -> float:
    """The reference recipe's learning rate, or what comes of a mistake."""
    rate = BASE_RATE * scale(batch_size)
    if step < warmup_steps:
        return rate * (step + first) / (warmup_steps + first)
    if whole_epochs:
        steps = steps // EPOCHS * EPOCHS
    return rate * drop ** sum(step >= milestone * steps for milestone in milestones)


learning_rate_at = Exercise(
    name="learning_rate_at",
    reference=_rate,
    cases={
        f"step {step} of {steps} with {batch_size} images": (step, steps, batch_size)
        for step, steps, batch_size in (
            *((0, 190_000, 16), (499, 190_000, 16), (5_000, 190_000, 16), (160_000, 190_000, 16)),
            *((180_000, 190_000, 16), (0, 47_000, 64), (30_000, 47_000, 64), (999, 1_520_000, 2)),
            *((1_000, 1_520_000, 2), (1_000_000, 1_520_000, 2), (1_400_000, 1_520_000, 2)),
            *((15_000, 26_000, 4), (116_915, 190_000, 16)),
        )
    },
    mistakes={
        "your rate does not depend on the batch; twice the images want twice the rate": partial(
            _rate, scale=lambda _batch: 1
        ),
        "your rate grows with the square root of the batch; the recipe's rule is linear": partial(
            _rate, scale=lambda batch: math.sqrt(batch / BASE_BATCH)
        ),
        "your rate falls where the batch grows": partial(
            _rate, scale=lambda batch: BASE_BATCH / batch
        ),
        "you multiply by the number of images; 0.02 belongs to 16 of them": partial(
            _rate, scale=lambda batch: batch
        ),
        "your first step has a rate of zero, so it learns nothing": partial(_rate, first=0),
        "the warm-up is missing: the first steps take the full rate": partial(
            _rate, warmup_steps=0
        ),
        "your rate falls once; there are two milestones": partial(
            _rate, milestones=STEP_MILESTONES[:1]
        ),
        "your rate falls to a hundredth at each milestone": partial(_rate, drop=0.01),
        "your rate falls by a tenth at each milestone; it should fall to a tenth": partial(
            _rate, drop=0.9
        ),
        "you cut an epoch to whole steps (`steps // 26`), which puts your milestones some steps "
        "too early; 16/26 of all steps is meant": partial(_rate, whole_epochs=True),
        "your milestones are steps 16 and 22; they are epochs 16 and 22 of 26": lambda s, n, b: (
            _rate(s, n, b, milestones=(16 / n, 22 / n))
        ),
    },
    hints=(
        "Three factors: how large the batch is, how far the warm-up is, how many milestones have "
        "been passed.",
        "The first is `0.02 * batch_size / 16`. During the warm-up it is multiplied by a fraction "
        "that grows from 1/1001; after it, by a power of 0.1.",
        "`if step < 1000: return rate * (step + 1) / 1001`; otherwise count the milestones m in "
        "`(16 / 26, 22 / 26)` with `step >= m * steps`.",
    ),
)


def _next_scale(
    scale: float,
    good_steps: int,
    gradient_is_finite: bool,
    take_all: bool = False,
    interval: int = GROWTH_INTERVAL,
    keep_count: bool = False,
    growth: float = 2.0,
    backoff: float = 0.5,
) -> tuple[bool, float, int]:
    """Dynamic loss scaling, or what comes of a mistake."""
    if not gradient_is_finite:
        return take_all, scale * backoff, good_steps if keep_count else 0
    if good_steps + 1 >= interval:
        return True, scale * growth, 0
    return True, scale, good_steps + 1


next_loss_scale = Exercise(
    name="next_loss_scale",
    reference=_next_scale,
    cases={
        "a good step, the first": (65536.0, 0, True),
        "a good step after 700": (1024.0, 700, True),
        "a good step after 1,998": (1024.0, 1998, True),
        "a good step after 1,999": (1024.0, 1999, True),
        "an overflow at once": (65536.0, 0, False),
        "an overflow after 1,500 good steps": (4096.0, 1500, False),
    },
    mistakes={
        "you take a step with a gradient that is not finite; the weights would be lost": partial(
            _next_scale, take_all=True
        ),
        "after an overflow the good steps are counted anew": partial(_next_scale, keep_count=True),
        "your scale does not double with the 2,000th good step in a row": partial(
            _next_scale, interval=10**9
        ),
        "your scale grows with every good step; it should wait for 2,000 in a row": partial(
            _next_scale, interval=1
        ),
        "after an overflow the scale has to fall": partial(_next_scale, backoff=1.0),
        "after an overflow your scale grows, and the next gradient overflows too": partial(
            _next_scale, backoff=2.0
        ),
    },
    hints=(
        "Two cases: the gradient is finite, or it is not. What becomes of the step, of the scale, "
        "and of the count in each?",
        "Not finite: no step, half the scale, count from 0. Finite: a step, and one more to count; "
        "what happens when the count reaches 2,000?",
        "`if not gradient_is_finite: return False, scale / 2, 0`. Otherwise add 1 to the count; at "
        "2,000 return twice the scale and a count of 0.",
    ),
)


def _micro_batches(starts: range, micro_batch_size: int) -> list[list[int]]:
    return [list(range(start, start + micro_batch_size)) for start in starts]


def _positions(
    process: int, num_processes: int, step: int, batch_size: int, micro_batch_size: int
) -> list[list[int]]:
    starts = range(step * batch_size, (step + 1) * batch_size, micro_batch_size)
    return _micro_batches(starts[process::num_processes], micro_batch_size)


def _blocks(process, num_processes, step, batch_size, micro_batch_size):
    share = batch_size // num_processes
    first = step * batch_size + process * share
    return _micro_batches(range(first, first + share, micro_batch_size), micro_batch_size)


def _interleaved(process, num_processes, step, batch_size, micro_batch_size):
    mine = list(range(step * batch_size + process, (step + 1) * batch_size, num_processes))
    return [mine[k : k + micro_batch_size] for k in range(0, len(mine), micro_batch_size)]


positions_of = Exercise(
    name="positions_of",
    reference=_positions,
    cases={
        "process 0 of 2, step 0, 8 images, 2 at a time": (0, 2, 0, 8, 2),
        "process 1 of 2, step 3, 8 images, 2 at a time": (1, 2, 3, 8, 2),
        "process 2 of 4, step 5, 24 images, 3 at a time": (2, 4, 5, 24, 3),
        "the only process, step 2, 6 images, 3 at a time": (0, 1, 2, 6, 3),
        "process 1 of 3, step 1, 6 images, 2 at a time": (1, 3, 1, 6, 2),
    },
    mistakes={
        "every step begins again at position 0": lambda p, n, s, b, m: _positions(p, n, 0, b, m),
        "all processes take the same images": lambda p, n, s, b, m: _positions(0, n, s, b, m),
        "each process takes the whole batch; it should take its share": (
            lambda p, n, s, b, m: _positions(0, 1, s, b, m)
        ),
        "each process takes one block of the batch; micro-batches should go around, one to each "
        "process, so that their order does not depend on how many there are": _blocks,
        "each process takes every n-th image; a micro-batch should be images that stand together, "
        "since they were grouped by their shape": _interleaved,
    },
    hints=(
        "Number all micro-batches of the run: 0, 1, 2, ... Which positions does number k have? "
        "Which numbers belong to a step, and which of them to this process?",
        "Number k has the positions from `k * micro_batch_size` on. A step has `batch_size // "
        "micro_batch_size` micro-batches, and deals them out in turn, like cards.",
        "With `n = batch_size // micro_batch_size`, the process has the micro-batches "
        "`range(step * n + process, (step + 1) * n, num_processes)`.",
    ),
)
