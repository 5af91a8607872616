"""From shapes to people: `mini` on photographs, with each RoI operation, from two starts.

    python -m mrcnn_lite.experiments.penn_fudan --root data/penn_fudan    # 1.5 hours, two cores

Each model is trained on the 120 pictures of Penn-Fudan's that are to be trained on, and measured on
the other 50. It starts from random weights, or from shapes: a model of the same operation and the
same seed, trained by the demo's recipe. So no operation starts from what another one has learnt,
and what is compared is the way that a reader of the lessons goes: shapes first and then people,
with one operation all along.

Runs that are finished are not repeated, interrupted ones go on. It writes
docs/results/penn_fudan.md and .json; no picture leaves the data set's folder.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mrcnn_lite.datasets import PennFudanDataset, ShapesDataset
from mrcnn_lite.engine.checkpoint import checkpoints_in, load_model
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.interrupt import StoppedBySignal
from mrcnn_lite.engine.recipe import RECIPES, TrainConfig, scale_recipe
from mrcnn_lite.engine.start_weights import start_from
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments.ablate import do_side_by_side
from mrcnn_lite.experiments.one_run import LOG_NAME, RESULT_NAME
from mrcnn_lite.experiments.pages import markdown_table, mean_and_deviation, write_page
from mrcnn_lite.experiments.people import measure_people
from mrcnn_lite.files import write_text
from mrcnn_lite.models import MaskRCNN, mask_rcnn, mini_config

OPERATIONS = {"align": "RoIAlign", "warp": "RoIWarp", "pool": "RoIPool"}
STARTS = ("random weights", "shapes")
SEEDS, STEPS = 3, 300
BATCH_SIZE = 4
# A photograph's longer side is some 500 pixels.
SIZES = {"min_size": 192, "max_size": 320}
# What is shown: the kind of AP, and how it is called.
MEASURES = {
    ("bbox", "AP"): "box AP",
    ("segm", "AP"): "mask AP",
    ("segm", "AP50"): "mask AP50",
    ("segm", "AP75"): "mask AP75",
}


@dataclass(frozen=True)
class Run:
    """What to train, and where.

    Attributes:
        start: one of `STARTS`.
        roi_op: a key of `OPERATIONS`.
        seed: of the first weights and all draws. The pictures are the same.
        steps: of training on people.
        shapes_steps: of training on shapes before that, if it starts there.
        root: where Penn-Fudan is.
        folder: of all runs.
    """

    start: str
    roi_op: str
    seed: int
    steps: int
    shapes_steps: int
    root: Path
    folder: Path

    @property
    def path(self) -> Path:
        """The run's own folder; one for each number of steps, so that none is mixed up."""
        start = f"shapes-{self.shapes_steps}" if self.start == "shapes" else "random"
        return self.folder / f"{self.steps}-steps" / f"{self.roi_op}-{start}" / f"seed-{self.seed}"

    @property
    def shapes_path(self) -> Path:
        """The folder of the run on shapes that it starts from."""
        name = f"{self.roi_op}-{self.shapes_steps}-steps"
        return self.folder / "shapes" / name / f"seed-{self.seed}"

    def result(self) -> dict[str, Any] | None:
        """What the run gave; None if it has not come to its end."""
        file = self.path / RESULT_NAME
        return json.loads(file.read_text("utf-8")) if file.exists() else None


def train_on_shapes(run: Run, device: str) -> None:
    """Train (or go on training) the model that a run starts from: the demo's recipe."""
    config = _shorten(RECIPES["mini"], run.shapes_steps, run.seed)
    scenes = ShapesDataset(config.steps * config.batch_size, seed=2 * run.seed)
    torch.manual_seed(run.seed)
    model = mask_rcnn(mini_config(scenes.num_classes, roi_op=run.roi_op)).to(device)
    train(model, scenes, config, run.shapes_path, resume=True)


def train_on_people(run: Run, device: str) -> None:
    """Train (or go on training) on people, measure on those held out, and write result.json."""
    pictures, held_out = (PennFudanDataset(run.root, split=name) for name in ("train", "test"))
    config = _shorten(scale_recipe(RECIPES["mini"], BATCH_SIZE), run.steps, run.seed)
    model = make_model(run, pictures.num_classes).to(device)
    seconds = train(model, pictures, config, run.path, resume=True)
    metrics = evaluate(model, held_out)
    result = {
        **{name: value for name, value in asdict(run).items() if not isinstance(value, Path)},
        "pictures": len(pictures),
        "held_out": len(held_out),
        "metrics": metrics,
        "seconds": round(seconds, 1),
        "torch": torch.__version__,
    }
    write_text(run.path / RESULT_NAME, json.dumps(result, indent=1) + "\n")


def make_model(run: Run, num_classes: int) -> MaskRCNN:
    """Make the run's model with its first weights."""
    torch.manual_seed(run.seed)
    model = mask_rcnn(mini_config(num_classes, roi_op=run.roi_op, **SIZES))
    if run.start == "shapes":
        start_from(model, load_model(run.shapes_path).model.state_dict())
    return model


def plan(
    root: Path,
    folder: Path,
    seeds: int = SEEDS,
    steps: int = STEPS,
    shapes_steps: int | None = None,
) -> list[Run]:
    """List all runs, seed by seed, so that an unfinished page is a fair one."""
    shapes_steps = shapes_steps or RECIPES["mini"].steps
    return [
        Run(start, roi_op, seed, steps, shapes_steps, root, folder)
        for seed in range(seeds)
        for start in STARTS
        for roi_op in OPERATIONS
    ]


def do_runs(runs: list[Run], jobs: int, device: str) -> None:
    """Train and measure what is missing, some runs at a time, each with its log in its folder."""
    missing = [run for run in runs if run.result() is None]
    starts = [run for run in missing if run.start == "shapes" and not _has_ended(run)]
    print(f"{len(runs)} runs, {len(runs) - len(missing)} of them finished; {jobs} at a time")
    for name, work, chosen, path in (
        ("shapes to start from", train_on_shapes, starts, "shapes_path"),
        ("runs on people", train_on_people, missing, "path"),
    ):
        todo = [(work, run, getattr(run, path) / LOG_NAME) for run in chosen]
        do_side_by_side(todo, [device] * jobs, name)


def page_of_penn_fudan(result: dict[str, Any]) -> str:
    """Write the page: a row for each start and operation, and what RoIAlign gains."""
    runs = result["runs"]
    first = runs[0]
    seeds = len({run["seed"] for run in runs})
    rows, gains = [], []
    for start in STARTS:
        for roi_op, name in OPERATIONS.items():
            cells = (values_of(runs, start, roi_op, *kind) for kind in MEASURES)
            rows.append([start, name, *map(mean_and_deviation, cells)])
            if roi_op != "align":
                over = (gains_over(runs, start, roi_op, *kind) for kind in MEASURES)
                gains.append([start, name, *(mean_and_deviation(gain, "+.1f") for gain in over)])
    minutes = min(run["seconds"] for run in runs) / 60
    people = result["people"]
    tall, wide = (
        [f"{value:.{digits}f}" for value in people[key]]
        for key, digits in (("height", 0), ("cells", 1))
    )
    lines = [
        "# From shapes to people: RoI operations on photographs",
        "",
        f"`python -m mrcnn_lite.experiments.penn_fudan`, torch {first['torch']}. `mini` on "
        f"{first['pictures']} of Penn-Fudan's pictures, {first['steps']} steps of {BATCH_SIZE}, "
        f"shorter side {SIZES['min_size']} pixels; the fastest run took {minutes:.0f} minutes on "
        f"one core. Measured on the {first['held_out']} pictures that are held out. AP in percent, "
        f"mean ± standard deviation over {seeds} seeds.",
        "",
        "It starts from random weights, or from shapes: a model of the same operation and seed "
        f"after {first['shapes_steps']} steps on Shapes, so that no operation starts from what "
        "another one has learnt. The layers with an output per class start anew.",
        "",
        markdown_table(["start", "", *MEASURES.values()], rows),
        "",
        "What RoIAlign gains over the others, in points, seed by seed:",
        "",
        markdown_table(["start", "over", *MEASURES.values()], gains),
        "",
        f"The {people['number']} people are {tall[1]} pixels high (median; quartiles {tall[0]} and "
        f"{tall[2]}), and after resizing cover {wide[1]} cells of their level ({wide[0]} and "
        f"{wide[2]}; root of the mask's area over the stride). A true mask that is seen as "
        + ", ".join(f"{size} x {size}" for size in people["iou"])
        + " cells and pasted back has an IoU with itself of "
        + ", ".join(f"{iou:.3f}" for iou in people["iou"].values())
        + ", mean over all people.",
    ]
    return "\n".join(lines) + "\n"


def values_of(
    runs: Iterable[dict[str, Any]], start: str, roi_op: str, kind: str, name: str
) -> list[float]:
    """List an AP in percent, seed by seed."""
    chosen = [run for run in runs if (run["start"], run["roi_op"]) == (start, roi_op)]
    return [100 * run["metrics"][kind][name] for run in sorted(chosen, key=lambda r: r["seed"])]


def gains_over(
    runs: Iterable[dict[str, Any]], start: str, roi_op: str, kind: str, name: str
) -> list[float]:
    """List by how many points RoIAlign is better than another operation, seed by seed."""
    align, other = (values_of(runs, start, one, kind, name) for one in ("align", roi_op))
    return [a - b for a, b in zip(align, other, strict=True)]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path("data/penn_fudan"), help="the data set")
    parser.add_argument("--runs", type=Path, default=Path("runs/penn_fudan"), help="single runs")
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--shapes-steps", type=int, help="default: the demo's")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, one core each")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    runs = plan(options.root, options.runs, options.seeds, options.steps, options.shapes_steps)
    try:
        # Before an hour's work on shapes, not after it.
        pictures = PennFudanDataset(options.root)
        do_runs(runs, options.jobs, options.device)
    except (InputError, FileNotFoundError, StoppedBySignal) as error:
        sys.exit(f"penn_fudan: {error}")
    config = mini_config(pictures.num_classes, **SIZES)
    result = {"runs": [run.result() for run in runs], "people": measure_people(pictures, config)}
    text = page_of_penn_fudan(result)
    print(text)
    write_page(options.output, "penn_fudan", result, text)


def _shorten(recipe: TrainConfig, steps: int, seed: int) -> TrainConfig:
    warmup_steps = min(recipe.warmup_steps, steps // 4)
    return replace(recipe, steps=steps, warmup_steps=warmup_steps, seed=seed)


def _has_ended(run: Run) -> bool:
    """Whether the training on shapes that a run starts from has come to its end."""
    if not run.shapes_path.is_dir():
        return False
    checkpoints = checkpoints_in(run.shapes_path)
    return bool(checkpoints) and checkpoints[0].stem.endswith(f"-{run.shapes_steps:07d}")


if __name__ == "__main__":
    main()
