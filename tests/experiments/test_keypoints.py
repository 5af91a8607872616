"""Keypoints with RoIAlign and with RoIPool: what a run is, and what is said of all."""

import json

import pytest
import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.experiments import keypoints
from mrcnn_lite.experiments.keypoints import (
    OPERATIONS,
    measure_distances,
    page_of_keypoints,
    train_and_measure,
)
from mrcnn_lite.models import mask_rcnn, mini_config


def test_a_run_trains_measures_and_is_kept(tmp_path, monkeypatch):
    trained = []

    def train(model, scenes, config, out, resume):
        trained.append((model.config.roi_op, config.seed, scenes.seed, resume))
        out.mkdir(parents=True)
        return 61.0

    def pretrain(backbone, seed, device, file, steps):
        trained.append((seed, steps))

    monkeypatch.setattr(keypoints, "train", train)
    monkeypatch.setattr(keypoints, "pretrain", pretrain)
    monkeypatch.setattr(keypoints, "start_from_classifier", lambda model, file: model.eval())
    monkeypatch.setattr(keypoints, "HELD_OUT", 2)
    result = train_and_measure("RoIPool", 3, tmp_path, steps=7)
    assert trained == [(3, 7), ("pool", 3, 6, True)]
    assert set(result["metrics"]) == {"bbox", "segm", "keypoints"}
    assert 0 <= result["close"] < 1
    assert train_and_measure("RoIPool", 3, tmp_path, steps=7) == result
    assert len(trained) == 2
    assert (tmp_path / "7-steps" / "pool" / "seed-3" / "result.json").exists()


def test_distances_are_those_of_visible_keypoints_in_true_boxes(monkeypatch):
    scenes = ShapesDataset(3, seed=4, keypoints=True)
    model = mask_rcnn(mini_config(7, num_keypoints=5)).eval()
    truth = iter(scenes[i][1]["keypoints"] for i in range(3))

    def off_by_five(logits, boxes):
        return next(truth) + torch.tensor([3.0, -4.0, 0.0]), None

    monkeypatch.setattr(keypoints, "find_keypoints", off_by_five)
    distances = measure_distances(model, scenes)
    visible = [(scenes[i][1]["keypoints"][..., 2] == 2).sum().item() for i in range(3)]
    assert distances.tolist() == pytest.approx([5.0] * sum(visible), abs=1e-4)


def test_the_page_says_what_was_measured():
    def run(seed, ap):
        metrics = {kind: dict.fromkeys(("AP", "AP50", "AP75"), ap) for kind in ("segm", "bbox")}
        metrics["keypoints"] = {"AP": ap, "AP50": 2 * ap, "AP75": ap}
        return {"seed": seed, "seconds": 120.0, "metrics": metrics, "close": ap}

    runs = {
        "RoIAlign": [run(0, 0.4), run(1, 0.44), run(2, 0.48)],
        "RoIPool": [run(0, 0.3), run(1, 0.34), run(2, 0.38)],
    }
    assert runs.keys() == OPERATIONS.keys()
    result = json.loads(json.dumps({"torch": "2.14", "steps": 800, "runs": runs}))
    page = page_of_keypoints(result)
    assert "| RoIAlign | 44.0 ± 4.0 | 88.0 ± 8.0 | 44.0 ± 4.0 |" in page
    assert "| RoIAlign's gain (95 %) | +29 % (+29 to +29) |" in page
    assert page.count("+29 %") == 6
    assert "the fastest took 2.0 minutes on one core" in page
    assert "3 seeds" in page
