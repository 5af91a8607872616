"""From options to data with keypoints: they are those of the model and of each other."""

import json
from argparse import Namespace

import pytest

from mrcnn_lite.cli.data import open_evaluation_data, open_training_data
from mrcnn_lite.cli.parser import make_parser
from mrcnn_lite.datasets import ShapesDataset, export
from mrcnn_lite.datasets.keypoints import check_keypoint_names
from mrcnn_lite.engine.checkpoint import LoadedModel
from mrcnn_lite.errors import InputError
from mrcnn_lite.models import mini_config

NAMES = ("centre", "top", "right", "bottom", "left")
TRAIN = ("train", "--out", "runs/a")


def parse(*words: object) -> Namespace:
    return make_parser().parse_args([str(word) for word in words])


def open_parts(*words: object):
    return open_training_data(parse(*TRAIN, *words))


def test_keypoints_are_read_for_a_model_that_predicts_them(tmp_path):
    """From the command line's options to data with keypoints, for training, and for measuring."""
    shapes = ["--scenes", "2", "--set", "num_keypoints=5"]
    for part in open_parts(*shapes, "--validation", "2"):
        assert part[0][1]["keypoints"].shape[1:] == (5, 3)
    assert "keypoints" not in open_parts("--scenes", "2")[0][0][1]
    model = Namespace(predicts_masks=True, config=mini_config(7, num_keypoints=5))
    loaded = LoadedModel(model, ShapesDataset.categories, NAMES)
    measured = open_evaluation_data(parse("evaluate", "x", "--scenes", "2"), loaded)
    assert measured.keypoint_names == NAMES

    scenes = ShapesDataset(4, seed=0, image_size=64, keypoints=True)
    root = ["--dataset", "coco", "--root", export(scenes, tmp_path / "new", "train")]
    for held_out in ("50%", "train"):
        for part in open_parts(*root, "--set", "num_keypoints=5", "--validation", held_out):
            assert part.keypoint_names == NAMES


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "num_keypoints=4"], "num_keypoints=4, but the data set 5: centre, top, right"),
        (
            ["--dataset", "penn-fudan", "--root", "r", "--set", "num_keypoints=4"],
            "num_keypoints=4, but the data set 0",
        ),
    ],
)
def test_other_keypoints_than_the_datas_are_named(words, message, monkeypatch):
    monkeypatch.setattr("mrcnn_lite.cli.data.PennFudanDataset", lambda *_: Namespace())
    with pytest.raises(InputError, match=message):
        open_training_data(parse(*TRAIN, *words))


def test_data_whose_keypoints_stand_in_another_order_are_refused(tmp_path):
    """Left and right taken for each other would only show as a low score, or not at all."""
    scenes = ShapesDataset(2, seed=0, image_size=64, keypoints=True)
    folder = export(scenes, tmp_path / "new", "train")
    file, other = folder / "annotations" / "instances_train.json", tmp_path / "other.json"
    content = json.loads(file.read_text("utf-8"))
    for category in content["categories"]:
        category["keypoints"] = [*NAMES[:3], NAMES[4], NAMES[3]]
    other.write_text(json.dumps(content), encoding="utf-8")
    message = "keypoint 4 is 'left' in {} and 'bottom' in {}; they should be the same"
    images = ("--images", folder / "train")
    words = (*images, "--annotations", file, "--validation", other)
    with pytest.raises(InputError, match=message.format("--validation", "the training data")):
        open_parts(*words, "--set", "num_keypoints=5")
    model = Namespace(predicts_masks=True, config=mini_config(7, num_keypoints=5))
    options = parse("evaluate", "x", *images, "--annotations", other)
    with pytest.raises(InputError, match=message.format("the data set", "the model")):
        open_evaluation_data(options, LoadedModel(model, ShapesDataset.categories, NAMES))
    # Saved without names, a model has nothing to compare.
    open_evaluation_data(options, LoadedModel(model, ShapesDataset.categories))


def test_keypoints_without_names_fit_any():
    def check(names, expected):
        check_keypoint_names(names, expected, "the data set", "the model")

    check(["keypoint 1", "keypoint 2"], ["nose", "tail"])
    check(["nose", "tail"], ["keypoint 1", "keypoint 2"])
    with pytest.raises(InputError, match="the data set has 1 keypoints, the model 2"):
        check(["nose"], ["nose", "tail"])
    with pytest.raises(InputError, match="keypoint 2 is 'keypoint 1' in the data set"):
        check(["nose", "keypoint 1"], ["nose", "tail"])
