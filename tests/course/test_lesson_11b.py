"""Lesson 11b where all is there: photographs, lesson 11's training, COCO's weights.

As committed it ran without any of them, and `make test-notebooks` compares that. Here every cell
runs with stand-ins: a few small pictures, two steps, and torchvision's random weights under the
published name.
"""

import hashlib
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights, maskrcnn_resnet50_fpn

from mrcnn_lite import check
from mrcnn_lite.course.assembly import assemble, package_names
from mrcnn_lite.engine.checkpoint import save_checkpoint
from mrcnn_lite.experiments import committed
from mrcnn_lite.experiments.penn_fudan import OPERATIONS, STARTS
from mrcnn_lite.files import RESULTS
from mrcnn_lite.models import mini_config
from tests.course.lesson import LESSONS
from tests.course.test_assembly import NAMES
from tests.penn_fudan_folder import write_penn_fudan

pytestmark = pytest.mark.once

LESSON = next(lesson for lesson in LESSONS if lesson.number == "11b")
SOURCES = {cell.id: cell.source for cell in LESSON.code_cells}
# What takes long, and what only good models and true photographs hold to; each stands once.
SHORTENED = {
    "STEPS = 300": "STEPS = 2",
    "min_size=192, max_size=320": "min_size=64, max_size=96",
    '"min_size": 320, "max_size": 533': '"min_size": 96, "max_size": 128',
    '["segm"]["AP50"] > 0.4': '["segm"]["AP50"] >= 0',
    "assert abs(statistics.median(sizes) - median) < 0.1": "assert len(sizes) == 17",
}
CAT = 17


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """The committed results, with made-up ones of photographs."""
    folder = tmp_path / "results"
    folder.mkdir()
    for name in ("cells", "alignment"):
        (folder / f"{name}.json").write_bytes((RESULTS / f"{name}.json").read_bytes())
    runs = [
        {
            **{"start": start, "roi_op": roi_op, "seed": seed, "steps": 3},
            "metrics": {
                kind: dict.fromkeys(("AP", "AP50", "AP75"), ap) for kind in ("bbox", "segm")
            },
        }
        for seed in range(2)
        for start, base in zip(STARTS, (0.2, 0.3))
        for roi_op, loss in zip(OPERATIONS, (0, 0.02, 0.04))
        for ap in [base - loss + 0.01 * seed * (roi_op != "warp")]
    ]
    people = {"number": 17, "height": [29.0, 30.0, 31.0], "cells": [6.0, 7.0, 8.0]}
    people["iou"] = {"14": 0.9, "28": 0.95, "56": 0.98}
    made_up = json.dumps({"runs": runs, "people": people})
    (folder / "penn_fudan.json").write_text(made_up, encoding="utf-8")
    monkeypatch.setattr(committed, "RESULTS", folder)
    return folder


@pytest.fixture
def coco_weights(downloads, monkeypatch):
    """torchvision's random weights, to which everything is a cat, in half precision."""
    torch.manual_seed(0)
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None).half()
    model.roi_heads.box_predictor.cls_score.bias.data[CAT] = 20
    file = downloads / "published.pth"
    torch.save(model.state_dict(), file)
    named = downloads / f"net-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.pth"
    file.rename(named)
    entry = MaskRCNN_ResNet50_FPN_Weights.COCO_V1
    monkeypatch.setattr(entry.value, "url", f"https://example.org/{named.name}")
    yield named
    named.unlink()  # tens of megabytes


def shortened() -> dict[str, str]:
    sources = dict(SOURCES)
    for long, short in SHORTENED.items():
        [name] = [name for name, source in sources.items() if long in source]
        assert sources[name].count(long) == 1
        sources[name] = sources[name].replace(long, short)
    return sources


def shapes_model():
    """What lesson 11 leaves behind, whatever it has learnt."""
    pieces = {name: check.EXERCISES[name].reference for name in NAMES}
    return assemble(pieces, mini_config(7, box_batch_size_per_image=16), seed=7)


def test_every_cell_runs_with_photographs_and_weights(
    tmp_path, monkeypatch, capsys, results, coco_weights
):
    write_penn_fudan(tmp_path / "data", pictures=17)
    monkeypatch.setenv("MRCNN_LITE_PENN_FUDAN", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", plt.close)
    shapes = shapes_model()
    kept = tmp_path / "runs" / "lesson_11"
    kept.mkdir(parents=True)
    save_checkpoint(kept / "checkpoint-0000800.pt", shapes, {}, {})
    namespace: dict = {}
    printed = {}
    for name, source in shortened().items():
        exec(compile(source, name, "exec"), namespace)
        printed[name] = capsys.readouterr().out

    assert printed["pictures"] == "17 pictures\n"
    assert printed["start"].startswith("it starts from shapes; that training was yours\n")
    trunk = "backbone.body.conv1.weight"
    assert torch.equal(namespace["before"].state_dict()[trunk], shapes.state_dict()[trunk])
    assert "2 steps in" in printed["train"]
    after = package_names(namespace["model"].state_dict())
    assert not torch.equal(after[trunk], shapes.state_dict()[trunk])
    assert len(namespace["training"]) == 12
    assert re.match(r"held out +box AP50 .*\ntrained on box AP50 ", printed["measured"])
    assert "cat: 1.00" in printed["coco-detections"]
    first = printed["same-detections"].splitlines()[0]
    assert re.fullmatch(r"(\d+) detections by its own modules, \1 by your pieces", first)
    assert not first.startswith("0 ")
    # The same cell again only loads what was trained.
    exec(shortened()["train"], namespace)
    again = package_names(namespace["model"].state_dict())
    assert all(torch.equal(value, again[name]) for name, value in after.items())


def test_no_picture_of_the_photographs_is_committed():
    """Their owners ask for that: cells that show them have no picture as an output."""
    showing = [cell for cell in LESSON.code_cells if re.search(r"^if pictures:", cell.source, re.M)]
    assert len(showing) >= 5
    for cell in showing:
        for output in cell.outputs:
            assert "image/png" not in output.get("data", {}), cell.id
    assert "no Penn-Fudan here" in "".join(
        output.get("text", "")
        for cell in LESSON.code_cells
        if cell.id == "pictures"
        for output in cell.outputs
    )
