"""Checks of lesson 13: a training step in 16 bits, and one that several processes share."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn

from mrcnn_lite.course.exercise import Exercise


class TwoLosses(nn.Module):
    """A model so small that its losses can be worked out; called as Mask R-CNN is.

    Its weights are chosen such that 16 bits round off visibly, and that an image far from its
    target gives a gradient beyond fp16's range once the loss is scaled up.
    """

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([[0.337, -0.591, 0.213], [0.119, 0.457, -0.281]]))

    def forward(self, images: list[Tensor], targets: list[Tensor]) -> dict[str, Tensor]:
        """Give two losses of images `Tensor[3]` and targets `Tensor[2]`."""
        outputs = self.layer(torch.stack(images))
        errors = (outputs.float() - torch.stack(targets)).square().mean(dim=0)
        return {"loss_box": errors[0], "loss_mask": 0.5 * errors[1]}


def _batch(*numbers: float) -> tuple[list[Tensor], list[Tensor]]:
    """Images and targets, five numbers each."""
    rows = torch.tensor(numbers).view(-1, 5)
    return list(rows[:, :3]), list(rows[:, 3:])


_MILD = (
    _batch(0.71, -0.33, 0.52, 1.0, -0.4, -0.25, 0.94, 0.17, -0.6, 0.9),
    _batch(0.48, 0.83, -0.66, 0.3, 0.8, 0.92, 0.11, 0.39, -0.7, 0.2),
    _batch(-0.57, 0.26, 0.88, 0.5, -1.1, 0.64, -0.79, 0.35, 1.2, 0.1),
)
# The second one's gradient is beyond fp16's range if the loss is multiplied by 65,536.
_WILD = (_MILD[0], _batch(0.9, -0.4, 0.7, 9.0, -6.0, 0.5, 0.8, -0.3, -7.0, 8.0), *_MILD[1:])


def _training(
    batches: Sequence[tuple[list[Tensor], list[Tensor]]], dtype: torch.dtype, rate: float
) -> tuple:
    """Arguments: a new model, its optimiser, a scaler (of use for fp16 alone) and the rest."""
    model = TwoLosses()
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.5)
    scaler = torch.amp.GradScaler("cpu", enabled=dtype == torch.float16)
    return model, optimizer, scaler, batches, dtype


def _train_in_amp(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    batches: Sequence[tuple[list[Tensor], list[Tensor]]],
    dtype: torch.dtype,
    *,
    cast: bool = True,
    clear: bool = True,
    scale: bool = True,
    unscale: bool = True,
    update: bool = True,
    add: Callable[[Sequence[Tensor]], Tensor] = sum,
) -> list[float]:
    """Take a step in mixed precision for each batch, also under some mistakes."""
    losses = []
    for images, targets in batches:
        if clear:
            optimizer.zero_grad()
        with torch.autocast(images[0].device.type, dtype) if cast else nullcontext():
            loss = add(list(model(images, targets).values()))
        (scaler.scale(loss) if scale else loss).backward()
        if unscale:
            scaler.step(optimizer)
        else:
            optimizer.step()
        if update:
            scaler.update()
        losses.append(loss.item())
    return losses


def _first(losses: Sequence[Tensor]) -> Tensor:
    return losses[0]


def _mean(losses: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean()


train_in_amp = Exercise(
    name="train_in_amp",
    reference=_train_in_amp,
    cases={
        "three batches in bf16": _training(_MILD, torch.bfloat16, 0.3),
        "three batches in fp16": _training(_MILD, torch.float16, 0.3),
        "four batches in fp16, of which the second overflows": _training(
            _WILD, torch.float16, 0.05
        ),
        "two batches in bf16": _training(_MILD[1:], torch.bfloat16, 0.1),
    },
    mistakes={
        "the forward pass runs in float32: the model has to be called inside "
        "`with torch.autocast(...)`": partial(_train_in_amp, cast=False),
        "the gradients of one step are still there in the next; set them to zero first": partial(
            _train_in_amp, clear=False
        ),
        "the loss goes backward unscaled, but the scaler divides the gradients all the same; "
        "call `backward` on what `scaler.scale` gives": partial(_train_in_amp, scale=False),
        "the optimiser takes gradients that are still scaled up; let `scaler.step` call "
        "it": partial(_train_in_amp, unscale=False),
        "the scaler is left out: fp16 then loses small gradients, and one that is infinite goes "
        "into the weights": partial(_train_in_amp, scale=False, unscale=False, update=False),
        "after an overflow the scale stays as large as it was, and every later step is skipped, "
        "too; `scaler.update` is missing": partial(_train_in_amp, update=False),
        "only one of the losses goes backward; the loss is their sum": partial(
            _train_in_amp, add=_first
        ),
        "you took the mean of the losses; the loss is their sum": partial(_train_in_amp, add=_mean),
    },
    hints=(
        "It is the training step that you know, five lines. Two things are new: where the forward "
        "pass runs, and who stands between the loss and the optimiser.",
        "Autocast is for the forward pass alone; the backward pass follows its numbers by itself. "
        "The scaler is asked three times: before the backward pass, for the step, and after it.",
        "In order: `optimizer.zero_grad()`; the forward pass under `torch.autocast(images[0].device"
        ".type, dtype)`; `backward` of the scaled loss; `scaler.step`, `scaler.update`.",
    ),
)


class PretendParallel(nn.Module):
    """What DistributedDataParallel is to one process, with the others' gradients worked out.

    As there, gradients become the mean over all processes if this is called in place of the model.

    Args:
        model: to wrap.
        images, targets: of the whole batch, of which process k has every `num_processes`-th.
        dtype: of autocast, or None.
        process, num_processes: which of how many this one is.
    """

    def __init__(
        self,
        model: nn.Module,
        images: list[Tensor],
        targets: list[Tensor],
        dtype: torch.dtype | None,
        process: int,
        num_processes: int,
    ):
        super().__init__()
        self.module, self.called = model, False
        others = [
            _parallel_gradients(deepcopy(model), images, targets, dtype, k, num_processes, _alone)
            for k in range(num_processes)
            if k != process
        ]
        for place, parameter in enumerate(model.parameters()):
            arriving = sum(gradients[place] for gradients in others)
            parameter.register_hook(partial(self._average, arriving, num_processes))

    def forward(self, images: list[Tensor], targets: list[Tensor]) -> dict[str, Tensor]:
        """Call the model, and average the gradients of this pass."""
        self.called = True
        return self.module(images, targets)

    def _average(self, arriving: Tensor, num_processes: int, gradient: Tensor) -> Tensor:
        return (gradient + arriving) / num_processes if self.called else gradient


def _alone(model: nn.Module) -> nn.Module:
    return model


def _parallel_gradients(
    model: nn.Module,
    images: list[Tensor],
    targets: list[Tensor],
    dtype: torch.dtype | None,
    process: int,
    num_processes: int,
    parallel: Callable[[nn.Module], nn.Module],
) -> tuple[Tensor, ...]:
    """Give the gradients of a step that several processes share, averaged over them."""
    # The lesson writes this source into a script: nothing of this file can be used in it.
    wrapped = parallel(model)
    own_images, own_targets = images[process::num_processes], targets[process::num_processes]
    with torch.autocast(images[0].device.type, dtype, enabled=dtype is not None):
        loss = sum(wrapped(own_images, own_targets).values())
    loss.backward()
    return tuple(parameter.grad for parameter in model.parameters())


def _block(batch: list, process: int, num_processes: int) -> list:
    size = len(batch) // num_processes
    return batch[process * size : (process + 1) * size]


def _shared(process: int, num_processes: int, dtype: torch.dtype | None) -> tuple:
    images = [image for images, _ in _MILD for image in images]
    targets = [target for _, targets in _MILD for target in targets]
    parallel = partial(
        PretendParallel,
        images=images,
        targets=targets,
        dtype=dtype,
        process=process,
        num_processes=num_processes,
    )
    return TwoLosses(), images, targets, dtype, process, num_processes, parallel


parallel_gradients = Exercise(
    name="parallel_gradients",
    reference=_parallel_gradients,
    cases={
        "process 0 of 2, in float32": _shared(0, 2, None),
        "process 1 of 2, in float32": _shared(1, 2, None),
        "process 1 of 3, in bf16": _shared(1, 3, torch.bfloat16),
        "process 2 of 3, in bf16": _shared(2, 3, torch.bfloat16),
    },
    mistakes={
        "every process takes the whole batch; each should take its share": (
            lambda m, x, y, dtype, k, n, wrap: _parallel_gradients(m, x, y, dtype, 0, 1, wrap)
        ),
        "all processes take the same images, those of process 0": (
            lambda m, x, y, dtype, k, n, wrap: _parallel_gradients(m, x, y, dtype, 0, n, wrap)
        ),
        "each process takes a block of the batch; images are dealt out like cards, process k takes "
        "number k, k + n, k + 2n, ...": (
            lambda m, x, y, dtype, k, n, wrap: _parallel_gradients(
                m, _block(x, k, n), _block(y, k, n), dtype, 0, 1, wrap
            )
        ),
        "the gradients are those of this process alone; wrap the model by `parallel`, and then "
        "call the wrapper, not the model": (
            lambda m, x, y, dtype, k, n, wrap: _parallel_gradients(m, x, y, dtype, k, n, _alone)
        ),
        "the forward pass runs in float32, whatever `dtype` says": (
            lambda m, x, y, dtype, k, n, wrap: _parallel_gradients(m, x, y, None, k, n, wrap)
        ),
        "you divide by the number of processes once more; the wrapper's gradients are means "
        "already": (
            lambda m, x, y, dtype, k, n, wrap: tuple(
                gradient / n for gradient in _parallel_gradients(m, x, y, dtype, k, n, wrap)
            )
        ),
        "your gradients are the sum over the processes; their mean is the batch's": (
            lambda m, x, y, dtype, k, n, wrap: tuple(
                gradient * n for gradient in _parallel_gradients(m, x, y, dtype, k, n, wrap)
            )
        ),
    },
    hints=(
        "Every process runs the same lines, with a number of its own. Which images are its share, "
        "and which module must see them so that the gradients are averaged?",
        "Wrap first: the wrapper is called like the model. The averaging happens during the "
        "backward pass, and the gradients arrive in the model's own parameters.",
        "The share is `images[process::num_processes]`, likewise for the targets. Call the wrapper "
        "under autocast (`enabled=dtype is not None`), then `backward`, then collect "
        "`parameter.grad`.",
    ),
)
