"""What training in bf16 costs in accuracy: `make demo`'s run in float32 and under bf16 autocast.

    python benchmarks/bf16_training.py             # half an hour on two cores
    python benchmarks/bf16_training.py --seeds 3   # fewer runs

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

import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.recipe import RECIPES
from mrcnn_lite.engine.train import train
from mrcnn_lite.experiments.demo import NUM_HELD_OUT
from mrcnn_lite.experiments.results import gain
from mrcnn_lite.files import make_folder, write_atomically
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
        found = {kind: numbers["AP"] for kind, numbers in metrics.items()}
        with write_atomically(file) as temporary:
            temporary.write_text(
                json.dumps({**found, "train_seconds": round(seconds, 1)}), encoding="utf-8"
            )
    return json.loads(file.read_text("utf-8"))


def as_markdown(found: dict[str, list[dict]], steps: int) -> str:
    seeds = len(found["float32"])
    lines = [
        "# Training in bf16",
        "",
        f"`python benchmarks/bf16_training.py`: the run of `make demo` ({steps} steps, from random "
        f"weights) in float32 and under bf16 autocast, {seeds} seeds, measured on {NUM_HELD_OUT} "
        f"held-out scenes (torch {torch.__version__}). Mean ± standard deviation; the difference "
        "seed by seed, with an interval of 95 %.",
        "",
        "| | float32 | bf16 | difference |",
        "|---|---|---|---|",
    ]
    for kind, name in (("segm", "mask AP"), ("bbox", "box AP")):
        float32, bf16 = ([run[kind] for run in found[precision]] for precision in PRECISIONS)
        cells = [
            f"{statistics.fmean(values):.4f} ± {statistics.stdev(values):.4f}"
            for values in (float32, bf16)
        ]
        difference = gain(bf16, float32)
        low, mean, high = (
            statistics.fmean(float32) * difference[part] for part in ("low", "gain", "high")
        )
        lines.append(f"| {name} | {' | '.join(cells)} | {mean:+.4f} ({low:+.4f} to {high:+.4f}) |")
    return "\n".join([*lines, ""])


def main() -> None:
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
        found = {
            precision: [waiting[seed, precision].result() for seed in range(options.seeds)]
            for precision in PRECISIONS
        }
    text = as_markdown(found, options.steps)
    print(text)
    for suffix, content in ((".md", text), (".json", json.dumps(found, indent=1) + "\n")):
        with write_atomically(options.output / f"bf16_training{suffix}") as temporary:
            temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
