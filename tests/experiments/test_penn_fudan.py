"""From shapes to people: what a run starts from, what is kept of it, what the page says."""

import json
from pathlib import Path

import pytest
import torch

from mrcnn_lite.datasets import PennFudanDataset, ShapesDataset
from mrcnn_lite.engine.checkpoint import save_checkpoint
from mrcnn_lite.experiments import penn_fudan
from mrcnn_lite.experiments.penn_fudan import (
    OPERATIONS,
    STARTS,
    make_model,
    page_of_penn_fudan,
    plan,
    train_on_people,
    train_on_shapes,
)
from mrcnn_lite.experiments.people import measure_people
from mrcnn_lite.models import mask_rcnn, mini_config
from tests.penn_fudan_folder import write_penn_fudan


@pytest.fixture
def root(tmp_path) -> Path:
    """Seventeen pictures: twelve to train on, five to measure on."""
    return write_penn_fudan(tmp_path / "data", pictures=17)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(penn_fudan, "SIZES", {"min_size": 64, "max_size": 96})


def test_a_plan_has_every_start_and_operation_with_every_seed(tmp_path):
    runs = plan(tmp_path, tmp_path / "runs", seeds=2, steps=7)
    assert len({run.path for run in runs}) == len(runs) == 2 * len(STARTS) * len(OPERATIONS)
    assert len({run.shapes_path for run in runs}) == 2 * len(OPERATIONS)
    assert [run.seed for run in runs] == [0] * 6 + [1] * 6


def test_each_operation_starts_from_its_own_model_of_shapes(tmp_path):
    scenes = ShapesDataset(1, seed=0)
    starts = {}
    for run in plan(tmp_path, tmp_path / "runs", seeds=1, steps=1, shapes_steps=1):
        if run.start == "shapes":
            torch.manual_seed(10 + len(starts))
            shapes = mask_rcnn(mini_config(scenes.num_classes, roi_op=run.roi_op))
            file = run.shapes_path / "checkpoint-0000001.pt"
            file.parent.mkdir(parents=True)
            save_checkpoint(file, shapes, scenes.categories, {})
            starts[run.roi_op] = shapes.state_dict()
    first = "backbone.body.conv1.weight"
    for run in plan(tmp_path, tmp_path / "runs", seeds=1, steps=1, shapes_steps=1):
        model = make_model(run, num_classes=2)
        assert (model.config.roi_op, model.config.min_size) == (run.roi_op, 64)
        equal = torch.equal(model.state_dict()[first], starts[run.roi_op][first])
        assert equal == (run.start == "shapes")


def test_a_run_is_trained_measured_kept_and_not_repeated(root, tmp_path, capsys):
    [run] = [
        run
        for run in plan(root, tmp_path / "runs", seeds=1, steps=1, shapes_steps=1)
        if (run.start, run.roi_op) == ("shapes", "pool")
    ]
    assert run.result() is None
    assert not penn_fudan._has_ended(run)
    train_on_shapes(run, "cpu")
    assert penn_fudan._has_ended(run)
    train_on_people(run, "cpu")
    result = run.result()
    assert (result["pictures"], result["held_out"], result["seed"]) == (12, 5, 0)
    assert set(result["metrics"]) == {"bbox", "segm"}
    assert str(tmp_path) not in json.dumps(result)
    capsys.readouterr()
    penn_fudan.do_runs([run], jobs=1, device="cpu")
    assert capsys.readouterr().out.startswith("1 runs, 1 of them finished")
    # A run that was trained and not measured is measured.
    (run.path / "result.json").unlink()
    train_on_people(run, "cpu")
    assert run.result()["metrics"] == result["metrics"]


def test_the_page_has_means_and_what_align_gains_seed_by_seed():
    runs = []
    for seed in range(2):
        for start in STARTS:
            for roi_op, points in {"align": 40, "warp": 35, "pool": 30}.items():
                value = (points + seed * (roi_op == "pool") + 10 * (start == "shapes")) / 100
                numbers = {name: value for name in ("AP", "AP50", "AP75")}
                runs.append(
                    {
                        **{"start": start, "roi_op": roi_op, "seed": seed, "seconds": 120.0},
                        **{"steps": 3, "shapes_steps": 5, "pictures": 12, "held_out": 5},
                        **{"metrics": {"bbox": numbers, "segm": numbers}, "torch": "2.0"},
                    }
                )
    iou = {"14": 0.9, "28": 0.95, "56": 0.975}
    people = {"number": 9, "height": [90.5, 100.0, 111.0], "cells": [5.0, 6.25, 8.0], "iou": iou}
    page = page_of_penn_fudan({"runs": runs, "people": people})
    assert "| random weights | RoIAlign | 40.0 ± 0.0 |" in page
    assert "| shapes | RoIPool | 40.5 ± 0.7 |" in page
    assert "| shapes | RoIPool | +9.5 ± 0.7 |" in page
    assert "| random weights | RoIWarp | +5.0 ± 0.0 |" in page
    assert "3 steps of 4" in page
    assert "the fastest run took 2 minutes on one core" in page
    assert "The 9 people are 100 pixels high" in page
    assert "cover 6.2 cells of their level (5.0 and 8.0" in page
    assert "14 x 14, 28 x 28, 56 x 56 cells" in page
    assert "of 0.900, 0.950, 0.975" in page


def test_people_are_measured_in_pixels_and_in_cells(root):
    """Each is 10 x 30 pixels in a picture of 40 x 30, enlarged to 85 x 64; level 2 has stride 4."""
    people = measure_people(
        PennFudanDataset(root, image_ids=[1, 2]), mini_config(2, **penn_fudan.SIZES)
    )
    assert people["number"] == 2
    assert people["height"] == [30.0, 30.0, 30.0]
    area = (10 * 64 / 30) * (30 * 85 / 40)
    assert people["cells"][1] == pytest.approx(area**0.5 / 4, rel=0.03)
    # A box filled to its edges loses nothing.
    assert people["iou"] == {"14": 1.0, "28": 1.0, "56": 1.0}
