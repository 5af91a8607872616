"""What a run leaves behind beside its checkpoints: its configuration and its numbers."""

import contextlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torchvision

from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.checkpoint import checkpoints_in
from mrcnn_lite.engine.lock import LOCK_NAME
from mrcnn_lite.engine.state import TrainingState
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import naming_what_is_written, remove_leftovers, write_text

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

CONFIG_NAME = "config.json"
METRICS_NAME = "metrics.jsonl"
EVALUATIONS_NAME = "evaluations.jsonl"
PACKAGES = ("mrcnn-lite", "numpy", "pycocotools")
# What the configuration of a run has had from the first version on.
CONFIG_PARTS = {"command", "model", "training", "data", "versions"}


def refuse_strangers(
    folder: Path, names: Sequence[str] = (CONFIG_NAME, METRICS_NAME, EVALUATIONS_NAME)
) -> None:
    """Make sure that no file which a run writes, adds to or shortens is somebody else's.

    A folder's files of these names are a run's if config.json is, or if there is none and there are
    checkpoints. Files of other names do not matter; a run leaves them alone.

    Args:
        folder: where a run is to begin or to go on.
        names: what will be written there.

    Raises:
        InputError: one of the files is there and no run's.
    """
    # Listed first: a run that begins meanwhile writes its config.json before the others.
    there = [folder / name for name in names if os.path.lexists(folder / name)]
    config = folder / CONFIG_NAME
    is_a_runs = _is_of_a_run(config) if os.path.lexists(config) else bool(checkpoints_in(folder))
    if there and not is_a_runs:
        raise InputError(
            f"{there[0]} is there already, and no run has written it: choose another folder"
        )


class RunFolder:
    """The files of a run, written by the first of its processes, which has locked the folder.

    config.json says what was asked for and where it ran; metrics.jsonl holds one record per step,
    evaluations.jsonl one per evaluation; events.* are TensorBoard's.
    """

    def __init__(self, path: Path, state: TrainingState):
        self.path = path
        self.writes = distributed.is_first()
        self.tensorboard = None
        if not self.writes:
            return
        remove_leftovers(path)
        if state.config.tensorboard:
            self.tensorboard = _open_tensorboard(path, state.step)
        write_text(path / CONFIG_NAME, json.dumps(describe_run(state), indent=2) + "\n")
        for name in (METRICS_NAME, EVALUATIONS_NAME):
            _forget_after(path / name, state.step)

    def record(self, record: dict[str, Any]) -> None:
        """Add a step's losses, by name, to the metrics."""
        self._append(METRICS_NAME, record)
        self._draw({f"train/{name}": value for name, value in record.items()}, record["step"])

    def record_evaluation(self, step: int, metrics: dict[str, dict[str, float]]) -> None:
        """Add what an evaluation gave (see `evaluate`)."""
        self._append(EVALUATIONS_NAME, {"step": step, **metrics})
        values = {f"{kind}/{k}": v for kind, numbers in metrics.items() for k, v in numbers.items()}
        self._draw(values, step)

    def was_evaluated(self, step: int) -> bool:
        """Say, the same in every process, whether step `step` has been evaluated already."""
        evaluated = self.writes and any(
            record["step"] == step for record in _read(self.path / EVALUATIONS_NAME)
        )
        return distributed.any_of(evaluated)

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *_error: object) -> None:
        if self.tensorboard is not None:
            with naming_what_is_written(self.path):
                self.tensorboard.close()

    def _append(self, name: str, record: dict[str, Any]) -> None:
        if self.writes:
            path = self.path / name
            with (
                naming_what_is_written(path),
                open(path, "a", encoding="utf-8", newline="\n") as file,
            ):
                file.write(json.dumps(record) + "\n")

    def _draw(self, values: dict[str, float], step: int) -> None:
        if self.tensorboard is not None:
            with naming_what_is_written(self.path):
                for name, value in values.items():
                    self.tensorboard.add_scalar(name, value, step)


def describe_run(state: TrainingState) -> dict[str, Any]:
    """Put together all that somebody would need to know to repeat a run."""
    kind = state.device.type
    device = torch.cuda.get_device_name(state.device) if kind == "cuda" else kind
    return {
        "command": sys.argv,
        "resumed_from_step": state.step,
        "model": asdict(state.model.config),
        "training": asdict(state.config),
        "data": state.describe_data(),
        "processes": distributed.num_processes(),
        "images_per_pass": state.micro_batch_size,
        "device": device,
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "git": _git_state(),
        "versions": {
            "python": platform.python_version(),
            # Unlike the packages' metadata, these say for which CUDA they were built.
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            **{name: _version(name) for name in PACKAGES},
        },
    }


def files_of_a_run(folder: Path) -> list[Path]:
    """List what a run has left in its folder; whatever else is there is somebody else's."""
    names = {CONFIG_NAME, METRICS_NAME, EVALUATIONS_NAME, LOCK_NAME}
    patterns = (
        "checkpoint-*.damaged",
        "not-finite-*.pt",
        "not-finite-*.json",
        "events.out.tfevents.*",
    )
    return [
        *checkpoints_in(folder),
        *(folder / name for name in sorted(names) if (folder / name).is_file()),
        *(path for pattern in patterns for path in sorted(folder.glob(pattern))),
    ]


def _is_of_a_run(config: Path) -> bool:
    """Say whether a file is one that `describe_run` has been written to."""
    try:
        described = json.loads(config.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(described, dict) and described.keys() >= CONFIG_PARTS


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_state() -> dict[str, Any] | None:
    """The package's commit, and whether its files differ from it; None outside its repository."""
    here = Path(__file__).parent
    commands = (
        # Fails where the package is installed inside somebody else's repository.
        ["ls-files", "--error-unmatch", "--", Path(__file__).name],
        ["rev-parse", "HEAD"],
        ["status", "--porcelain", "--", here],
    )
    try:
        _, commit, changes = (
            subprocess.run(
                ["git", *arguments], cwd=here, capture_output=True, encoding="utf-8", check=True
            ).stdout.strip()
            for arguments in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit, "changed_files": changes.splitlines()}


def _open_tensorboard(path: Path, step: int) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "TensorBoard is not installed, so --tensorboard has nobody to write for: "
            "pip install 'mrcnn-lite[tensorboard]', or leave the option out"
        ) from error
    return SummaryWriter(path, purge_step=step + 1)


def _read(file: Path) -> list[dict[str, Any]]:
    records = []
    if file.exists():
        for line in file.read_text("utf-8").splitlines():
            # A crash may have torn a line.
            with contextlib.suppress(json.JSONDecodeError):
                records.append(json.loads(line))
    return records


def _forget_after(file: Path, step: int) -> None:
    """Drop the records of steps that the checkpoint does not hold; they will be made again."""
    if file.exists():
        kept = [record for record in _read(file) if record["step"] <= step]
        write_text(file, "".join(json.dumps(record) + "\n" for record in kept))
