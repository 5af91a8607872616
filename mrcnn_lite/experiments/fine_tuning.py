"""What fine-tuning gains: other weights to start from, little data, another set of classes.

    python -m mrcnn_lite.experiments.fine_tuning      # a minute or two on two cores

As many pictures as Penn-Fudan has, with one class as there: crowded scenes of Shapes, in which
every shape is called "shape". `mini` trains on them from random weights, and from the shipped ones,
whose layers with an output per class start anew. It writes docs/results/fine_tuning.md and .json.
"""

import argparse
import json
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED, Scene
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.recipe import RECIPES
from mrcnn_lite.engine.run_folder import EVALUATIONS_NAME
from mrcnn_lite.engine.start_weights import start_from
from mrcnn_lite.engine.train import train
from mrcnn_lite.experiments.pages import markdown_table, mean_and_deviation, write_page
from mrcnn_lite.files import SHIPPED_WEIGHTS
from mrcnn_lite.models import mask_rcnn

PICTURES, HELD_OUT = 120, 50  # as Penn-Fudan's are divided
STEPS, EVERY = 60, 20
SEEDS = 3
CATEGORIES = {1: "shape"}
STARTS = ("random weights", "the shipped weights")


class OneClass(ShapesDataset):
    """Crowded scenes in which every shape is of one class."""

    categories = CATEGORIES
    num_classes = 2

    def __init__(self, num_scenes: int, seed: int):
        super().__init__(num_scenes, seed, crowded=True)

    def scene(self, index: int) -> Scene:
        """Generate scene `index`, all labels 1."""
        scene = super().scene(index)
        return replace(scene, labels=np.ones_like(scene.labels))


def measure(start: str, seed: int, steps: int = STEPS) -> dict[str, Any]:
    """Train once.

    Args:
        start: one of `STARTS`.
        seed: of the draws, and of the weights that are random. The pictures are the same.
        steps: of training.

    Returns:
        "seed", and of each measurement "step", "segm" and "bbox", the APs.
    """
    pictures, held_out = OneClass(PICTURES, seed=0), OneClass(HELD_OUT, HELD_OUT_SEED)
    config = replace(
        RECIPES["mini"], steps=steps, warmup_steps=steps // 4, evaluate_every=EVERY, seed=seed
    )
    shipped = load_model(SHIPPED_WEIGHTS).model
    torch.manual_seed(seed)
    model = mask_rcnn(replace(shipped.config, num_classes=pictures.num_classes))
    if start != STARTS[0]:
        start_from(model, shipped.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        train(model, pictures, config, folder, validation=held_out)
        lines = Path(folder, EVALUATIONS_NAME).read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return {
        "seed": seed,
        "measured": [
            {"step": line["step"], **{kind: line[kind]["AP"] for kind in ("segm", "bbox")}}
            for line in found
        ],
    }


def page_of_fine_tuning(result: dict[str, Any]) -> str:
    """Write the page: a row for each start, a column for each measurement."""
    rows = []
    for start, runs in result["runs"].items():
        by_step = zip(*([100 * found["segm"] for found in run["measured"]] for run in runs))
        rows.append([start, *(mean_and_deviation(values) for values in by_step)])
    first = next(iter(result["runs"].values()))[0]["measured"]
    lines = [
        "# Fine-tuning: little data, another set of classes",
        "",
        f"`python -m mrcnn_lite.experiments.fine_tuning`, torch {result['torch']}. `mini` on "
        f"{PICTURES} crowded scenes of Shapes with a single class, from random weights, and from "
        "the shipped ones (data/weights/mini.safetensors, trained on other scenes and six "
        "classes), whose layers with an output per class start anew. Mask AP on "
        f"{HELD_OUT} held-out scenes after so many steps of 8 pictures, in percent, mean ± "
        f"standard deviation over {SEEDS} seeds.",
        "",
        markdown_table(["", *(f"step {found['step']}" for found in first)], rows),
    ]
    return "\n".join(lines) + "\n"


def ahead(result: dict[str, Any]) -> list[float]:
    """The points of mask AP by which the shipped weights are ahead at the end, seed by seed."""
    ends = [
        [100 * run["measured"][-1]["segm"] for run in result["runs"][start]] for start in STARTS
    ]
    return [shipped - random for random, shipped in zip(*ends)]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, one core each")
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        waiting = {
            start: [pool.submit(measure, start, seed) for seed in range(SEEDS)] for start in STARTS
        }
        runs = {start: [run.result() for run in found] for start, found in waiting.items()}
    result = {"torch": torch.__version__, "runs": runs}
    text = page_of_fine_tuning(result)
    print(text)
    print(f"ahead at the end: {statistics.fmean(ahead(result)):+.1f} points")
    write_page(options.output, "fine_tuning", result, text)


if __name__ == "__main__":
    main()
