"""What `mrcnn-lite train` makes of its options: recipe, weights, validation, clusters' warnings."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mrcnn_lite.cli import main
from mrcnn_lite.cli import options as options_module
from mrcnn_lite.cli.options import MODEL_OPTIONS, TRAINING_OPTIONS, make_model, make_train_config
from mrcnn_lite.cli.parser import make_parser
from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import load_checkpoint, save_weights
from mrcnn_lite.engine.recipe import TrainConfig
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import SHIPPED_WEIGHTS
from mrcnn_lite.models import mask_rcnn
from mrcnn_lite.models.build import BACKBONES
from mrcnn_lite.models.config import MaskRCNNConfig

QUICK = ["--steps", "2", "--batch-size", "2", "--min-size", "64"]


def parse(*options: str):
    return make_parser().parse_args(["train", "--out", "x", *options])


def config_of(*options: str, images: int = 1600, validation=None):
    return make_train_config(parse(*options), ShapesDataset(images, seed=0), validation)


@pytest.fixture
def tmp_path(tmp_path):
    """A folder as a course of exercises has it: with a blank and an umlaut."""
    folder = tmp_path / "Übung 1" / "mask r-cnn"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def penn_fudan(tmp_path) -> Path:
    root = tmp_path / "data"
    for name in ("PNGImages", "PedMasks"):
        (root / "PennFudanPed" / name).mkdir(parents=True)
    for number in range(1, 18):
        name = f"PennFudanPed/{{}}/FudanPed{number:05d}{{}}.png"
        pixels = np.zeros((64, 48 + 16 * (number % 2)), np.uint8)
        pixels[10:50, 10:30] = 1
        Image.fromarray(pixels).save(root / name.format("PedMasks", "_mask"))
        Image.fromarray(pixels * 200).convert("RGB").save(root / name.format("PNGImages", ""))
    return root


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_may_be_trained(backbone):
    options = parse("--model", backbone, "--set", "neck=c4")
    with torch.device("meta"):
        model = make_model(options, num_classes=3)
    assert (model.config.backbone, model.config.neck) == (backbone, "c4")
    # Without weights to start from nothing stays frozen.
    assert all(parameter.requires_grad for parameter in model.parameters())
    optimizer = config_of("--model", backbone).optimizer
    assert optimizer == ("adamw" if backbone.startswith("mini") else "sgd")


def test_reference_recipe_is_the_default_of_resnet50():
    config = config_of("--model", "resnet50")
    assert (config.optimizer, config.learning_rate, config.batch_size) == ("sgd", 0.02, 16)
    assert config.steps == 26 * 100
    assert (config.weight_decay, config.decay_biases, config.clip_gradient_norm) == (
        1e-4,
        True,
        None,
    )
    assert config.group_by_aspect_ratio
    assert config.skip_empty_images
    assert config_of("--model", "resnet50", images=16_000).warmup_steps == 1000


def test_learning_rate_and_steps_follow_the_batch():
    config = config_of("--model", "resnet50", "--batch-size", "4", "--epochs", "2")
    assert config.learning_rate == pytest.approx(0.005)
    assert config.steps == 2 * 400
    config = config_of("--model", "resnet50", "--batch-size", "64", validation=object())
    assert config.learning_rate == pytest.approx(0.08)
    assert config.steps == 26 * 25
    assert config.evaluate_every == 25


def test_any_setting_can_be_set_and_a_wrong_one_is_named():
    config = config_of("--set", "warmup_steps=7", "--set", "schedule=steps")
    assert (config.warmup_steps, config.schedule) == (7, "steps")
    model = make_model(parse("--set", "mask_head_channels=[8, 8]"), num_classes=3)
    assert model.config.mask_head_channels == (8, 8)
    model = make_model(parse("--set", "anchor_sizes=[[8],[16],[32],[64]]"), num_classes=3)
    assert model.config.anchor_sizes == ((8,), (16,), (32,), (64,))
    with pytest.raises(InputError, match="wamup_steps"):
        config_of("--set", "wamup_steps=7")
    with pytest.raises(InputError, match="schedule should be one of"):
        config_of("--set", "schedule=linear")
    with pytest.raises(SystemExit):
        parse("--set", "warmup_steps")


def test_warm_up_is_shortened_only_where_nobody_asked_for_it():
    assert config_of("--steps", "40").warmup_steps == 10
    assert config_of("--steps", "40", "--set", "warmup_steps=30").warmup_steps == 30


@pytest.mark.parametrize(
    ("name", "option"),
    [*TRAINING_OPTIONS.items(), *MODEL_OPTIONS.items()],
)
def test_set_leaves_to_an_option_what_is_its_own(name, option):
    word = f"--set {name}=.*: that is for --{option.replace('_', '-')} to say"
    with pytest.raises(InputError, match=word):
        config_of("--set", f"{name}=3")
    assert hasattr(parse(), option)
    assert name in {field.name for kind in (TrainConfig, MaskRCNNConfig) for field in fields(kind)}


def test_length_and_settings_are_given_once(capsys):
    with pytest.raises(SystemExit):
        parse("--steps", "5", "--epochs", "2")
    assert "not allowed with" in capsys.readouterr().err
    with pytest.raises(InputError, match="given twice"):
        config_of("--set", "warmup_steps=5", "--set", "warmup_steps=6")


def test_several_sizes_are_for_training_to_draw_from():
    for sizes, expected in ((["64"], 64), (["64", "96"], (64, 96))):
        assert make_model(parse("--min-size", *sizes), num_classes=3).config.min_size == expected


def test_passes_add_up_to_the_batch(tmp_path, capsys):
    records = []
    for accumulate in ("1", "2"):
        out = tmp_path / accumulate
        settings = ["--set", "rpn_batch_size_per_image=100000", "--accumulate", accumulate]
        assert main(["train", "--scenes", "4", "--out", str(out), *QUICK, *settings]) == 0
        records.append(json.loads((out / "metrics.jsonl").read_text("utf-8").splitlines()[0]))
        assert load_checkpoint(out)["training"]["images_per_pass"] == 2 // int(accumulate)
    # Batch norm and the sampled RoIs see other images together, so only roughly.
    assert records[0]["loss"] == pytest.approx(records[1]["loss"], rel=0.3)
    command = ["train", "--scenes", "4", "--out", str(tmp_path / "3"), *QUICK, "--accumulate", "3"]
    assert main(command) == 1
    printed = capsys.readouterr().err
    assert "2 images cannot be split evenly over 1 processes x 3 micro-batches" in printed


def test_run_describes_itself(tmp_path):
    assert main(["train", "--scenes", "4", "--out", str(tmp_path), *QUICK, "--seed", "3"]) == 0
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert config["training"]["seed"] == 3
    assert config["model"]["backbone"] == "mini"
    assert config["data"]["fingerprint"] == "seed 0, 128 px"
    assert config["versions"]["torch"] == torch.__version__
    assert config["processes"] == 1
    assert config["device"]
    assert config["git"] is None or len(config["git"]["commit"]) == 40


def test_penn_fudan_is_fine_tuned_from_cocos_weights_and_measured(
    penn_fudan, tmp_path, monkeypatch, capsys
):
    torch.manual_seed(0)
    coco = mask_rcnn(MaskRCNNConfig()).state_dict()
    monkeypatch.setattr(options_module, "fetch_state_dict", lambda _entry: coco)
    data = ["--dataset", "penn-fudan", "--root", str(penn_fudan), "--validation", "2"]
    command = [
        "train",
        *data,
        "--model",
        "resnet50",
        "--weights",
        "coco",
        *QUICK,
        "--max-size",
        "96",
    ]
    out = tmp_path / "run"
    settings = ["--set", "rpn_post_nms_top_n_test=20", "--set", "box_detections_per_img=5"]
    assert main([*command, *settings, "--steps", "1", "--out", str(out)]) == 0
    (evaluation,) = map(json.loads, (out / "evaluations.jsonl").read_text("utf-8").splitlines())
    assert evaluation["step"] == 1
    assert "AP" in evaluation["segm"]
    checkpoint = load_checkpoint(out)
    assert checkpoint["training"]["data"]["images"] == 12
    said = capsys.readouterr().out
    assert "training on 12 of Penn-Fudan's images: 12 of the 120 to train on, 0 of the 50" in said
    frozen = "backbone.body.conv1.weight"
    assert torch.equal(checkpoint["model"][frozen], coco[frozen])
    assert checkpoint["model"]["roi_heads.box_predictor.cls_score.weight"].shape[0] == 2
    assert checkpoint["model_config"]["frozen_batch_norm_eps"] == 0


def test_missing_network_says_which_file_to_put_where(tmp_path, monkeypatch, capsys):
    def offline(*_arguments, **_options):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    command = ["train", "--model", "resnet50", "--weights", "coco", "--scenes", "2", *QUICK]
    assert main([*command, "--out", str(tmp_path / "run")]) == 1
    message = capsys.readouterr().err
    assert "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth" in message
    assert os.path.join("hub", "checkpoints") in message
    assert not (tmp_path / "run").exists()


def test_training_goes_on_from_weights_of_ours(tmp_path, capsys):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    assert main(["train", "--scenes", "4", "--out", first, *QUICK]) == 0
    command = ["train", "--scenes", "4", "--out", second, *QUICK, "--weights", first]
    assert main([*command, "--learning-rate", "0"]) == 0
    pairs = [load_checkpoint(out)["model"]["rpn.head.conv.0.0.weight"] for out in (first, second)]
    assert torch.equal(*pairs)
    command[4] = str(tmp_path / "third")
    assert main([*command, "--set", "fpn_channels=32"]) == 1
    assert "another kind of model" in capsys.readouterr().err


def test_checkpoint_brings_its_configuration(tmp_path, capsys):
    settings = {"frozen_batch_norm_eps": 0.0, "min_size": 64, "max_size": 96, "aligned": True}
    earlier = mask_rcnn(MaskRCNNConfig(num_classes=4, fpn_channels=32, **settings))
    save_weights(tmp_path / "earlier.safetensors", earlier, dict(enumerate("abc", start=1)))
    start = ["--model", "resnet50", "--weights", str(tmp_path / "earlier.safetensors")]
    model = make_model(parse(*start, "--max-size", "128"), num_classes=3)
    assert model.config == replace(earlier.config, num_classes=3, max_size=128)
    assert "the classes differ" in capsys.readouterr().out
    kept, new = earlier.state_dict(), model.state_dict()
    name = "backbone.fpn.layer_blocks.0.0.weight"
    assert torch.equal(new[name], kept[name].half().float())
    with pytest.raises(InputError, match="holds a resnet50, but --model is mini"):
        make_model(parse(*start[2:]), num_classes=3)


def test_tensorboard_writes_events_or_says_that_it_is_missing(tmp_path, monkeypatch, capsys):
    command = ["train", "--scenes", "4", *QUICK, "--tensorboard", "--out", str(tmp_path / "run")]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch.utils.tensorboard", None)
        assert main(command) == 1
    assert "pip install 'mrcnn-lite[tensorboard]'" in capsys.readouterr().err
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert main(command) == 0
    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--weights", "coco"], "--weights coco"),
        (["--validation", "many"], "--validation"),
        (["--weights", "nowhere.pt"], "nowhere.pt"),
        (["--set", "nothing=1"], "nothing"),
        (["--set", "roi_op=crop"], "roi_op"),
        (["--set", "warmup_steps=many"], "warmup_steps"),
        (["--set", "weight_decay=null"], "weight_decay should be a number from 0 on, got None"),
        (
            ["--model", "resnet50", "--weights", "coco", "--weights-backbone", "DEFAULT"],
            "--weights-backbone does not go with --weights",
        ),
    ],
)
def test_options_that_do_not_fit_are_named(options, word, tmp_path, capsys):
    assert main(["train", "--scenes", "2", "--out", str(tmp_path / "run"), *options]) == 1
    assert word in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to warn with")
def test_sigterm_saves_and_exits_with_its_status(tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "mrcnn_lite.cli", "train", "--scenes", "8", "--out", str(out)]
    options = ["--steps", "500", "--batch-size", "1", "--min-size", "64", "--workers", "1"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
    metrics = out / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text("utf-8").count("\n") >= 2):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert "stopped by SIGTERM" in errors
    assert "Traceback" not in errors
    step = load_checkpoint(out)["training"]["step"]
    assert step == metrics.read_text("utf-8").count("\n")


def test_keypoints_are_trained_measured_and_drawn(tmp_path, capsys):
    """Beside the masks of weights that know none, by the configuration alone."""
    out, quick = tmp_path / "run", ["--scenes", "2", "--device", "cpu"]
    weights = ["--weights", str(SHIPPED_WEIGHTS)]
    command = ["train", "--out", str(out), *quick, *QUICK, *weights, "--set", "num_keypoints=5"]
    assert main([*command, "--set", "keypoint_head_channels=[8]"]) == 0
    assert "roi_heads.keypoint_head.0.weight" in capsys.readouterr().out
    record = json.loads((out / "metrics.jsonl").read_text("utf-8").splitlines()[0])
    assert record["loss_keypoint"] > 0
    assert record["loss_mask"] > 0
    assert main(["evaluate", str(out), *quick, "--out", str(tmp_path / "metrics.json")]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text("utf-8"))
    assert list(metrics) == ["bbox", "segm", "keypoints"]

    picture = tmp_path / "scene.png"
    Image.fromarray(ShapesDataset(1, seed=3).scene(0).image).save(picture)
    results = ["--json", str(tmp_path / "results.json"), "--out", str(tmp_path / "drawn")]
    score = ["--score", "0.3"]
    assert main(["predict", str(picture), "--checkpoint", str(out), *results, *score]) == 0
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert len(found) > 0
    assert all(len(one["keypoints"]) == 15 for one in found)
    assert (tmp_path / "drawn" / "scene_detections.png").stat().st_size > 10_000
