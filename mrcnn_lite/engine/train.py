"""Training: batches in a reproducible order, step by step, until done or interrupted."""

import itertools
import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from tqdm import tqdm

from mrcnn_lite.datasets.transforms import random_horizontal_flip
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.checkpoint import checkpoints_in
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.interrupt import StoppedBySignal, StopRequest, stop_on_signal
from mrcnn_lite.engine.loader import Batch, batches_of, make_training_loader
from mrcnn_lite.engine.lock import only_run_in
from mrcnn_lite.engine.not_finite import stop_not_finite
from mrcnn_lite.engine.precision import autocast
from mrcnn_lite.engine.random_state import get_random_state
from mrcnn_lite.engine.recipe import TrainConfig, set_learning_rate
from mrcnn_lite.engine.run_folder import METRICS_NAME, RunFolder
from mrcnn_lite.engine.state import TrainingState
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
    `StoppedBySignal`, a `KeyboardInterrupt`.

    Args:
        model: on the device to train on, with its first weights.
        dataset: one of `mrcnn_lite.datasets`.
        config: how to train.
        out: the run's folder.
        resume: go on from the folder's last good checkpoint, if there is one.
        validation: measured as often as `config` says, into evaluations.jsonl.

    Returns:
        The seconds that training took, those before an interruption included.

    Raises:
        InputError: `out` holds another run; the data set is empty; the loss is not finite.
    """
    out = make_folder(out)
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
        _train_until_done(state, batches, folder, validation, stop)
    model.eval()
    return state.seconds


def _train_until_done(
    state: TrainingState,
    batches: Iterator[Batch],
    folder: RunFolder,
    validation: Dataset | None,
    stop: StopRequest,
) -> None:
    config, start = state.config, state.step
    model = distributed.parallel(state.model)
    # The run may have ended between a step and its evaluation.
    if _evaluation_is_due(state, validation, folder):
        _evaluate(state, validation, folder)
    random_state = get_random_state(state.device)
    bar = {"desc": "training", "unit": "step", "disable": not folder.writes}
    with tqdm(total=config.steps, initial=start, **bar) as progress:
        while state.step < config.steps:
            began = time.perf_counter()
            buffers = [(buffer, buffer.clone()) for buffer in state.model.buffers()]
            try:
                parts = list(itertools.islice(batches, config.accumulate))
                learning_rate = set_learning_rate(state.optimizer, state.step, config)
                losses = train_step(model, state, parts)
            except Exception:
                # A picture that cannot be read should not cost the steps done before it.
                if state.step > start and not distributed.is_parallel():
                    _put_back(buffers)
                    state.save(folder.path, random_state)
                raise
            if not all(map(math.isfinite, losses.values())):
                _put_back(buffers)
                image_ids = [target["image_id"] for _, targets in parts for target in targets]
                stop_not_finite(folder.path, state, losses, image_ids, random_state)
            random_state = get_random_state(state.device)
            state.step += 1
            state.seconds += time.perf_counter() - began
            record = {"step": state.step, "learning_rate": learning_rate, **losses}
            folder.record(record | {"seconds": round(state.seconds, 3)})
            progress.set_postfix(loss=f"{losses['loss']:.2f}", refresh=False)
            progress.update()
            done = state.step == config.steps
            stopping = distributed.any_of(bool(stop)) and not done
            evaluating = _evaluation_is_due(state, validation, folder)
            # An evaluation takes long, and may fail.
            if stopping or done or evaluating or state.step % config.checkpoint_every == 0:
                file = state.save(folder.path, random_state)
            if stopping:
                if folder.writes:
                    progress.write(
                        f"stopped after step {state.step} of {config.steps}; saved {file}"
                    )
                raise StoppedBySignal(stop.number or signal.SIGTERM)
            if evaluating:
                _evaluate(state, validation, folder)


def train_step(model: nn.Module, state: TrainingState, batches: list[Batch]) -> dict[str, float]:
    """Flip at random, compute losses and gradients of each batch, move the weights once.

    If the loss or its gradient is not finite, the weights stay as they are. fp16 is an exception:
    there an infinite gradient only says that the loss was scaled up too far, and the scaler makes
    up for it by skipping the step and scaling less.

    Args:
        model: the state's model in training mode, or its data-parallel wrapper.
        state: moved by one step, but not counted.
        batches: images and targets, one batch per pass; the gradient is the passes' mean.

    Returns:
        The losses by name, "loss", their sum, all of them means over passes and processes, and
        "gradient_norm" before clipping; with fp16 also "loss_scale", and no "gradient_norm" where
        the step was skipped.
    """
    config, optimizer, scaler = state.config, state.optimizer, state.scaler
    optimizer.zero_grad()
    names, totals = [], 0.0
    for number, (images, targets) in enumerate(batches, start=1):
        images, targets = random_horizontal_flip(*_move(images, targets, state.device))
        with distributed.averaging(model, wanted=number == len(batches)):
            with autocast(state.device, config.precision):
                losses = model(images, targets)
            loss = sum(losses.values())
            scaler.scale(loss / len(batches)).backward()
        names = [*losses, "loss"]
        # On the device, so that the CPU does not wait for it after every pass.
        totals += torch.stack([*losses.values(), loss]).detach()
    scaler.unscale_(optimizer)
    limit = math.inf if config.clip_gradient_norm is None else config.clip_gradient_norm
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), limit).item()
    values = dict(zip(names, distributed.average((totals / len(batches)).tolist())))
    losses_are_finite = all(map(math.isfinite, values.values()))
    if losses_are_finite and (math.isfinite(norm) or scaler.is_enabled()):
        scaler.step(optimizer)
        scaler.update()
    if scaler.is_enabled():
        values["loss_scale"] = scaler.get_scale()
        if not math.isfinite(norm) and losses_are_finite and scaler.get_scale() >= 1:
            return values
    return values | {"gradient_norm": norm}


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


def _put_back(buffers: list[tuple[Tensor, Tensor]]) -> None:
    """Undo what a forward pass did to batch norm's statistics, in a step that moved no weights."""
    for buffer, before in buffers:
        buffer.copy_(before)


def _evaluation_is_due(state: TrainingState, validation: Dataset | None, folder: RunFolder) -> bool:
    every = state.config.evaluate_every or state.config.steps
    due = state.step == state.config.steps or (state.step > 0 and state.step % every == 0)
    return validation is not None and due and not folder.was_evaluated(state.step)


def _evaluate(state: TrainingState, validation: Dataset, folder: RunFolder) -> None:
    config = state.config
    distributed.share_buffers(state.model)
    metrics = evaluate(
        state.model,
        validation,
        config.images_per_pass(distributed.num_processes()),
        config.num_workers,
        precision=config.precision,
    )
    folder.record_evaluation(state.step, metrics)
    if folder.writes:
        numbers = ", ".join(f"{kind} AP {values['AP']:.3f}" for kind, values in metrics.items())
        tqdm.write(f"after step {state.step}: {numbers}")
