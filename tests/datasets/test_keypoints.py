"""Keypoints from files in COCO's format: names, left and right, what is missing, what is wrong."""

import numpy as np
import pytest
import torch
from pycocotools.cocoeval import Params

from mrcnn_lite.datasets import CocoDataset, ShapesDataset, export
from mrcnn_lite.datasets.keypoints import PERSON, mirror_keypoints, oks_sigmas
from mrcnn_lite.errors import InputError
from tests.datasets.coco_files import annotation, annotation_file, write, write_picture

NAMES = ["nose", "left_eye", "right_eye"]
EYES = [8, 5, 2, 7, 6, 1, 0, 0, 0]


def make_content(*annotations, names=NAMES, others=()):
    content = annotation_file(*annotations, categories=((1, "person"), (2, "kite")))
    content["categories"][0]["keypoints"] = names
    for place, other in enumerate(others, start=1):
        content["categories"][place]["keypoints"] = other
    return content


def open_file(tmp_path, content):
    write_picture(tmp_path / "5.png")
    file = write(tmp_path / "file.json", content)
    return CocoDataset.from_files(file, tmp_path, keypoints=True)


def test_a_person_is_left_and_right():
    assert [PERSON[place] for place in mirror_keypoints(PERSON)] == [
        name.replace("left", "?").replace("right", "left").replace("?", "right") for name in PERSON
    ]
    assert mirror_keypoints(["Left Hip", "RIGHT", "LEFT", "Right Hip", "upright", "left_wing"]) == [
        *(3, 2, 1, 0),
        *(4, 5),
    ]
    assert oks_sigmas(PERSON) == tuple(Params("keypoints").kpt_oks_sigmas)
    assert oks_sigmas(NAMES) == (0.05,) * 3


def test_keypoints_are_the_files(tmp_path):
    kite = annotation(2, category_id=2)
    dataset = open_file(tmp_path, make_content(annotation(1, keypoints=EYES), kite))
    assert dataset.keypoint_names == tuple(NAMES)
    target = dataset[0][1]
    assert target["keypoints"].dtype == torch.float32
    assert target["keypoints"].tolist() == [[[8, 5, 2], [7, 6, 1], [0, 0, 0]], [[0, 0, 0]] * 3]
    assert target["mirrored_keypoints"].tolist() == [0, 2, 1]
    assert [one["num_keypoints"] for one in dataset.coco.anns.values()] == [2, 0]
    assert dataset.coco.cats[1]["keypoints"] == NAMES


def test_an_image_without_objects_has_no_keypoints(tmp_path):
    crowd = annotation(1, keypoints=[0] * 9, iscrowd=1)
    target = open_file(tmp_path, make_content(crowd))[0][1]
    assert target["keypoints"].shape == (0, 3, 3)


def test_without_being_asked_for_nothing_is_read(tmp_path):
    write_picture(tmp_path / "5.png")
    file = write(tmp_path / "file.json", make_content(annotation(1, keypoints="none")))
    dataset = CocoDataset.from_files(file, tmp_path)
    assert dataset.keypoint_names == ()
    assert not {"keypoints", "mirrored_keypoints"} & set(dataset[0][1])


def test_nameless_keypoints_are_counted(tmp_path):
    content = annotation_file(annotation(1, keypoints=EYES))
    dataset = open_file(tmp_path, content)
    assert dataset.keypoint_names == ("keypoint 1", "keypoint 2", "keypoint 3")
    assert dataset[0][1]["mirrored_keypoints"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (make_content(annotation(7, keypoints=EYES[:8])), "annotation 7 needs .* 9 numbers, got 8"),
        (make_content(annotation(7, keypoints={"x": 1})), "annotation 7 needs .* got {'x': 1}"),
        (make_content(annotation(7, keypoints=[*EYES[:8], "0"])), "annotation 7 needs numbers"),
        (make_content(annotation(7, keypoints=[*EYES[:8], 3])), "visibility of 0, 1 or 2, got 3"),
        (make_content(names="nose"), "category 1 needs a list of names"),
        (make_content(others=[["nose"]]), r"category 2 has other keypoints \(\['nose'\]\)"),
        (annotation_file(annotation(1)), "holds no keypoints"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        open_file(tmp_path, content)


def test_coco_keeps_keypoints_in_a_file_of_their_own(tmp_path):
    folder = tmp_path / "annotations"
    write_picture(tmp_path / "val" / "5.png")
    write(folder / "instances_val.json", annotation_file(annotation(1)))
    write(folder / "captions_val.json", {})
    write(folder / "person_keypoints_val.json", make_content(annotation(1, keypoints=EYES)))
    for split in ("val", None):
        dataset = CocoDataset(tmp_path, split, keypoints=True)
        assert dataset.annotation_file.name == "person_keypoints_val.json"
    assert CocoDataset(tmp_path, "val").annotation_file.name == "instances_val.json"
    with pytest.raises(FileNotFoundError, match=r"person_keypoints_test\.json"):
        CocoDataset(tmp_path, "test", keypoints=True)


def test_coco_reads_back_the_keypoints_of_shapes(tmp_path):
    scenes = ShapesDataset(4, seed=4, image_size=64, keypoints=True)
    again = CocoDataset(export(scenes, tmp_path / "shapes", "train"), "train", keypoints=True)
    assert again.keypoint_names == scenes.keypoint_names
    assert again.keypoint_sigmas == scenes.keypoint_sigmas
    for (_, target), (_, other) in zip(scenes, again):
        for name in ("keypoints", "mirrored_keypoints"):
            assert torch.equal(target[name], other[name])
    assert again.coco.dataset["annotations"] == scenes.coco.dataset["annotations"]
    assert np.array_equal(again.coco.dataset["categories"], scenes.coco.dataset["categories"])
