"""Training: batches in a reproducible order, step by step, until done or interrupted."""

import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from mrcnn_lite.datasets.transforms import collate, random_horizontal_flip
from mrcnn_lite.engine.checkpoint import FILE_NAME, load_checkpoint, load_state, save_checkpoint
from mrcnn_lite.engine.interrupt import ignore_interrupts, stop_on_signal
from mrcnn_lite.engine.recipe import TrainConfig, learning_rate_factor, make_optimizer
from mrcnn_lite.engine.sampler import BatchSampler
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import make_folder, write_atomically
from mrcnn_lite.models import MaskRCNN

METRICS_NAME = "metrics.jsonl"


class LossNotFiniteError(InputError):
    """Training has to stop because a loss became infinite or not a number."""

    def __init__(self, losses: dict[str, float], step: int, targets: list[dict]):
        terms = ", ".join(name for name, value in losses.items() if not math.isfinite(value))
        images = [target["image_id"] for target in targets]
        super().__init__(
            f"step {step} gave a loss that is not finite ({terms}; images {images}). Usual causes: "
            "a learning rate too high, a warm-up too short, pixel values that are not in 0..1"
        )


def train(
    model: MaskRCNN, dataset: Dataset, config: TrainConfig, out: str | Path, resume: bool = False
) -> None:
    """Train `model` in place; leave `checkpoint.pt` and `metrics.jsonl` in `out`.

    Ctrl-C stops after the step at hand, with a checkpoint, and raises `KeyboardInterrupt`.

    Args:
        model: on the device to train on, with its first weights.
        dataset: one of `mrcnn_lite.datasets`.
        config: how to train.
        out: the run's folder.
        resume: go on from the folder's checkpoint, if there is one.

    Raises:
        InputError: `out` holds another run; the data set is empty; the loss is not finite.
    """
    out = make_folder(out)
    file = out / FILE_NAME
    if len(dataset) == 0:
        raise InputError("the data set has no images to train on")
    if file.exists() and not resume:
        raise InputError(f"{out} already holds a run: resume it, or choose another folder")
    torch.manual_seed(config.seed)
    optimizer = make_optimizer(model, config)
    scheduler = LambdaLR(optimizer, lambda step: learning_rate_factor(step, config))
    start = 0
    if file.exists():
        start = _restore(file, model, optimizer, scheduler, config)
    model.to(memory_format=torch.channels_last)
    model.train()

    done = start

    def save() -> None:
        training = {
            "step": done,
            "config": asdict(config),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "random_state": torch.get_rng_state(),
        }
        save_checkpoint(file, model, dataset.categories, training)

    sampler = BatchSampler(len(dataset), config.batch_size, config.steps, config.seed, start)
    loader = DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=config.num_workers,
        collate_fn=collate,
        worker_init_fn=ignore_interrupts,
        # Of its own, so that making a loader does not move the global random numbers on.
        generator=torch.Generator(),
    )
    _forget_after(out / METRICS_NAME, start)
    began = time.perf_counter()
    progress = tqdm(total=config.steps, initial=start, desc="training", unit="step")
    try:
        with progress, stop_on_signal() as stop:
            for images, targets in loader:
                losses = train_step(model, optimizer, images, targets, config.clip_gradient_norm)
                if not math.isfinite(losses["loss"]):
                    raise LossNotFiniteError(losses, done + 1, targets)
                record = {"step": done + 1, "learning_rate": scheduler.get_last_lr()[0], **losses}
                record["seconds"] = round(time.perf_counter() - began, 3)
                with open(out / METRICS_NAME, "a") as metrics:
                    metrics.write(json.dumps(record) + "\n")
                scheduler.step()
                done += 1
                progress.set_postfix(loss=f"{losses['loss']:.2f}", refresh=False)
                progress.update()
                if done % config.checkpoint_every == 0 or done == config.steps or stop:
                    save()
                if stop and done < config.steps:
                    tqdm.write(f"stopped after step {done} of {config.steps}; saved {file}")
                    raise KeyboardInterrupt
    except LossNotFiniteError:
        # The weights that gave it may be spoilt already: the last checkpoint is the better one.
        raise
    except Exception:
        # A picture that cannot be read should not cost the steps done before it.
        if done > start:
            save()
        raise
    model.eval()


def train_step(
    model: MaskRCNN,
    optimizer: Optimizer,
    images: list[Tensor],
    targets: list[dict],
    clip_gradient_norm: float,
) -> dict[str, float]:
    """Flip at random, compute losses and gradients, move the weights once.

    If the loss is not finite the weights stay as they are.

    Returns:
        The losses by name, "loss", their sum, and "gradient_norm" before clipping.
    """
    device = next(model.parameters()).device
    images, targets = random_horizontal_flip(images, targets)
    images = [image.to(device, non_blocking=True) for image in images]
    targets = [
        {key: value.to(device) if isinstance(value, Tensor) else value for key, value in t.items()}
        for t in targets
    ]
    losses = model(images, targets)
    loss = sum(losses.values())
    values = {name: value.item() for name, value in losses.items()}
    values["loss"] = loss.item()
    if not math.isfinite(values["loss"]):
        return values
    optimizer.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip_gradient_norm)
    optimizer.step()
    return values | {"gradient_norm": norm.item()}


def _restore(
    file: Path, model: MaskRCNN, optimizer: Optimizer, scheduler: LambdaLR, config: TrainConfig
) -> int:
    checkpoint = load_checkpoint(file)
    saved = {
        "model": checkpoint["model_config"],
        "training": checkpoint["training"]["config"],
    }
    wanted = {"model": _plain(asdict(model.config)), "training": asdict(config)}
    for part, settings in wanted.items():
        for name, value in settings.items():
            if _plain(saved[part].get(name)) != value:
                raise InputError(
                    f"{file} cannot be resumed: its {part} setting {name} is "
                    f"{saved[part].get(name)}, this run's is {value}"
                )
    load_state(model, checkpoint["model"], file)
    training = checkpoint["training"]
    optimizer.load_state_dict(training["optimizer"])
    scheduler.load_state_dict(training["scheduler"])
    torch.set_rng_state(training["random_state"])
    return training["step"]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _forget_after(file: Path, step: int) -> None:
    """Drop the records of steps that the checkpoint does not hold; they will be made again."""
    if not file.exists():
        return
    # Steps are recorded in order, one a line; what a crash tore off can only be the last.
    with write_atomically(file) as temporary:
        temporary.write_text("".join(file.read_text().splitlines(keepends=True)[:step]))
