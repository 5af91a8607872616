"""From options to data sets and back: files of your own, a part held out, commands to copy."""

import json
import os
import shlex
import warnings
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mrcnn_lite.cli
from mrcnn_lite.cli import main
from mrcnn_lite.cli.command_line import command_line
from mrcnn_lite.cli.commands.learn import _evaluation
from mrcnn_lite.cli.data import open_dataset, open_evaluation_data, open_training_data
from mrcnn_lite.cli.parser import make_parser
from mrcnn_lite.engine.checkpoint import LoadedModel
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import mini_config
from tests.documents.exports import describe, make_exports, make_pictures, write

QUICK = ["--steps", "1", "--batch-size", "2", "--min-size", "64"]
TRAIN = ("train", "--out", "runs/a")


def parse(*words: object) -> Namespace:
    return make_parser().parse_args([str(word) for word in words])


def open_parts(*words: object):
    return open_training_data(parse(*TRAIN, *words))


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exports") / "mit Umlaut Ü"
    make_exports(folder)
    return folder


@pytest.fixture
def files(exports) -> list[str]:
    """Options for the export that has one file and a folder."""
    file, pictures = exports / "labelme" / "dataset.json", exports / "pictures"
    return ["--annotations", str(file), "--images", str(pictures)]


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--out", "runs/a"],
        ["train", "--out", "a b", "--annotations", "x'y.json", "--images", "b c", "--resume"],
        ["train", "--out", "a", "--min-size", "64", "96", "--set", "schedule=steps"],
        ["train", "--out", "a", "--set", "mask_head_channels=[8, 8]", "--set", "warmup_steps=5"],
        ["train", "--out", "a", "--image-ids", "3,1,2", "--learning-rate", "0.5", "--compile"],
        ["evaluate", "runs/a b", "--dataset", "coco", "--root", "r", "--validation", "10%"],
        ["predict", "a.png", "b c.png", "--json", "x.json", "--score", "0.25"],
    ],
)
def test_a_command_is_written_as_it_would_be_typed(words):
    options = parse(*words)
    program, *written = shlex.split(command_line(options))
    assert program == "mrcnn-lite"
    assert parse(*written) == options


@pytest.mark.parametrize(
    ("trained", "expected"),
    [
        ("", ""),
        ("--scenes 50 --scenes-seed 3", ""),
        ("--validation 20", "--validation 20"),
        (
            "--dataset coco --root 'my data' --split train --validation valid",
            "--dataset coco --root 'my data' --split valid",
        ),
        ("--dataset coco --root r --validation 10%", "--dataset coco --root r --validation 10%"),
        (
            "--annotations a.json --images p --image-ids 1,2 --validation b.json",
            "--annotations b.json --images p",
        ),
        (
            "--annotations a.json --images p --image-ids 1,2 --validation 5%",
            "--annotations a.json --images p --image-ids 1,2 --validation 5%",
        ),
        ("--dataset penn-fudan --root r --download", "--dataset penn-fudan --root r"),
        ("--device cpu --steps 3 --set warmup_steps=1", "--device cpu"),
    ],
)
def test_the_next_command_measures_on_what_was_held_out(trained, expected):
    options = parse(*TRAIN, *shlex.split(trained))
    written, wanted = shlex.split(_evaluation(options)), shlex.split(expected)
    assert written[:3] == ["mrcnn-lite", "evaluate", "runs/a"]
    assert parse(*written[1:]) == parse("evaluate", "runs/a", *wanted)


@pytest.mark.parametrize("share", ["25%", "40%", "75.5%"])
def test_evaluation_measures_on_the_images_that_training_held_out(share, files):
    training, held_out = open_parts(*files, "--validation", share)
    assert sorted(training.image_ids + held_out.image_ids) == [1, 2, 3, 4]
    model = Namespace(predicts_masks=True, config=mini_config(2))
    loaded = LoadedModel(model, training.categories)
    options = parse("evaluate", "x", *files, "--validation", share)
    assert open_evaluation_data(options, loaded).image_ids == held_out.image_ids


def test_classes_keep_their_labels_whatever_another_files_ids_are(files, exports, tmp_path):
    training, _ = open_parts(*files)
    assert training.categories == {1: "bolt", 2: "nut"}
    names = sorted(os.listdir(exports / "pictures"))
    write(tmp_path / "other.json", describe(names, {3: "nut", 9: "bolt"}))
    other = ["--annotations", tmp_path / "other.json", "--images", exports / "pictures"]
    model = Namespace(predicts_masks=True, config=mini_config(2))
    loaded = LoadedModel(model, training.categories)
    measured = open_evaluation_data(parse("evaluate", "x", *other), loaded)
    assert measured.categories == {1: "bolt", 2: "nut"}
    assert measured.category_ids == {1: 9, 2: 3}
    _, held_out = open_parts(*files, "--validation", tmp_path / "other.json")
    assert held_out.categories == {1: "bolt", 2: "nut"}


def test_a_resumed_run_keeps_its_classes(files, tmp_path):
    config = {"data": {"categories": {"1": "nut", "2": "bolt"}}}
    write(tmp_path / "run" / "config.json", config)
    options = parse("train", "--out", tmp_path / "run", *files)
    assert open_training_data(options)[0].categories == {1: "bolt", 2: "nut"}
    options.resume = True
    assert open_training_data(options)[0].categories == {1: "nut", 2: "bolt"}
    (tmp_path / "run" / "config.json").write_text("{", encoding="utf-8")
    assert open_training_data(options)[0].categories == {1: "bolt", 2: "nut"}


def test_boxes_alone_are_for_a_model_without_masks(tmp_path):
    content = describe(make_pictures(tmp_path / "pictures"), {1: "bolt", 2: "nut"})
    for annotation in content["annotations"]:
        del annotation["segmentation"]
    write(tmp_path / "boxes.json", content)
    files = ["--annotations", tmp_path / "boxes.json", "--images", tmp_path / "pictures"]
    dataset, held_out = open_parts(*files, "--set", "mask_head=none", "--validation", "30%")
    for part in (dataset, held_out):
        assert "masks" not in part[0][1]
        assert len(part[0][1]["boxes"]) == 2
    with pytest.raises(InputError, match="--set mask_head=none"):
        open_parts(*files)
    model = Namespace(predicts_masks=False, config=mini_config(2))
    without = LoadedModel(model, dataset.categories)
    assert "masks" not in open_evaluation_data(parse("evaluate", "x", *files), without)[0][1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--annotations a.json", "--annotations needs --images, too"),
        ("--images pictures", "--images does not go with --dataset shapes; say which --dataset"),
        ("--root r", "--root does not go with --dataset shapes; say which --dataset is meant"),
        ("--dataset coco --root pictures", "may also be named: --annotations FILE --images DIR"),
        ("--dataset penn-fudan --root pictures", "--download does that"),
        (
            "--dataset coco --root cvat --weights imagenet",
            "--weights imagenet: expected coco, coco_v2 or a checkpoint",
        ),
        ("--dataset coco --images pictures", "--images needs --annotations, too"),
        ("--dataset coco", "--dataset coco needs --root, or --annotations and --images"),
        ("--annotations a --images b --root c", "--root does not go with --annotations"),
        ("--annotations a --images b --split c", "--split does not go with --annotations"),
        ("--annotations a --images b --scenes 3", "--scenes does not go with --dataset coco"),
        ("--annotations a --images b --dataset shapes", "--annotations does not go with"),
        ("--annotations nowhere.json --images .", "nowhere.json is not there"),
        ("--annotations nowhere.json --images nowhere", "there is no folder nowhere"),
        ("--dataset coco --root roboflow", "test, train, valid: say which by --split"),
        ("--dataset coco --root roboflow --split val", "the splits there are test, train, valid"),
        ("--dataset coco --root cvat --validation 0%", "expected a share over 0%"),
        ("--dataset coco --root cvat --validation 100%", "expected a share over 0%"),
        ("--dataset coco --root cvat --validation ten%", "expected a share over 0%"),
        ("--validation 10%", "--validation should be a number of images here, got 10%"),
    ],
)
def test_options_that_do_not_fit_are_named(words, message, exports, monkeypatch):
    monkeypatch.chdir(exports)
    with pytest.raises((InputError, FileNotFoundError)) as raised:
        open_parts(*words.split())
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "a.png", "--score", "2"], "--score: expected a number from 0 to 1, got 2"),
        (["predict", "a.png", "--score", "high"], "--score: expected a number"),
        ([*TRAIN, "--image-ids", "1, 2"], "--image-ids: expected ids as 3,14,15, without blanks"),
        ([*TRAIN, "--image-ids", "1,"], "--image-ids: expected ids"),
        ([*TRAIN, "--image-ids", "a"], "--image-ids: expected ids"),
    ],
)
def test_values_that_cannot_be_read_are_named(words, message, capsys):
    with pytest.raises(SystemExit):
        parse(*words)
    assert message in capsys.readouterr().err


def test_a_batch_that_cannot_be_split_is_refused_before_a_folder_is_made(tmp_path, capsys):
    out = tmp_path / "run"
    uneven = ["--batch-size", "3", "--accumulate", "2"]
    assert main(["train", "--scenes", "2", "--out", str(out), *uneven]) == 1
    assert "cannot be split evenly" in capsys.readouterr().err
    assert not out.exists()


def test_unknown_weights_of_a_backbone_are_answered_by_those_there_are(tmp_path, capsys):
    weights = ["--model", "resnet50", "--weights-backbone", "imagenet"]
    assert main(["train", "--scenes", "2", "--out", str(tmp_path / "run"), *weights]) == 1
    assert "'imagenet' of resnet50, but IMAGENET1K_V1, IMAGENET1K_V2" in capsys.readouterr().err


def test_a_folder_with_one_split_needs_no_name_for_it(exports):
    for tool in ("cvat", "label_studio"):
        options = parse("evaluate", "x", "--dataset", "coco", "--root", exports / tool)
        assert len(open_dataset(options, training=False)) == 4


def test_a_run_that_is_done_says_how_to_train_longer(tmp_path, capsys):
    out = tmp_path / "the run"
    command = ["train", "--scenes", "4", "--out", str(out), *QUICK]
    assert main(command) == 0
    done = capsys.readouterr().out
    assert done.endswith(f"done; next: mrcnn-lite evaluate '{out}'\n")
    assert main([*command, "--resume", "--steps", "3"]) == 1
    message = capsys.readouterr().err
    assert "is one of 1 steps" in message
    assert message.count("\n") == 1
    program, *longer = shlex.split(message.partition("weights: ")[2])
    assert program == "mrcnn-lite"
    options = parse(*longer)
    assert (options.weights, options.steps, options.resume) == (str(out), 2, False)
    assert main(longer) == 0
    assert (tmp_path / "the run-longer" / "checkpoint-0000002.pt").exists()


def test_what_the_package_warns_of_is_a_line_without_its_place_in_the_code():
    ours = os.path.join(os.path.dirname(mrcnn_lite.cli.__file__), "data.py")
    with mrcnn_lite.cli._plain_warnings("train"):
        assert warnings.formatwarning("x", UserWarning, ours, 7) == "mrcnn-lite train: x\n"
        assert "elsewhere.py:7" in warnings.formatwarning("x", UserWarning, "elsewhere.py", 7)
        assert ":7: Future" in warnings.formatwarning("x", FutureWarning, ours, 7)
    assert ":7: UserWarning" in warnings.formatwarning("x", UserWarning, ours, 7)


@pytest.mark.parametrize(("orientation", "upright"), [(1, False), (3, False), (6, True), (8, True)])
def test_predict_reads_a_phones_picture_upright(orientation, upright, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "phone.jpg", exif=exif)
    file = tmp_path / "results.json"
    command = ["predict", str(tmp_path / "phone.jpg"), "--json", str(file), "--score", "0"]
    assert main(command) == 0
    results = json.loads(file.read_text("utf-8"))
    assert results
    size = [90, 60] if upright else [60, 90]
    assert all(result["segmentation"]["size"] == size for result in results)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_what_is_no_picture_is_a_line(tmp_path, capsys):
    pipe, folder, empty = (tmp_path / name for name in ("pipe.png", "folder.png", "empty.png"))
    os.mkfifo(pipe)
    folder.mkdir()
    empty.touch()
    for path in (pipe, folder, empty):
        assert main(["predict", str(path), "--json", str(tmp_path / "x.json")]) == 1
        message = capsys.readouterr().err
        assert str(path) in message
        assert message.count("\n") == 1


def test_ids_come_from_a_file_that_lists_the_pictures(exports, tmp_path, capsys):
    picture = exports / "pictures" / "photo 000.jpg"
    command = ["predict", str(picture), "--annotations"]
    file = exports / "labelme" / "dataset.json"
    assert main([*command, str(file)]) == 1
    assert "needs --json FILE" in capsys.readouterr().err
    json_file = ["--json", str(tmp_path / "results.json")]
    # The shipped model knows shapes, not these.
    assert main([*command, str(file), *json_file]) == 1
    assert "the model knows none of its categories (bolt, nut)" in capsys.readouterr().err
    write(tmp_path / "others.json", describe(["a.jpg", "b.jpg"], {5: "circle"}))
    assert main([*command, str(tmp_path / "others.json"), *json_file]) == 1
    assert "lists no pictures called photo 000.jpg" in capsys.readouterr().err
    write(tmp_path / "twice.json", describe(["a/photo 000.jpg", "b\\photo 000.jpg"], {5: "circle"}))
    assert main([*command, str(tmp_path / "twice.json"), *json_file]) == 1
    assert "lists 2 pictures called photo 000.jpg" in capsys.readouterr().err
