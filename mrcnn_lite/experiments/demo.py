"""Everybody's first ten minutes: train `mini` on Shapes, measure it, look at what it sees."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.checkpoint import save_weights
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.recipe import RECIPES
from mrcnn_lite.engine.run_folder import (
    CONFIG_NAME,
    METRICS_NAME,
    files_of_a_run,
    refuse_strangers,
)
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from mrcnn_lite.explore.draw.scene import figure_of_detections, figure_of_losses
from mrcnn_lite.files import check_file_can_be_written, make_folder, write_atomically, write_text
from mrcnn_lite.models import MaskRCNN, mask_rcnn, mini_config

# Outlines cost this model most of its mask AP, rather than boxes or classes: so masks count more,
# and their logits start near zero. At a learning rate of 5e-3 it confuses more classes.
MODEL = {"mask_logits_std": 0.001}
RECIPE = replace(RECIPES["mini"], learning_rate=3e-3, mask_loss_weight=4.0)
NUM_HELD_OUT = 200
NUM_DRAWN = 6
DRAWN_SCORE = 0.7
NUMBERS_NAME, DETECTIONS_NAME, LOSSES_NAME = "metrics.json", "detections.png", "losses.png"
RESULTS = (NUMBERS_NAME, DETECTIONS_NAME, LOSSES_NAME)
# What tells a demo's numbers from those of `mrcnn-lite evaluate --out`.
OWN_NUMBERS = {"bbox", "segm", "train_seconds", "num_scenes"}


def run_demo(
    out: Path, steps: int | None = None, seed: int = 0, weights_out: Path | None = None
) -> dict:
    """Train, measure and draw; an interrupted demo goes on, a finished one's files are moved aside.

    Args:
        out: the run's folder: checkpoints, metrics.jsonl, metrics.json, detections.png and
            losses.png.
        steps: training steps, if not the recipe's.
        seed: of the training scenes, the first weights and all draws.
        weights_out: also write the weights alone to this file (safetensors).

    Returns:
        What metrics.json holds.

    Raises:
        InputError: somebody else's file has the name of one that would be written; or see `train`.
    """
    if weights_out is not None:
        check_file_can_be_written(weights_out)
    make_folder(out)
    refuse_strangers(out, (CONFIG_NAME, METRICS_NAME, *RESULTS))
    _move_aside_if_finished(out)
    config = replace(RECIPE, seed=seed)
    if steps is not None:
        config = replace(config, steps=steps, warmup_steps=min(config.warmup_steps, steps // 4))
    scenes = ShapesDataset(config.steps * config.batch_size, seed=2 * seed)
    held_out = ShapesDataset(NUM_HELD_OUT, seed=HELD_OUT_SEED)
    torch.manual_seed(seed)
    model = mask_rcnn(mini_config(scenes.num_classes, **MODEL))

    print(f"training on {len(scenes)} scenes of Shapes, each seen once; writing to {out}")
    train_seconds = train(model, scenes, config, out, resume=True)

    print(f"measuring on {NUM_HELD_OUT} scenes that it never saw")
    metrics = evaluate(model, held_out, print_table=True)
    metrics |= {"train_seconds": round(train_seconds, 1), "num_scenes": NUM_HELD_OUT}
    _draw(model, held_out, out)
    if weights_out is not None:
        save_weights(weights_out, model, scenes.categories)
        print(f"wrote {weights_out}")
    # The last to be written: where it stands, the demo is finished.
    write_text(out / NUMBERS_NAME, json.dumps(metrics, indent=2) + "\n")
    print(
        f"mask AP {metrics['segm']['AP']:.3f} after {train_seconds:.0f} s of training\n"
        f"wrote {out / NUMBERS_NAME}, {out / LOSSES_NAME} and {out / DETECTIONS_NAME}\n"
        f"next: open {out / DETECTIONS_NAME}, then see how it works: "
        "`mrcnn-lite lessons --out lessons`"
    )
    return metrics


def _draw(model: MaskRCNN, held_out: ShapesDataset, out: Path) -> None:
    samples = [held_out[i] for i in range(NUM_DRAWN)]
    images, targets = zip(*samples)
    with torch.inference_mode():
        detections = [
            {name: value[detection["scores"] >= DRAWN_SCORE] for name, value in detection.items()}
            for detection in model(list(images))
        ]
    with write_atomically(out / DETECTIONS_NAME) as temporary:
        figure = figure_of_detections(images, detections, targets, held_out.categories)
        figure.savefig(temporary, dpi=110)
    lines = (out / METRICS_NAME).read_text("utf-8").splitlines()
    with write_atomically(out / LOSSES_NAME) as temporary:
        figure_of_losses([json.loads(line) for line in lines]).savefig(temporary, dpi=110)


def _move_aside_if_finished(out: Path) -> None:
    """Move a finished demo's files to a folder beside; others in its folder stay where they are."""
    numbers = out / NUMBERS_NAME
    if not numbers.exists():
        return
    if not _are_a_demos(numbers):
        raise InputError(f"{numbers} is no demo's: choose another folder")
    place, number = out.absolute(), 1
    while (aside := place.with_name(f"{place.name}.{number}")).exists():
        number += 1
    make_folder(aside)
    # The numbers first: a run without them goes on, numbers without their run are a stranger's.
    results = [out / name for name in RESULTS if (out / name).exists()]
    for path in [*results, *files_of_a_run(out)]:
        path.rename(aside / path.name)
    print(f"an earlier demo was finished: moved its files from {out} to {aside}")


def _are_a_demos(numbers: Path) -> bool:
    try:
        values = json.loads(numbers.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and values.keys() >= OWN_NUMBERS
