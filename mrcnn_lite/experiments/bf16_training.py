"""What training in bf16 costs in accuracy: `make demo`'s run in float32 and under bf16 autocast.

    python -m mrcnn_lite.experiments.bf16_training             # half an hour on two cores
    python -m mrcnn_lite.experiments.bf16_training --seeds 3   # fewer runs

The demo's model, recipe and held-out scenes, once in each precision for every seed; what was
trained in bf16 is also measured in bf16. It writes docs/results/bf16_training.md and .json. A run
that is there already is not repeated, one that was interrupted goes on.
"""

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.recipe import RECIPES
from mrcnn_lite.engine.train import train
from mrcnn_lite.experiments.demo import NUM_HELD_OUT
from mrcnn_lite.experiments.pages import markdown_table, mean_and_deviation, write_page
from mrcnn_lite.experiments.results import gain
from mrcnn_lite.files import make_folder, write_text
from mrcnn_lite.models import mask_rcnn, mini_config

PRECISIONS = ("float32", "bf16")


def measure(precision: str, seed: int, steps: int, runs: Path) -> dict[str, float]:
    """Train and measure one model: its box and mask AP, and how long the training took."""
    torch.set_num_threads(1)
    folder = make_folder(runs / f"{steps}-steps" / f"{precision}-seed-{seed}")
    file = folder / "result.json"
    if not file.exists():
        config = replace(RECIPES["mini"], steps=steps, seed=seed, precision=precision)
        scenes = ShapesDataset(steps * config.batch_size, seed=2 * seed)
        torch.manual_seed(seed)
        model = mask_rcnn(mini_config(scenes.num_classes))
        seconds = train(model, scenes, config, folder, resume=True)
        held_out = ShapesDataset(NUM_HELD_OUT, HELD_OUT_SEED)
        metrics = evaluate(model, held_out, precision=precision)
        result = {kind: numbers["AP"] for kind, numbers in metrics.items()}
        write_text(file, json.dumps({**result, "train_seconds": round(seconds, 1)}))
    return json.loads(file.read_text("utf-8"))


def page_of_bf16(result: dict[str, Any]) -> str:
    """Write the page: a row for the AP of masks, and one for that of boxes."""
    runs = result["runs"]
    rows = []
    for kind, name in (("segm", "mask AP"), ("bbox", "box AP")):
        float32, bf16 = ([run[kind] for run in runs[precision]] for precision in PRECISIONS)
        difference = gain(bf16, float32)
        said = "cannot tell"
        if difference["low"] is not None:
            low, mean, high = (
                statistics.fmean(float32) * difference[part] for part in ("low", "gain", "high")
            )
            said = f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
        rows.append(
            [
                name,
                mean_and_deviation(float32, ".4f"),
                mean_and_deviation(bf16, ".4f"),
                said,
            ]
        )
    lines = [
        "# Training in bf16",
        "",
        f"`python -m mrcnn_lite.experiments.bf16_training`: the run of `make demo` "
        f"({result['steps']} steps, from random weights) in float32 and under bf16 autocast, "
        f"{len(runs['float32'])} seeds, measured on {result['held_out']} held-out scenes (torch "
        f"{result['torch']}). Mean ± standard deviation; the difference seed by seed, with an "
        "interval of 95 %.",
        "",
        markdown_table(["", *PRECISIONS, "difference"], rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8, help="at least 2")
    parser.add_argument("--steps", type=int, default=RECIPES["mini"].steps)
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, one core each")
    parser.add_argument("--runs", type=Path, default=Path("runs/bf16"))
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    print(f"writing runs to {options.runs}")
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        waiting = {
            (seed, precision): pool.submit(measure, precision, seed, options.steps, options.runs)
            for seed in range(options.seeds)
            for precision in PRECISIONS
        }
        runs = {
            precision: [waiting[seed, precision].result() for seed in range(options.seeds)]
            for precision in PRECISIONS
        }
    result = {
        "torch": torch.__version__,
        "steps": options.steps,
        "held_out": NUM_HELD_OUT,
        "runs": runs,
    }
    text = page_of_bf16(result)
    print(text)
    write_page(options.output, "bf16_training", result, text)


if __name__ == "__main__":
    main()
