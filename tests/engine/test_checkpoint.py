import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import (
    last_good_checkpoint,
    load_checkpoint,
    load_model,
    save_checkpoint,
    save_weights,
)
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import SHIPPED_WEIGHTS
from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.models.build import METHODS

CATEGORIES = {1: "circle", 2: "square"}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return mask_rcnn(mini_config(3)).eval()


def same_weights(model, other, tolerance=0.0) -> bool:
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(
        torch.allclose(a.float(), b.float(), atol=tolerance, rtol=tolerance) for a, b in pairs
    )


def test_checkpoint_comes_back(model, tmp_path):
    save_checkpoint(tmp_path / "checkpoint-0000007.pt", model, CATEGORIES, {"step": 7})
    for path in (tmp_path, tmp_path / "checkpoint-0000007.pt"):
        loaded = load_model(path)
        assert loaded.model.config == model.config
        assert loaded.categories == CATEGORIES
        assert same_weights(model, loaded.model)
        assert not loaded.model.training
    assert load_checkpoint(tmp_path)["training"] == {"step": 7}
    assert os.listdir(tmp_path) == ["checkpoint-0000007.pt"]


def test_weights_come_back_in_half_precision(model, tmp_path):
    path = tmp_path / "mini.safetensors"
    save_weights(path, model, CATEGORIES)
    loaded = load_model(path)
    assert loaded.categories == CATEGORIES
    assert same_weights(model, loaded.model, tolerance=1e-3)
    assert path.stat().st_size < 4e6
    other = tmp_path / "other"
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


def test_the_names_of_keypoints_come_back(tmp_path):
    """In the model's order: which of them change places in a mirror follows from their names."""
    model, names = mask_rcnn(mini_config(3, num_keypoints=2)), ("left tip", "right tip")
    save_checkpoint(tmp_path / "checkpoint.pt", model, CATEGORIES, {}, names)
    save_weights(tmp_path / "weights.safetensors", model, CATEGORIES, names)
    for name in ("checkpoint.pt", "weights.safetensors"):
        assert load_model(tmp_path / name).keypoint_names == names


def test_what_was_saved_without_names_of_keypoints_is_read(model, tmp_path):
    save_checkpoint(tmp_path / "checkpoint.pt", model, CATEGORIES, {})
    assert load_model(tmp_path / "checkpoint.pt").keypoint_names == ()
    assert load_model(SHIPPED_WEIGHTS).keypoint_names == ()


def test_a_run_stores_its_keypoints_names(tmp_path):
    scenes = ShapesDataset(2, seed=0, image_size=64, keypoints=True)
    model = mask_rcnn(mini_config(7, num_keypoints=5, min_size=64))
    train(model, scenes, TrainConfig(steps=1, batch_size=2, warmup_steps=0), tmp_path)
    assert load_model(tmp_path).keypoint_names == scenes.keypoint_names


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["checkpoint-0000007.pt", "weights.safetensors"])
def test_a_model_of_another_method_comes_back_as_one(method, name, tmp_path):
    model = METHODS[method](mini_config(3, neck="c4"))
    if name.endswith(".pt"):
        save_checkpoint(tmp_path / name, model, CATEGORIES, {"step": 7})
    else:
        save_weights(tmp_path / name, model, CATEGORIES)
    loaded = load_model(tmp_path / name).model
    assert loaded.method == method
    assert same_weights(model, loaded, tolerance=1e-3)


def test_an_unknown_method_is_named(model, tmp_path):
    path = tmp_path / "checkpoint-0000007.pt"
    save_checkpoint(path, model, CATEGORIES, {"step": 7})
    checkpoint = torch.load(path, weights_only=True)
    for method in ("yolact", ["fcis"]):
        torch.save(checkpoint | {"method": method}, path)
        with pytest.raises(InputError, match="unknown method"):
            load_model(path)
    del checkpoint["method"]
    torch.save(checkpoint, path)
    assert load_model(path).model.method == "mask_rcnn"


def test_failed_write_keeps_the_old_checkpoint(model, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint-0000007.pt"
    save_checkpoint(path, model, CATEGORIES, {"step": 1})

    def tear(_checkpoint, file):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", tear)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(path, model, CATEGORIES, {"step": 2})
    assert load_checkpoint(path)["training"]["step"] == 1
    assert os.listdir(tmp_path) == ["checkpoint-0000007.pt"]


class Bomb:
    """Unpickled without care, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_checkpoint_that_would_run_code_is_refused(tmp_path):
    path, exploded = tmp_path / "checkpoint-0000007.pt", tmp_path / "exploded"
    torch.save({"format": "mrcnn-lite checkpoint 1", "model": Bomb(exploded)}, path)
    with pytest.raises(InputError, match=r"checkpoint-0000007\.pt is refused"):
        load_model(path)
    path.write_bytes(pickle.dumps(Bomb(exploded), protocol=2))
    with pytest.raises(InputError, match=r"checkpoint-0000007\.pt"):
        load_model(path)
    assert not exploded.exists()


def test_unusable_files_are_named(model, tmp_path):
    with pytest.raises(InputError, match="no checkpoint in"):
        load_model(tmp_path)
    path = tmp_path / "checkpoint-0000007.pt"
    save_checkpoint(path, model, CATEGORIES, {})
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(InputError, match=r"checkpoint-0000007\.pt cannot be read"):
        load_model(path)
    path.write_text("hello world, this is a text and no checkpoint", encoding="utf-8")
    with pytest.raises(InputError, match=r"checkpoint-0000007\.pt"):
        load_model(path)
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(InputError, match="not a checkpoint of mrcnn-lite"):
        load_model(path)
    stranger = tmp_path / "stranger.safetensors"
    save_file({"x": torch.zeros(3)}, stranger)
    with pytest.raises(InputError, match="lacks model_config, categories"):
        load_model(stranger)
    stranger.write_bytes(b"not safetensors")
    with pytest.raises(InputError, match=r"stranger\.safetensors"):
        load_model(stranger)


def test_weights_of_another_model_are_refused(model, tmp_path):
    path = tmp_path / "checkpoint-0000007.pt"
    save_checkpoint(path, model, CATEGORIES, {})
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["model_config"]["fpn_channels"] = 32
    torch.save(checkpoint, path)
    with pytest.raises(InputError, match="weights of another model"):
        load_model(path)


@pytest.mark.parametrize("trouble", [OSError(5, "Input/output error"), MemoryError()])
def test_a_passing_trouble_does_not_set_checkpoints_aside(tmp_path, monkeypatch, trouble):
    (tmp_path / "checkpoint-0000010.pt").touch()

    def fails(*_arguments, **_options):
        raise trouble

    monkeypatch.setattr(torch, "load", fails)
    with pytest.raises((InputError, MemoryError)):
        last_good_checkpoint(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000010.pt"]
