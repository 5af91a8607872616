"""One model, one seed: start from a classifier's trunk, train, measure, and keep what came out."""

import contextlib
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.evaluate import collect_results, kinds_of, score_results
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.engine.run_folder import CONFIG_NAME
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments.overlap import count_separated_pairs, score_by_overlap
from mrcnn_lite.experiments.pretrain import pretrain, start_from_classifier
from mrcnn_lite.experiments.tables import MODELS
from mrcnn_lite.files import make_folder, write_text
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.build import METHODS
from mrcnn_lite.models.fcn import FCN

RESULT_NAME = "result.json"
LOG_NAME = "log.txt"


@dataclass(frozen=True)
class Run:
    """What to train, and where.

    Attributes:
        model: a key of `MODELS`.
        seed: of the first weights, the scenes and all draws; held-out scenes are always the same.
        steps: of training; the classifier that it starts from is trained for `classifier_steps`.
        held_out: scenes to measure on.
        folder: of all runs.
    """

    model: str
    seed: int
    steps: int
    classifier_steps: int
    held_out: int
    folder: Path

    @property
    def path(self) -> Path:
        """The run's own folder; one for each number of steps, so that none is mixed up."""
        return self.folder / f"{self.steps}-steps" / self.model / f"seed-{self.seed}"

    @property
    def classifier(self) -> Path:
        """The file of the trunk that the run starts from."""
        backbone = MODELS[self.model].settings.get("backbone", "mini")
        name = f"{backbone}-seed-{self.seed}.safetensors"
        return self.folder / "classifiers" / f"{self.classifier_steps}-steps" / name

    def describe(self) -> dict[str, Any]:
        """Say what the model is, as result.json keeps it."""
        return json.loads(json.dumps(asdict(MODELS[self.model])))

    def result(self) -> dict[str, Any] | None:
        """What the run gave; None if it has not come to its end."""
        path = self.path / RESULT_NAME
        if not path.exists():
            return None
        try:
            result = json.loads(path.read_text("utf-8"))
            settings = result["settings"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{path} is no run's; choose another folder for the runs") from error
        if settings != self.describe():
            raise InputError(
                f"{self.path} was trained with other settings than {self.model} has now; "
                "choose another folder for the runs"
            )
        return result


def train_classifier_of(run: Run, device: str) -> None:
    """Train the classifier that the run starts from, unless it is there."""
    backbone = MODELS[run.model].settings.get("backbone", "mini")
    pretrain(backbone, run.seed, torch.device(device), run.classifier, run.classifier_steps)


def train_and_measure(run: Run, device: str) -> None:
    """Train (or go on training), measure on held-out scenes, and write result.json."""
    scenes = _scenes(run, run.steps * TrainConfig.batch_size, 2 * run.seed)
    held_out = _scenes(run, run.held_out, HELD_OUT_SEED)
    torch.manual_seed(run.seed)
    detector = build_model(run, scenes.num_classes).to(device)
    config = TrainConfig(steps=run.steps, warmup_steps=min(100, run.steps // 4), seed=run.seed)
    seconds = train(detector, scenes, config, run.path, resume=True)
    metrics = measure(detector, held_out)
    described = json.loads((run.path / CONFIG_NAME).read_text("utf-8"))
    result = {
        "model": run.model,
        "seed": run.seed,
        "settings": run.describe(),
        "training": {"steps": run.steps, "batch_size": config.batch_size, "held_out": run.held_out},
        "metrics": metrics,
        "seconds": round(seconds, 1),
        **{name: described[name] for name in ("device", "threads", "platform", "versions")},
        "commit": (described["git"] or {}).get("commit"),
    }
    write_text(run.path / RESULT_NAME, json.dumps(result, indent=2) + "\n")


def measure(detector: MaskRCNN | FCN, held_out: ShapesDataset) -> dict[str, Any]:
    """Measure AP of boxes and masks (see `evaluate`), on crowded scenes also by overlap.

    Returns:
        "bbox", "segm"; and of crowded scenes "overlap" (see `score_by_overlap`) and "pairs" (see
        `count_separated_pairs`).
    """
    results = collect_results(detector, held_out, TrainConfig.batch_size)
    metrics: dict[str, Any] = score_results(held_out.coco, results, kinds=kinds_of(detector))
    if held_out.crowded:
        metrics["overlap"] = score_by_overlap(held_out.coco, results)
        metrics["pairs"] = count_separated_pairs(held_out.coco, results)
    return metrics


def build_model(run: Run, num_classes: int) -> MaskRCNN | FCN:
    """Build the run's model with its first weights."""
    model = MODELS[run.model]
    detector = METHODS[model.method](model.config(num_classes))
    start_from_classifier(detector, run.classifier)
    return detector


def in_own_process(work: Callable[[Any, str], None], run: Any, device: str, log: Path) -> None:
    """Do one piece of work, as all that a process does, with its output in a file of its own.

    Args:
        work: takes the run and the device.
        run: of the kind that `work` takes; each experiment has its own.
        device: its name.
        log: the file.
    """
    # Processes share the cores out among themselves; more threads would get in each other's way.
    torch.set_num_threads(1)
    make_folder(log.parent)
    with (
        open(log, "a", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        try:
            work(run, device)
        except InputError as error:
            print(error)
            sys.exit(1)
        except KeyboardInterrupt as stopped:
            print(stopped)
            sys.exit(getattr(stopped, "status", 1))
        except Exception:
            # Where the caller is told to look, and not between its progress bars.
            traceback.print_exc()
            sys.exit(1)


def _scenes(run: Run, number: int, seed: int) -> ShapesDataset:
    model = MODELS[run.model]
    return ShapesDataset(number, seed, model.image_size, model.crowded)
