"""Training: batches in a reproducible order, step by step, until done or interrupted."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from mrcnn_lite.datasets.transforms import random_horizontal_flip
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.checkpoint import checkpoints_in
from mrcnn_lite.engine.interrupt import stop_on_signal
from mrcnn_lite.engine.loader import Batch, batches_of, make_training_loader
from mrcnn_lite.engine.lock import only_run_in
from mrcnn_lite.engine.precision import autocast
from mrcnn_lite.engine.recipe import TrainConfig, set_learning_rate
from mrcnn_lite.engine.run_folder import METRICS_NAME, RunFolder, refuse_strangers
from mrcnn_lite.engine.state import TrainingState
from mrcnn_lite.engine.supervisor import Supervisor
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import make_folder
from mrcnn_lite.models import MaskRCNN


def train(
    model: MaskRCNN,
    dataset: Dataset,
    config: TrainConfig,
    out: str | Path,
    resume: bool = False,
    validation: Dataset | None = None,
) -> float:
    """Train `model` in place; leave checkpoints, config.json and metrics.jsonl in `out`.

    In a job of several processes (see `mrcnn_lite.engine.distributed`) each calls this alike.
    Ctrl-C or SIGTERM stops after the step at hand, with a checkpoint, and raises
    `engine.interrupt.StoppedBySignal`, a `KeyboardInterrupt`.

    Args:
        model: on the device to train on, with its first weights.
        dataset: one of `mrcnn_lite.datasets`.
        config: how to train.
        out: the run's folder. Files of other names than a run's may lie in it, and stay.
        resume: go on from the folder's last good checkpoint, if there is one.
        validation: measured as often as `config` says, into evaluations.jsonl.

    Returns:
        The seconds that training took, those before an interruption included.

    Raises:
        InputError: `out` holds another run, or somebody else's file of a name that a run writes; it
            cannot be written, or its disk is full; the data set is empty; the loss is not finite.
    """
    out = make_folder(out)
    if distributed.is_first():
        refuse_strangers(out)
    with only_run_in(out):
        return _train(model, dataset, config, out, resume, validation)


def _train(
    model: MaskRCNN,
    dataset: Dataset,
    config: TrainConfig,
    out: Path,
    resume: bool,
    validation: Dataset | None,
) -> float:
    if not resume and (checkpoints_in(out) or (out / METRICS_NAME).exists()):
        raise InputError(f"{out} already holds a run: resume it, or choose another folder")
    torch.manual_seed(config.seed + 1_000_003 * distributed.process_number())
    state = TrainingState(model, dataset, config)
    if resume:
        state.restore(out)
    loader = make_training_loader(dataset, config, state.step, state.device)
    model.to(memory_format=torch.channels_last)
    model.train()
    if config.compile:
        # Images differ in size; without this, each size would be compiled anew.
        model.backbone.compile(dynamic=True)
    with RunFolder(out, state) as folder, stop_on_signal() as stop, batches_of(loader) as batches:
        parallel_model = distributed.parallel(model)
        with Supervisor(state, folder, validation, stop) as supervisor:
            _train_until_done(parallel_model, state, batches, supervisor)
    model.eval()
    return state.seconds


def _train_until_done(
    model: nn.Module, state: TrainingState, batches: Iterator[Batch], supervisor: Supervisor
) -> None:
    """The training loop."""
    config, optimizer = state.config, state.optimizer
    while state.step < config.steps:
        with supervisor.step():
            micro_batches = list(itertools.islice(batches, config.accumulate))
            learning_rate = set_learning_rate(optimizer, state.step, config)
            optimizer.zero_grad()
            losses = backpropagate(model, state, micro_batches)
        # Outside: weights that have moved in part are not to be saved.
        losses |= move_weights(state, losses)
        supervisor.stop_if_not_finite(losses, micro_batches)
        supervisor.record(learning_rate, losses)
        supervisor.save_if_due()
        supervisor.evaluate_if_due()


def backpropagate(
    model: nn.Module, state: TrainingState, micro_batches: list[Batch]
) -> dict[str, float]:
    """Compute the losses of one step and add their gradients to the parameters'.

    With gradient accumulation a step's batch comes in several micro-batches, one after the other;
    its loss and its gradient are their mean. Images are flipped at random.

    Args:
        model: the state's model in training mode, or its data-parallel wrapper.
        state: gives the device, the precision and the loss scaler.
        micro_batches: images and targets.

    Returns:
        The losses by name, and "loss", their weighted sum: means over micro-batches and processes.
    """
    factors = {"loss_mask": state.config.mask_loss_weight}
    names, totals = [], 0.0
    for number, (images, targets) in enumerate(micro_batches, start=1):
        images, targets = random_horizontal_flip(*_move(images, targets, state.device))
        with distributed.averaging(model, wanted=number == len(micro_batches)):
            with autocast(state.device, state.config.precision):
                losses = model(images, targets)
            loss = sum(factors.get(name, 1.0) * value for name, value in losses.items())
            state.scaler.scale(loss / len(micro_batches)).backward()
        names = [*losses, "loss"]
        # On the device, so that the CPU does not wait for it after every micro-batch.
        totals += torch.stack([*losses.values(), loss]).detach()
    return dict(zip(names, distributed.average((totals / len(micro_batches)).tolist())))


def move_weights(state: TrainingState, losses: dict[str, float]) -> dict[str, float]:
    """Take one step of the optimiser along the gradient, clipped if the configuration says so.

    If a loss or the gradient is not finite, the weights stay as they are. fp16 is an exception:
    there an infinite gradient only says that the loss was scaled up too far, and the scaler makes
    up for it by skipping the step and scaling less.

    Args:
        state: its step is not counted yet.
        losses: from `backpropagate`.

    Returns:
        "gradient_norm", before clipping; with fp16 also "loss_scale", and no "gradient_norm" where
        the step was skipped.
    """
    optimizer, scaler = state.optimizer, state.scaler
    scaler.unscale_(optimizer)
    limit = state.config.clip_gradient_norm or math.inf
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), limit).item()
    losses_are_finite = all(map(math.isfinite, losses.values()))
    if losses_are_finite and (math.isfinite(norm) or scaler.is_enabled()):
        scaler.step(optimizer)
        scaler.update()
    if not scaler.is_enabled():
        return {"gradient_norm": norm}
    scale = scaler.get_scale()
    if losses_are_finite and not math.isfinite(norm) and scale >= 1:
        return {"loss_scale": scale}
    return {"loss_scale": scale, "gradient_norm": norm}


def _move(
    images: list[Tensor], targets: list[dict], device: torch.device
) -> tuple[list[Tensor], list[dict]]:
    """Bring a batch to the device; from page-locked memory without waiting for it."""
    # Which only CUDA's loader gives. MPS would read memory that is let go of meanwhile.
    non_blocking = device.type == "cuda"
    return [image.to(device, non_blocking=non_blocking) for image in images], [
        {
            key: value.to(device, non_blocking=non_blocking) if isinstance(value, Tensor) else value
            for key, value in target.items()
        }
        for target in targets
    ]
