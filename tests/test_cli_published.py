"""Torchvision's published weights from the command line: `--weights coco` and `coco_v2`."""

import hashlib
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import detection

from mrcnn_lite.cli import main, shared_options
from mrcnn_lite.cli import options as options_module
from mrcnn_lite.cli.options import make_model
from mrcnn_lite.cli.parser import make_parser
from mrcnn_lite.engine.checkpoint import save_checkpoint
from mrcnn_lite.models import mask_rcnn, mask_rcnn_resnet50_fpn_v2, mini_config
from mrcnn_lite.models.published import PUBLISHED
from tests.documents.exports import describe, write
from tests.surprise import Surprise

BUILDERS = {
    "coco": detection.maskrcnn_resnet50_fpn,
    "coco_v2": detection.maskrcnn_resnet50_fpn_v2,
}
CAT = 17
QUICK = {"rpn_post_nms_top_n_test": 10, "box_detections_per_img": 2}
SMALL = {"min_size": 64, "max_size": 96, **QUICK}


@pytest.fixture
def photo(tmp_path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (72, 96, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo 1.png")
    return tmp_path / "photo 1.png"


def publish(name: str, value, downloads: Path, monkeypatch) -> Path:
    """Put a file into the cache, and make its checksum the published one; models become small."""
    file = downloads / "published.pth"
    torch.save(value, file)
    named = downloads / f"net-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.pth"
    file.rename(named)
    entry, build = PUBLISHED[name]
    monkeypatch.setattr(entry.value, "url", f"https://example.org/{named.name}")
    monkeypatch.setitem(PUBLISHED, name, (entry, partial(build, **SMALL)))
    return named


def random_weights(name: str) -> dict[str, torch.Tensor]:
    """Torchvision's random weights, to which everything is a cat, in half precision."""
    torch.manual_seed(0)
    model = BUILDERS[name](weights=None, weights_backbone=None).half()
    model.roi_heads.box_predictor.cls_score.bias.data[CAT] = 20
    return model.state_dict()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_photograph_is_drawn_with_the_names_of_cocos_categories(
    name, photo, downloads, monkeypatch, capsys
):
    file = publish(name, random_weights(name), downloads, monkeypatch)
    outputs = ["--out", str(downloads / "drawn"), "--masks", str(downloads / "masks")]
    assert main(["predict", str(photo), "--weights", name, *outputs]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{photo}: 2 objects, drawn in ")
    assert os.listdir(downloads / "drawn") == ["photo 1_detections.png"]
    assert sorted(os.listdir(downloads / "masks")) == [
        "photo 1_01_cat.png",
        "photo 1_02_cat.png",
    ]
    file.unlink()  # tens of megabytes


def test_published_weights_are_measured_on_data_that_name_cocos_categories(
    photo, downloads, monkeypatch, capsys
):
    file = publish("coco", random_weights("coco"), downloads, monkeypatch)
    write(downloads / "own.json", describe([photo.name], {1: "bolt", 4: "cat"}))
    data = ["--annotations", str(downloads / "own.json"), "--images", str(photo.parent)]
    out = downloads / "ap.json"
    with pytest.warns(UserWarning, match="coco never learnt bolt; their AP is 0"):
        assert main(["evaluate", "--weights", "coco", *data, "--out", str(out)]) == 0
    assert set(json.loads(out.read_text("utf-8"))) == {"bbox", "segm"}
    assert main(["evaluate", "--weights", "coco", "--scenes", "2"]) == 1
    said = capsys.readouterr().err
    assert "coco learnt class 1 as person, but in this data set it is" in said
    file.unlink()


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_without_a_network_one_line_says_which_file_to_put_where(
    command, name, photo, downloads, capsys
):
    pictures = [str(photo)] if command == "predict" else []
    assert main([command, *pictures, "--weights", name]) == 1
    # Older releases of PyTorch (2.6 for one) say before it what they are about to download.
    lines = capsys.readouterr().err.splitlines()
    [said] = [line for line in lines if not line.startswith("Downloading: ")]
    url = PUBLISHED[name][0].url
    assert said.startswith(f"mrcnn-lite {command}: ")
    assert f"Fetch {url} on another machine and put it at {downloads / Path(url).name}" in said


def test_another_file_of_that_name_is_refused_in_one_line(photo, downloads, capsys):
    url = PUBLISHED["coco_v2"][0].url
    (downloads / Path(url).name).write_bytes(b"<html>log in</html>")
    assert main(["predict", str(photo), "--weights", "coco_v2"]) == 1
    said = capsys.readouterr().err
    assert "its SHA-256 begins with " in said
    assert said.endswith(f"Delete it, and fetch {url}\n")
    assert said.count("\n") == 1


def test_a_file_that_would_run_code_is_refused_in_one_line(
    photo, downloads, tmp_path, monkeypatch, capsys
):
    ran = tmp_path / "ran"
    publish("coco", Surprise(ran), downloads, monkeypatch)
    assert main(["predict", str(photo), "--weights", "coco"]) == 1
    said = capsys.readouterr().err
    assert "is refused: it holds something else than weights, and loading it could run code" in said
    assert said.count("\n") == 1
    assert not ran.exists()


def test_training_starts_from_the_second_version_with_classes_of_its_own(monkeypatch, capsys):
    torch.manual_seed(0)
    coco = mask_rcnn_resnet50_fpn_v2(num_classes=91).state_dict()
    monkeypatch.setattr(options_module, "fetch_state_dict", lambda _entry: coco)
    command = ["train", "--out", "x", "--model", "resnet50", "--weights", "coco_v2"]
    model = make_model(make_parser().parse_args(command), num_classes=3)
    new = model.state_dict()
    assert "the classes differ from those of coco_v2" in capsys.readouterr().out
    different = {name for name, value in coco.items() if not torch.equal(new[name], value)}
    layers = {name.rpartition(".")[0] for name in different}
    predictors = ("box_predictor.bbox_pred", "box_predictor.cls_score")
    predictors += ("mask_predictor.mask_fcn_logits",)
    assert sorted(layers) == [f"roi_heads.{name}" for name in predictors]
    # Unlike the first version's, its batch norm goes on learning, but for the frozen stages'.
    assert model.backbone.body.layer4[0].bn1.weight.requires_grad
    assert not model.backbone.body.layer1[0].bn1.weight.requires_grad


def test_names_that_can_be_typed_are_those_that_there_are():
    assert tuple(PUBLISHED) == shared_options.PUBLISHED


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate"], "one of the arguments checkpoint --weights is required"),
        (["evaluate", "runs/a", "--weights", "coco"], "not allowed with argument"),
        (["predict", "a.png", "--checkpoint", "b", "--weights", "coco"], "not allowed with"),
        (["predict", "a.png", "--weights", "runs/a"], "invalid choice: 'runs/a'"),
    ],
)
def test_a_model_is_named_once(words, message, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert message in capsys.readouterr().err


def test_the_shipped_model_says_what_it_knows_and_others_do_not(photo, tmp_path, capsys):
    out = ["--json", str(tmp_path / "found.json")]
    assert main(["predict", str(photo), *out]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("the shipped model knows shapes only (circle, ")
    assert first.endswith("; for photographs: --weights coco")
    assert not any("shapes" in line for line in others)
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "own.pt", mask_rcnn(mini_config(2)), {1: "bolt"}, {})
    assert main(["predict", str(photo), "--checkpoint", str(tmp_path / "own.pt"), *out]) == 0
    assert "shapes" not in capsys.readouterr().out
