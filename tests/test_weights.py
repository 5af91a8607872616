"""The weights that the course ships: small enough, readable by all, and good."""

from pathlib import Path

import pytest

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.files import DATA, SHIPPED_WEIGHTS


def test_shipped_weights_are_small_and_see_unseen_scenes():
    assert Path(__file__).resolve().parents[1] / "data/weights/mini.safetensors" == SHIPPED_WEIGHTS
    assert SHIPPED_WEIGHTS.stat().st_size <= 4_000_000
    loaded = load_model(SHIPPED_WEIGHTS)
    held_out = ShapesDataset(24, seed=HELD_OUT_SEED)
    assert loaded.categories == held_out.categories
    assert evaluate(loaded.model, held_out)["segm"]["AP"] > 0.55


@pytest.mark.parametrize(("name", "method"), [("fcis", "fcis"), ("mask_rcnn_crowded", "mask_rcnn")])
def test_lesson_10s_weights_are_small_and_see_crowds(name, method):
    path = DATA / "weights" / f"{name}.safetensors"
    assert path.stat().st_size <= 4_500_000
    loaded = load_model(path)
    assert loaded.model.method == method
    held_out = ShapesDataset(16, seed=HELD_OUT_SEED, crowded=True)
    assert loaded.categories == held_out.categories
    assert evaluate(loaded.model, held_out)["segm"]["AP"] > 0.1


def test_lesson_15s_weights_are_small_and_find_keypoints():
    path = DATA / "weights" / "mini_keypoints.safetensors"
    assert path.stat().st_size <= 4_500_000
    loaded = load_model(path)
    held_out = ShapesDataset(24, seed=HELD_OUT_SEED, keypoints=True)
    assert loaded.categories == held_out.categories
    assert loaded.keypoint_names == held_out.keypoint_names
    metrics = evaluate(loaded.model, held_out)
    assert metrics["segm"]["AP"] > 0.5
    assert metrics["keypoints"]["AP"] > 0.35
