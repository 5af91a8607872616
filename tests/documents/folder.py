"""The folder in which a reader stands who runs a page's blocks, and the shell they run in."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import torch
import torchvision
from PIL import Image

from mrcnn_lite.course.student import write_edition
from mrcnn_lite.datasets import ShapesDataset, export
from mrcnn_lite.engine.checkpoint import load_model, save_checkpoint
from tests.project import ROOT

# What differs from the page: options appended to a command that would take long as printed.
SHORTENED = {
    "mrcnn-lite demo": "--steps 2",
    "mrcnn-lite shapes": "--scenes 8",
    "mrcnn-lite train": "--steps 1 --batch-size 1 --accumulate 1 --workers 0 --min-size 64",
    # Hours; tests/experiments/test_ablate.py runs tables in miniature.
    "mrcnn-lite ablate": "--help",
    # These very tests.
    "make test": "--dry-run",
}
TRUSTING = Path(__file__).parent / "trusting"
COPIED = ("Makefile", "pyproject.toml", "environment.yml", "data/shapes", "data/weights", "docs")


def make_clone(folder: Path) -> None:
    """Fill a folder as a reader's clone is filled who has done what the pages ask for first.

    That is: COCO at data/coco (here Shapes in its format), a photograph, lesson 10's runs, a
    notebook that was handed in, and an environment in .venv (here of stand-ins, see below).
    """
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    coco = folder / "data" / "coco"
    export(ShapesDataset(4, seed=1), coco, "train2017")
    other = export(ShapesDataset(4, seed=2), folder / "other", "val2017")
    for name in ("val2017", "annotations/instances_val2017.json"):
        (other / name).rename(coco / name)
    shutil.rmtree(other)
    Image.fromarray(ShapesDataset(1, seed=3).scene(0).image).save(folder / "photo.jpg")
    for run, name in (("fcis", "fcis"), ("c4-crowded", "mask_rcnn_crowded")):
        trained = load_model(ROOT / "data" / "weights" / f"{name}.safetensors")
        path = folder / "runs/ablate/1000-steps" / run / "seed-0" / "checkpoint-0001000.pt"
        save_checkpoint(path, trained.model, trained.categories, {})
    trained = load_model(ROOT / "data" / "weights" / "mini_keypoints.safetensors")
    path = folder / "runs/keypoints/600-steps/align/seed-0/checkpoint-0000600.pt"
    save_checkpoint(path, trained.model, trained.categories, {}, trained.keypoint_names)
    _hand_in(folder)
    _stand_in(folder / ".venv" / "bin")
    (folder / ".venv" / "installed").touch()


def _hand_in(folder: Path) -> None:
    """Write handed_in.ipynb: lesson 02 as students get it, up to its first check, not solved."""
    write_edition(folder / "edition")
    notebook = nbformat.read(folder / "edition" / "02_roi_pool.ipynb", as_version=4)
    shutil.rmtree(folder / "edition")
    ids = [cell.id for cell in notebook.cells]
    first = next(i for i, name in enumerate(ids) if name.startswith("check-"))
    notebook.cells = notebook.cells[: first + 1]
    nbformat.write(notebook, folder / "handed_in.ipynb")


def _stand_in(folder: Path) -> None:
    """Put programs into a folder that add a command's `SHORTENED` options and call the real one."""
    folder.mkdir(parents=True)
    python = shlex.quote(sys.executable)
    real = {
        "mrcnn-lite": f"{python} -m mrcnn_lite.cli",
        "torchrun": f"{python} -m torch.distributed.run",
        "jupyter": f"{python} -m jupyter",
        "pytest": f"{python} -m pytest",
        "python": python,
        "make": shutil.which("make"),
    }
    for name, call in real.items():
        cases = [
            f'"{command}") set -- "$@" {options} ;;\n'
            for command, options in SHORTENED.items()
            if command.split()[0] == name
        ]
        case = f'case "{name} $1" in\n{"".join(cases)}esac\n' if cases else ""
        file = folder / name
        file.write_text(f'#!/bin/sh\n{case}exec {call} "$@"\n', encoding="utf-8")
        file.chmod(0o755)


def make_weights(folder: Path) -> None:
    """Fill a TORCH_HOME with random weights under the names of the published ones.

    Their checksums are not the published ones, which `trusting/sitecustomize.py` passes over.
    """
    models = torchvision.models
    published = {
        models.detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1: (
            models.detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        ),
        models.ResNet50_Weights.DEFAULT: models.resnet50(),
    }
    checkpoints = folder / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    for entry, model in published.items():
        torch.save(model.state_dict(), checkpoints / Path(entry.url).name)


def run_block(
    language: str, code: str, folder: Path, torch_home: Path
) -> subprocess.CompletedProcess:
    """Run a block as a reader does who pastes it: line after line in one shell or interpreter."""
    stand_ins = folder / ".venv" / "bin"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(stand_ins), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(map(str, (TRUSTING, ROOT))),
        "TORCH_HOME": str(torch_home),
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        # Nothing may be fetched, so that a block passes or fails alike wherever this runs.
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    }
    shell = language != "python"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", code] if shell else [sys.executable, "-"],
        input="" if shell else code,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
