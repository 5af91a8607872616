"""What training in bf16 costs in accuracy: the same runs in float32 and under bf16 autocast.

    python benchmarks/bf16_training.py    # some minutes, if the float32 runs are there

The model "fpn" of `mrcnn-lite ablate` with the same seeds, scenes and steps; bf16 also at test. It
writes docs/results/bf16_training.md and .json; runs that are there already are not repeated.
"""

import argparse
import json
import statistics
from pathlib import Path

import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.ablate import CLASSIFIER_STEPS
from mrcnn_lite.engine.demo import HELD_OUT_SEED
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.one_run import (
    Run,
    build_model,
    train_and_measure,
    train_classifier_of,
)
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.engine.results import gain
from mrcnn_lite.engine.train import train
from mrcnn_lite.files import make_folder, write_atomically

STEPS, HELD_OUT = 400, 200


def measure_float32(run: Run) -> dict[str, float]:
    """Take the run of `mrcnn-lite ablate`, or do it: box and mask AP."""
    if run.result() is None:
        train_classifier_of(run, "cpu")
        train_and_measure(run, "cpu")
    return {kind: numbers["AP"] for kind, numbers in run.result()["metrics"].items()}


def measure_bf16(run: Run) -> dict[str, float]:
    """Train the same in bf16, and measure in bf16."""
    folder = make_folder(run.path.with_name(f"{run.path.name}-bf16"))
    file = folder / "result.json"
    if not file.exists():
        scenes = ShapesDataset(run.steps * TrainConfig.batch_size, seed=2 * run.seed)
        torch.manual_seed(run.seed)
        model = build_model(run, scenes.num_classes)
        config = TrainConfig(steps=run.steps, seed=run.seed, precision="bf16")
        train(model, scenes, config, folder, resume=True)
        metrics = evaluate(model, ShapesDataset(HELD_OUT, HELD_OUT_SEED), precision="bf16")
        found = {kind: numbers["AP"] for kind, numbers in metrics.items()}
        with write_atomically(file) as temporary:
            temporary.write_text(json.dumps(found))
    return json.loads(file.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/ablate"))
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = [
        Run("fpn", seed, STEPS, CLASSIFIER_STEPS, HELD_OUT, options.runs)
        for seed in range(options.seeds)
    ]
    found = {
        "float32": [measure_float32(run) for run in runs],
        "bf16": [measure_bf16(run) for run in runs],
    }
    lines = []
    for kind, name in (("segm", "mask AP"), ("bbox", "box AP")):
        values = {precision: [one[kind] for one in found[precision]] for precision in found}
        means = {precision: statistics.fmean(values[precision]) for precision in found}
        cells = [
            f"{means[precision]:.4f} ± {statistics.stdev(values[precision]):.4f}"
            for precision in found
        ]
        difference = gain(values["bf16"], values["float32"])
        scale = means["float32"]
        cells.append(
            f"{scale * difference['gain']:+.4f} ({scale * difference['low']:+.4f} to "
            f"{scale * difference['high']:+.4f})"
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    text = "\n".join(
        [
            "# Training in bf16",
            "",
            f"`python benchmarks/bf16_training.py`: the mini model with FPN, {STEPS} steps of 8 "
            f"scenes of Shapes from a classifier's trunk, {options.seeds} seeds, measured on "
            f"{HELD_OUT} held-out scenes (torch {torch.__version__}). Mean ± standard deviation; "
            "the difference seed by seed, with an interval of 95 %.",
            "",
            "| | float32 | bf16 | difference |",
            "|---|---|---|---|",
            *lines,
            "",
        ]
    )
    print(text)
    for suffix, content in ((".md", text), (".json", json.dumps(found, indent=1) + "\n")):
        with write_atomically(options.output / f"bf16_training{suffix}") as temporary:
            temporary.write_text(content)


if __name__ == "__main__":
    main()
