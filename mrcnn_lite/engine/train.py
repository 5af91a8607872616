"""Training: batches in a reproducible order, step by step, until done or interrupted."""

import contextlib
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
    """Training has to stop because a loss or its gradient is infinite or not a number."""

    def __init__(self, losses: dict[str, float], step: int, targets: list[dict]):
        terms = ", ".join(name for name, value in losses.items() if not math.isfinite(value))
        images = [target["image_id"] for target in targets]
        super().__init__(
            f"step {step} gave numbers that are not finite ({terms}; images {images}). "
            "Usual causes: a learning rate too high, a warm-up too short, pixel values not in 0..1"
        )


def train(
    model: MaskRCNN, dataset: Dataset, config: TrainConfig, out: str | Path, resume: bool = False
) -> float:
    """Train `model` in place; leave `checkpoint.pt` and `metrics.jsonl` in `out`.

    Ctrl-C stops after the step at hand, with a checkpoint, and raises `KeyboardInterrupt`.

    Args:
        model: on the device to train on, with its first weights.
        dataset: one of `mrcnn_lite.datasets`.
        config: how to train.
        out: the run's folder.
        resume: go on from the folder's checkpoint, if there is one.

    Returns:
        The seconds that training took, those before an interruption included.

    Raises:
        InputError: `out` holds another run; the data set is empty; the loss is not finite.
    """
    out = make_folder(out)
    file = out / FILE_NAME
    if len(dataset) == 0:
        raise InputError("the data set has no images to train on")
    if not resume and (file.exists() or (out / METRICS_NAME).exists()):
        raise InputError(f"{out} already holds a run: resume it, or choose another folder")
    torch.manual_seed(config.seed)
    optimizer = make_optimizer(model, config)
    scheduler = LambdaLR(optimizer, lambda step: learning_rate_factor(step, config))
    start, seconds_before = 0, 0.0
    if file.exists():
        start, seconds_before = _restore(file, model, dataset, optimizer, scheduler, config)
    model.to(memory_format=torch.channels_last)
    model.train()

    done = start

    def save() -> None:
        training = {
            "step": done,
            "seconds": time.perf_counter() - began,
            "num_images": len(dataset),
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
    began = time.perf_counter() - seconds_before
    progress = tqdm(total=config.steps, initial=start, desc="training", unit="step")
    try:
        with progress, stop_on_signal() as stop:
            for images, targets in loader:
                losses = train_step(model, optimizer, images, targets, config.clip_gradient_norm)
                if not all(map(math.isfinite, losses.values())):
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
    return time.perf_counter() - began


def train_step(
    model: MaskRCNN,
    optimizer: Optimizer,
    images: list[Tensor],
    targets: list[dict],
    clip_gradient_norm: float,
) -> dict[str, float]:
    """Flip at random, compute losses and gradients, move the weights once.

    If the loss or its gradient is not finite, the optimiser leaves the weights as they are.

    Returns:
        The losses by name, "loss", their sum, and "gradient_norm" before clipping.
    """
    device = next(model.parameters()).device
    images, targets = random_horizontal_flip(images, targets)
    images = [image.to(device) for image in images]
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
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip_gradient_norm).item()
    if math.isfinite(norm):
        optimizer.step()
    return values | {"gradient_norm": norm}


# These may change between two parts of a run: they do not change what is learnt.
HARMLESS = ("num_workers", "checkpoint_every")


def _restore(
    file: Path,
    model: MaskRCNN,
    dataset: Dataset,
    optimizer: Optimizer,
    scheduler: LambdaLR,
    config: TrainConfig,
) -> tuple[int, float]:
    """Put everything back as the checkpoint has it; return its step and its seconds."""
    checkpoint = load_checkpoint(file)
    training = checkpoint["training"]
    data = {"categories": dataset.categories, "images": len(dataset)}
    saved_data = {"categories": checkpoint["categories"], "images": training["num_images"]}
    for part, saved, wanted in (
        ("model", checkpoint["model_config"], asdict(model.config)),
        ("training", training["config"], asdict(config)),
        ("data", saved_data, data),
    ):
        for name, value in _plain(wanted).items():
            if name not in HARMLESS and _plain(saved.get(name)) != value:
                raise InputError(
                    f"{file} cannot be resumed: its {part} setting {name} is {saved.get(name)}, "
                    f"this run's is {value}. Give the same one, or choose another folder"
                )
    load_state(model, checkpoint["model"], file)
    optimizer.load_state_dict(training["optimizer"])
    scheduler.load_state_dict(training["scheduler"])
    torch.set_rng_state(training["random_state"])
    return training["step"], training["seconds"]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _forget_after(file: Path, step: int) -> None:
    """Drop the records of steps that the checkpoint does not hold; they will be made again."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text().splitlines():
        # A crash may have torn a line.
        with contextlib.suppress(json.JSONDecodeError):
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
    with write_atomically(file) as temporary:
        temporary.write_text("".join(kept))
