"""What annotation tools export opens: their layouts, ids, and what they leave away."""

import copy

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets import CocoDataset
from mrcnn_lite.datasets.coco_categories import COCO_CATEGORIES
from mrcnn_lite.engine.evaluate import score_results
from mrcnn_lite.errors import InputError
from tests.datasets.coco_files import (
    SQUARE,
    annotation,
    annotation_file,
    square_mask,
    write,
    write_picture,
)


def coco(folder):
    write(folder / "annotations" / "instances_train.json", annotation_file(annotation(1)))
    write_picture(folder / "train" / "5.png")
    return CocoDataset(folder, "train")


def cvat(folder):
    content = annotation_file(annotation(1), images=["5.png"])
    write(folder / "annotations" / "instances_default.json", content)
    write_picture(folder / "images" / "default" / "5.png")
    return CocoDataset(folder, None)


def roboflow(folder):
    content = annotation_file(annotation(0), categories=[(0, "kites"), (1, "kite")])
    content["categories"][0]["supercategory"] = "none"
    content["categories"][1]["supercategory"] = "kites"
    for split in ("train", "valid"):
        write(folder / split / "_annotations.coco.json", content)
        write_picture(folder / split / "5.png")
    return CocoDataset(folder, "valid")


def label_studio(folder):
    content = annotation_file(
        annotation(0, category_id=0, iscrowd=None),
        categories=[(0, "kite")],
        images=[r"images\5.png"],
    )
    write(folder / "result.json", content)
    write_picture(folder / "images" / "5.png")
    return CocoDataset(folder, None)


def labelme2coco(folder):
    content = annotation_file(annotation(1), images=["/home/ada/scans/5.png"])
    content.pop("info", None)
    file = write(folder / "out" / "dataset.json", content)
    write_picture(folder / "scans" / "5.png")
    return CocoDataset.from_files(file, folder / "scans")


def via(folder):
    # Ids of images are texts in annotations, and a polygon is in no list of polygons.
    content = annotation_file(annotation(0, image_id="5", segmentation=SQUARE))
    file = write(folder / "via_export_coco.json", content)
    write_picture(folder / "5.png")
    return CocoDataset.from_files(file, folder)


@pytest.mark.parametrize("tool", [coco, cvat, roboflow, label_studio, labelme2coco, via])
def test_what_a_tool_exports_opens(tmp_path, tool, recwarn):
    dataset = tool(tmp_path)
    assert dataset.categories == {1: "kite"}
    assert dataset.num_classes == 2
    image, target = dataset[0]
    assert torch.allclose(image, torch.full((3, 20, 30), 5 / 255))
    assert target["boxes"].tolist() == [[6, 4, 12, 9]]
    assert target["labels"].tolist() == [1]
    assert torch.equal(target["masks"][0], torch.from_numpy(square_mask()))
    assert len(dataset.coco.anns) == 1
    assert not [one for one in recwarn if one.category is UserWarning]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (r"images\5.png", "images/5.png"),
        (r"C:\Users\ada\images\5.png", "5.png"),
        ("images/5.png", "5.png"),
        ("../../upload/1/5.png", "5.png"),
        ("a/b/5.png", "b/5.png"),
        ("./5.png", "5.png"),
    ],
)
def test_pictures_are_found_with_and_without_their_folders(tmp_path, name, place):
    file = write(tmp_path / "file.json", annotation_file(annotation(1), images=[name]))
    write_picture(tmp_path / "pictures" / place, grey=9)
    image, _ = CocoDataset.from_files(file, tmp_path / "pictures")[0]
    assert torch.allclose(image, torch.full((3, 20, 30), 9 / 255))


def test_pictures_of_two_folders_are_not_taken_for_one(tmp_path):
    content = annotation_file(annotation(1), images=["a/5.png", r"b\5.png"])
    file = write(tmp_path / "file.json", content)
    write_picture(tmp_path / "5.png")
    with pytest.raises(InputError, match=r"5\.png would be the picture of both.*a/5.*b.*5"):
        CocoDataset.from_files(file, tmp_path)
    write_picture(tmp_path / "a" / "5.png")
    write_picture(tmp_path / "b" / "5.png")
    assert len(CocoDataset.from_files(file, tmp_path)) == 2


def test_splits_are_named_where_there_are_several(tmp_path):
    roboflow(tmp_path)
    with pytest.raises(InputError, match="several splits, train, valid"):
        CocoDataset(tmp_path, None)
    with pytest.raises(FileNotFoundError, match=r"test.*splits there are train, valid"):
        CocoDataset(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match=r"no folder .*elsewhere"):
        CocoDataset.from_files(
            tmp_path / "train" / "_annotations.coco.json", tmp_path / "elsewhere"
        )
    with pytest.raises(FileNotFoundError, match=r"lost\.json is not there"):
        CocoDataset.from_files(tmp_path / "lost.json", tmp_path)


def open_file(folder, content, **options):
    write_picture(folder / "5.png")
    return CocoDataset.from_files(write(folder / "file.json", content), folder, **options)


def with_categories(*ids, used=None):
    """A file with an annotation of each category in use, their names in the order given."""
    names = ("kite", "sofa", "lamp", "tent")
    used = ids if used is None else used
    annotations = [annotation(k, category_id=id_) for k, id_ in enumerate(used)]
    return annotation_file(*annotations, categories=list(zip(ids, names)))


@pytest.mark.parametrize(
    ("ids", "category_ids", "labels"),
    [
        ([1, 7], {1: 1, 2: 7}, [1, 2]),
        ([0, 1, 2], {1: 0, 2: 1, 3: 2}, [1, 2, 3]),
        ([90, 3], {1: 3, 2: 90}, [2, 1]),
        ([10**12, -4], {1: -4, 2: 10**12}, [2, 1]),
        ([3, 1, 2], {1: 1, 2: 2, 3: 3}, [3, 1, 2]),
    ],
)
def test_category_ids_of_any_kind_become_labels_and_back(tmp_path, ids, category_ids, labels):
    dataset = open_file(tmp_path, with_categories(*ids))
    assert dataset.category_ids == category_ids
    assert dataset.num_classes == len(ids) + 1
    _, target = dataset[0]
    assert target["labels"].tolist() == labels
    assert [dataset.category_ids[label] for label in labels] == ids
    names = ("kite", "sofa", "lamp")[: len(ids)]
    assert [dataset.categories[label] for label in labels] == list(names)
    assert sorted(one["category_id"] for one in dataset.coco.anns.values()) == sorted(labels)


@pytest.mark.parametrize(("used", "left"), [([1], ["sofa"]), ([0, 1], ["kite", "sofa"])])
def test_only_an_unused_root_is_left_out(tmp_path, used, left):
    content = with_categories(0, 1, used=used)
    content["categories"][1]["supercategory"] = "kite"
    dataset = open_file(tmp_path, content)
    assert list(dataset.categories.values()) == left
    assert min(dataset[0][1]["labels"]) == 1
    del content["categories"][1]["supercategory"]
    assert len(open_file(tmp_path, content).categories) == 2


def test_coco_keeps_its_numbers_and_nothing_else_does(tmp_path):
    content = annotation_file(annotation(1, category_id=90), categories=COCO_CATEGORIES.items())
    dataset = open_file(tmp_path, content)
    assert dataset.categories == COCO_CATEGORIES
    assert dataset.num_classes == 91
    assert dataset[0][1]["labels"].tolist() == [90]
    del content["categories"][3]
    assert open_file(tmp_path, content).num_classes == 80


@pytest.mark.parametrize(
    ("ids", "used", "names", "labels"),
    [
        # A validation file that lists fewer categories than were learnt.
        ([4, 9], [4, 9], {1: "lamp", 2: "sofa", 3: "kite"}, [3, 2]),
        # A run from when ids were labels.
        ([3, 90], [90, 3], {3: "kite", 90: "sofa"}, [90, 3]),
        # A class that the model does not know comes after its last.
        ([1, 2, 3], [1, 2, 3], {1: "sofa", 2: "tent"}, [3, 1, 4]),
    ],
)
def test_a_model_s_labels_go_by_name(tmp_path, ids, used, names, labels):
    dataset = open_file(tmp_path, with_categories(*ids, used=used), names=names)
    assert dataset[0][1]["labels"].tolist() == labels
    assert dataset.num_classes == max([*labels, *names]) + 1
    assert [dataset.category_ids[label] for label in labels] == used


def test_a_model_of_other_things_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"file\.json: .*none.*\(kite, sofa\).*\(car, bus\)"):
        open_file(tmp_path, with_categories(1, 2), names={1: "car", 2: "bus"})


@pytest.mark.parametrize("first", [0, -3, 2**60])
def test_evaluation_counts_annotations_with_any_id(tmp_path, first):
    annotations = [
        annotation(first + k, bbox=[3 * k, 4, 2, 5], segmentation=[shifted(3 * k)], area=10)
        for k in range(3)
    ]
    dataset = open_file(tmp_path, annotation_file(*annotations))
    results = [
        {"image_id": 5, "category_id": 1, "score": 1.0, "bbox": one["bbox"]} for one in annotations
    ]
    assert score_results(dataset.coco, results, kinds=("bbox",))["bbox"]["AP"] == pytest.approx(1)


def shifted(x):
    return [x, 4, x + 2, 4, x + 2, 9, x, 9]


@pytest.mark.parametrize("form", ["polygons", "uncompressed", "compressed"])
def test_what_is_missing_is_measured(tmp_path, form):
    encoding = coco_mask.encode(square_mask())
    bare = {"polygons": [SQUARE], "uncompressed": {"size": [20, 30], "counts": runs()}}
    bare["compressed"] = {**encoding, "counts": encoding["counts"].decode()}
    whole = annotation(1, bbox=None, area=None, iscrowd=None, segmentation=bare[form])
    dataset = open_file(tmp_path, annotation_file(whole))
    record = dataset.coco.anns[1]
    assert record["bbox"] == coco_mask.toBbox(encoding).tolist()
    assert record["area"] == coco_mask.area(encoding) == 30
    assert record["iscrowd"] == 0
    assert dataset[0][1]["boxes"].tolist() == [[6, 4, 12, 9]]


def runs():
    flat = square_mask().ravel(order="F").astype(int)
    changes = np.flatnonzero(np.diff(flat)) + 1
    return np.diff(np.concatenate([[0], changes, [len(flat)]])).tolist()


@pytest.mark.parametrize("segmentation", [None, [], [[]], {}])
def test_boxes_alone_are_enough_for_a_model_without_masks(tmp_path, segmentation):
    content = annotation_file(annotation(1, segmentation=segmentation, area=None), annotation(2))
    dataset = open_file(tmp_path, copy.deepcopy(content), masks=False)
    _, target = dataset[0]
    assert "masks" not in target
    assert target["boxes"].tolist() == [[6, 4, 12, 9]] * 2
    assert dataset.coco.anns[1]["area"] == 30
    with pytest.raises(InputError, match=r"1 of 2 .*no segmentation \(annotations 1\)"):
        open_file(tmp_path, content)
