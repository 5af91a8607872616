"""What `predict` and `export` write is what other programs read."""

import importlib.util
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO

from mrcnn_lite.cli import main
from mrcnn_lite.datasets import ShapesDataset, read_image
from mrcnn_lite.engine.checkpoint import load_model, save_checkpoint
from mrcnn_lite.engine.onnx_file import write_onnx
from mrcnn_lite.files import SHIPPED_WEIGHTS
from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn, mini_config
from mrcnn_lite.models.to_torchvision import to_torchvision

SMALL = {"num_classes": 3, "min_size": 64, "max_size": 96, "rpn_post_nms_top_n_test": 30}
NAMES = {1: "bolt", 2: "nut/washer"}


@pytest.fixture
def pictures(tmp_path) -> list[Path]:
    scenes = ShapesDataset(2, seed=3)
    paths = [tmp_path / "Übung 1" / f"scene {k}.png" for k in range(2)]
    paths[0].parent.mkdir()
    for k, path in enumerate(paths):
        Image.fromarray(scenes.scene(k).image).save(path)
    return paths


@pytest.fixture(scope="module")
def for_torchvision(tmp_path_factory) -> Path:
    """A checkpoint of a model that torchvision has, too."""
    few = {"box_detections_per_img": 4, "box_score_thresh": 0.0}
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("for torchvision")
    return save(folder / "c.pt", mask_rcnn(MaskRCNNConfig(**SMALL, **few)))


def save(path: Path, model) -> Path:
    save_checkpoint(path, model, NAMES, {})
    return path


def predict(pictures: list[Path], *options: object) -> int:
    return main(["predict", *map(str, pictures), *map(str, options)])


def test_json_is_cocos_results_of_the_same_detections(pictures, tmp_path, capsys):
    file = tmp_path / "results.json"
    assert predict(pictures, "--json", file, "--score", "0.3") == 0
    assert not (tmp_path / "runs").exists()
    results = json.loads(file.read_text("utf-8"))
    model = load_model(SHIPPED_WEIGHTS).model
    for number, path in enumerate(pictures, start=1):
        with torch.inference_mode():
            (detections,) = model([read_image(path)])
        count = int((detections["scores"] >= 0.3).sum())
        assert count > 0
        of_this = [result for result in results if result["image_id"] == number]
        assert {result["file_name"] for result in of_this} == {path.name}
        assert [result["score"] for result in of_this] == detections["scores"][:count].tolist()
        for result, box, mask, label in zip(
            of_this, detections["boxes"], detections["masks"], detections["labels"]
        ):
            x, y, width, height = result["bbox"]
            assert [x, y, x + width, y + height] == pytest.approx(box.tolist(), abs=1e-4)
            assert result["category_id"] == int(label)
            assert np.array_equal(rle.decode(result["segmentation"]), mask[0].numpy() > 0.5)
    assert str(file) in capsys.readouterr().out

    truth = COCO()
    truth.dataset = {"images": [{"id": 1}, {"id": 2}], "annotations": [], "categories": []}
    truth.createIndex()
    assert len(truth.loadRes(str(file)).anns) == len(results)


def test_masks_are_one_picture_per_object(pictures, tmp_path, capsys):
    folder, file = tmp_path / "masks", tmp_path / "results.json"
    assert predict(pictures, "--masks", folder, "--json", file) == 0
    results = json.loads(file.read_text("utf-8"))
    names = ShapesDataset(1, seed=0).categories
    expected = {}
    for path in pictures:
        of_this = [result for result in results if result["file_name"] == path.name]
        for k, result in enumerate(of_this, start=1):
            name = names[result["category_id"]].replace(" ", "-")
            expected[f"{path.stem}_{k:02d}_{name}.png"] = rle.decode(result["segmentation"]) * 255
    assert set(os.listdir(folder)) == set(expected)
    for name, pixels in expected.items():
        with Image.open(folder / name) as picture:
            assert picture.mode == "L"
            assert np.array_equal(np.array(picture), pixels)

    assert predict(pictures, "--masks", folder) == 1
    assert "already holds something" in capsys.readouterr().err


def test_names_of_classes_are_made_fit_for_files(pictures, tmp_path):
    torch.manual_seed(0)
    model = mask_rcnn(mini_config(3, box_score_thresh=0.0, box_detections_per_img=3))
    checkpoint = save(tmp_path / "c.pt", model)
    options = ["--checkpoint", checkpoint, "--masks", tmp_path / "m", "--score", "0"]
    assert predict(pictures[:1], *options) == 0
    kinds = {name.split("_", 2)[2] for name in os.listdir(tmp_path / "m")}
    assert kinds <= {"bolt.png", "nut-washer.png"}
    assert len(os.listdir(tmp_path / "m")) == 3


def test_a_model_without_masks_writes_boxes_and_refuses_masks(pictures, tmp_path, capsys):
    checkpoint = save(tmp_path / "boxes.pt", mask_rcnn(mini_config(3, mask_head="none")))
    file = tmp_path / "results.json"
    options = ["--checkpoint", checkpoint, "--score", "0"]
    assert predict(pictures[:1], *options, "--json", file, "--out", tmp_path / "drawn") == 0
    results = json.loads(file.read_text("utf-8"))
    assert results
    assert not any("segmentation" in result for result in results)
    assert os.listdir(tmp_path / "drawn") == ["scene 0_detections.png"]
    assert predict(pictures, *options, "--masks", tmp_path / "masks") == 1
    assert "holds a model without masks" in capsys.readouterr().err


def test_what_is_printed_loads_the_file_into_torchvision(for_torchvision, tmp_path, capsys):
    file = tmp_path / "weights of mine.pth"
    assert main(["export", str(for_torchvision), "--torchvision", str(file)]) == 0
    said, *lines = capsys.readouterr().out.splitlines()
    assert str(file) in said
    scope = {"torch": torch}
    exec("\n".join(line.strip() for line in lines), scope)
    ours = load_model(for_torchvision).model
    name = "roi_heads.mask_predictor.mask_fcn_logits.weight"
    assert torch.equal(scope["model"].state_dict()[name], ours.state_dict()[name])
    assert scope["model"].transform.min_size == (64,)


@pytest.mark.parametrize(
    ("option", "name"), [("--torchvision", "weights.pth"), ("--onnx", "model.onnx")]
)
def test_what_torchvision_has_no_model_for_is_refused(option, name, tmp_path, capsys):
    file = tmp_path / name
    assert main(["export", str(SHIPPED_WEIGHTS), option, str(file)]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "torchvision has no ready-made model with backbone='mini'" in message
    assert os.listdir(tmp_path) == []


def test_export_asks_what_to_write(capsys):
    assert main(["export", str(SHIPPED_WEIGHTS)]) == 1
    assert "--torchvision FILE, --onnx FILE" in capsys.readouterr().err


def test_missing_onnx_is_named(for_torchvision, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mrcnn_lite.engine.onnx_file.find_spec", lambda name: None)
    assert main(["export", str(for_torchvision), "--onnx", str(tmp_path / "x.onnx")]) == 1
    assert "pip install 'mrcnn-lite[export]'" in capsys.readouterr().err


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime")),
    reason="needs the extra export",
)
@pytest.mark.parametrize("masks", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_onnx_runtime_detects_what_torchvision_does_in_pictures_of_any_size(
    masks, for_torchvision, tmp_path
):
    import onnx
    from onnxruntime import InferenceSession

    file = tmp_path / "model.onnx"
    model = load_model(for_torchvision).model
    if masks:
        assert main(["export", str(for_torchvision), "--onnx", str(file)]) == 0
    else:
        model = mask_rcnn(replace(model.config, mask_head="none"))
        assert write_onnx(file, model, NAMES)
    properties = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    assert json.loads(properties["categories"]) == {"1": "bolt", "2": "nut/washer"}
    theirs, session = to_torchvision(model), InferenceSession(str(file))
    names = [output.name for output in session.get_outputs()]
    assert names == ["boxes", "labels", "scores", *(["masks"] if masks else [])]
    for size in ((50, 90), (96, 64)):
        image = torch.rand(3, *size)
        with torch.inference_mode():
            (expected,) = theirs([image])
        for name, values in zip(names, session.run(None, {"image": image.numpy()})):
            found = torch.from_numpy(values)
            torch.testing.assert_close(found, expected[name], rtol=1e-2, atol=1e-2)
