"""Faults in an annotation file: mended, left out and named, or refused in a line."""

import gc
import json
import os
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets import CocoDataset
from mrcnn_lite.errors import InputError
from tests.datasets.coco_files import (
    HEIGHT,
    SQUARE,
    WIDTH,
    annotation,
    annotation_file,
    square_mask,
    write,
    write_picture,
)


def open_file(folder, *annotations, **options):
    write_picture(folder / "5.png")
    file = write(folder / "file.json", annotation_file(*annotations))
    return CocoDataset.from_files(file, folder, **options)


def warned(recwarn):
    return [str(one.message) for one in recwarn if one.category is UserWarning]


@pytest.mark.parametrize("stray", [[1, 1, 5, 5], [], [8, 8]])
def test_a_stray_part_is_dropped_from_its_polygons(tmp_path, recwarn, stray):
    parts = [[stray, SQUARE], [SQUARE, stray], [SQUARE, stray, stray]]
    annotations = [annotation(k, segmentation=part) for k, part in enumerate(parts, start=1)]
    dataset = open_file(tmp_path, *annotations, annotation(4))
    _, target = dataset[0]
    assert len(target["masks"]) == 4
    for mask in target["masks"]:
        assert torch.equal(mask, torch.from_numpy(square_mask()))
    [line] = warned(recwarn)
    assert line.endswith("dropped from polygons: 4 (annotations 1, 2, 3)")
    assert line.startswith(str(tmp_path / "file.json"))
    for record in dataset.coco.anns.values():
        assert np.array_equal(dataset.coco.annToMask(record), square_mask())


NOTHING = {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}


@pytest.mark.parametrize(
    "segmentation",
    [
        [[6, 4, 9, 6, 12, 8]],
        [[6.2, 4, 6.4, 4, 6.4, 9, 6.2, 9]],
        [[40, 4, 50, 4, 50, 9]],
        [[1, 1, 5, 5]],
        NOTHING,
        NOTHING | {"counts": [0, 0, HEIGHT * WIDTH]},
    ],
    ids=["collinear", "thin", "off the image", "all stray", "zeros", "zeros in three runs"],
)
@pytest.mark.filterwarnings("ignore:.*fewer than three points")
def test_a_mask_without_a_pixel_is_left_out(tmp_path, recwarn, segmentation):
    faulty = annotation(7, segmentation=segmentation)
    dataset = open_file(tmp_path, annotation(3), faulty)
    _, target = dataset[0]
    assert len(target["boxes"]) == len(target["labels"]) == len(target["masks"]) == 1
    assert target["masks"].any()
    lines = [line for line in warned(recwarn) if "three points" not in line]
    assert len(lines) == 1
    assert "left out of training: masks without a pixel" in lines[0]
    assert lines[0].endswith(": 1 (annotations 7)")
    # Evaluation has it still, and as nothing.
    assert not dataset.coco.annToMask(dataset.coco.anns[7]).any()
    assert not open_file(tmp_path, faulty).has_objects(0)


@pytest.mark.parametrize(
    ("form", "crowd"),
    [("0", 0), ("1", 1), ("", 0), (False, 0), (True, 1), (0.0, 0), (1.0, 1), ("false", 0)],
)
def test_crowds_are_told_in_every_form(tmp_path, form, crowd):
    dataset = open_file(tmp_path, annotation(1, iscrowd=form))
    assert dataset.has_objects(0) is not bool(crowd)
    assert dataset.coco.anns[1]["iscrowd"] == crowd


def test_a_crowd_of_null_is_none(tmp_path):
    file = write(tmp_path / "file.json", annotation_file({**annotation(1), "iscrowd": None}))
    write_picture(tmp_path / "5.png")
    dataset = CocoDataset.from_files(file, tmp_path)
    assert dataset.has_objects(0)
    assert dataset.coco.anns[1]["iscrowd"] == 0


@pytest.mark.parametrize("form", [2, "maybe", [0], -1])
def test_a_crowd_of_no_meaning_is_named(tmp_path, form):
    with pytest.raises(InputError, match="annotation 1 needs 0 or 1 for iscrowd"):
        open_file(tmp_path, annotation(1, iscrowd=form))


@pytest.mark.parametrize("counts", [[100.5, 5, 494.5], [99.5, 5.5, 495], [1e308, 1e308], ["100"]])
def test_runs_of_half_a_pixel_are_named(tmp_path, counts):
    encoding = {"size": [HEIGHT, WIDTH], "counts": counts}
    with pytest.raises(InputError, match="annotation 1 has an RLE whose counts"):
        open_file(tmp_path, annotation(1, segmentation=encoding))


def test_whole_numbers_may_be_written_as_fractions(tmp_path):
    encoding = {"size": [20.0, 30.0], "counts": [124.0, 5.0, 471.0]}
    dataset = open_file(tmp_path, annotation(1, segmentation=encoding))
    assert dataset[0][1]["masks"].sum() == 5


@pytest.mark.parametrize("box", [[6, 4, 12, 9], [6.4, 3.5, 12.2, 9], [7, 5, 13, 10]])
def test_boxes_by_two_corners_are_told_by_their_masks(tmp_path, recwarn, box):
    dataset = open_file(tmp_path, annotation(1), annotation(2, bbox=box))
    assert dataset[0][1]["boxes"].numpy() == pytest.approx(np.array([[6, 4, 12, 9], box]))
    assert dataset.coco.anns[2]["bbox"] == pytest.approx(
        [box[0], box[1], box[2] - box[0], box[3] - box[1]]
    )
    [line] = warned(recwarn)
    assert "(x1, y1, x2, y2)" in line
    assert line.endswith(": 1 (annotations 2)")


@pytest.mark.parametrize("box", [[6, 4, 6, 5], [5, 3, 8, 7], [6, 4, 2, 2], [0, 0, 30, 20]])
def test_boxes_that_may_be_meant_are_left_alone(tmp_path, recwarn, box):
    x, y, width, height = box
    dataset = open_file(tmp_path, annotation(1, bbox=box))
    assert dataset[0][1]["boxes"].tolist() == [[x, y, x + width, y + height]]
    assert not warned(recwarn)


@pytest.mark.parametrize("box", [[20, 4, 6, 5], [6, 14, 6, 5], [0, 0, 3, 2]])
def test_a_mask_outside_its_box_is_left_out(tmp_path, recwarn, box):
    runs = coco_mask.encode(square_mask())
    encoding = {**runs, "counts": runs["counts"].decode()}
    faulty = annotation(8, bbox=box), annotation(9, bbox=box, segmentation=encoding)
    dataset = open_file(tmp_path, annotation(1), *faulty)
    assert dataset[0][1]["boxes"].tolist() == [[6, 4, 12, 9]]
    [line] = warned(recwarn)
    assert line.endswith(
        "left out of training: masks that lie wholly outside their box: 2 (annotations 8, 9)"
    )
    assert sorted(dataset.coco.anns) == [1, 8, 9]


@pytest.mark.parametrize("far", [1e3, 1e9, 3e38, 1e308, -1e9, 10**30])
def test_coordinates_without_bound_are_clipped_and_named(tmp_path, recwarn, far):
    left, right = sorted((6, far))
    outline = [left, 4, right, 4, right, 9, left, 9]
    dataset = open_file(tmp_path, annotation(4, segmentation=[outline], bbox=None))
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[4:9, slice(6, None) if far > 0 else slice(0, 6)] = 1
    assert np.array_equal(dataset[0][1]["masks"][0], expected)
    [line] = warned(recwarn)
    assert "were clipped: 1 (annotations 4)" in line


@pytest.mark.parametrize("point", [float("nan"), float("inf"), 10**400, "6", None, [6], {}])
def test_what_is_no_coordinate_is_named(tmp_path, point):
    outline = [point, 4, 12, 4, 12, 9]
    with pytest.raises(InputError, match="annotation 4 needs polygons"):
        open_file(tmp_path, annotation(1), annotation(4, segmentation=[outline]))


@pytest.mark.parametrize(
    "box", [[1, 2, 3, 10**400], [1, 2, 3, "4"], [1, 2, 3, None], 7, "1234", {"x": 1}]
)
def test_what_is_no_box_is_named(tmp_path, box):
    with pytest.raises(InputError, match="annotation 4 needs bbox"):
        open_file(tmp_path, annotation(1), annotation(4, bbox=box), masks=False)


def test_at_most_twenty_annotations_are_named_of_each_fault(tmp_path, recwarn):
    faulty = [annotation(k, segmentation=[[1, 1, 5, 5], SQUARE]) for k in range(1, 34)]
    open_file(tmp_path, *faulty, annotation(50, bbox=[3, 3, 0, 5]))
    parts, box = warned(recwarn)
    assert ": 33 (annotations 1, 2, 3, " in parts
    assert parts.endswith(", 19, 20 and 13 more)")
    assert box.endswith(": 1 (annotations 50)")


@pytest.mark.parametrize("value", [[1], {}, None, 1.5, "one", True])
def test_references_of_no_meaning_are_named(tmp_path, value):
    content = annotation_file(annotation(1), {**annotation(2), "category_id": value})
    write_picture(tmp_path / "5.png")
    with pytest.raises(InputError, match=r"file\.json: annotation 2 has the unknown category"):
        CocoDataset.from_files(write(tmp_path / "file.json", content), tmp_path)
    content = annotation_file(annotation(1), {**annotation(2), "image_id": value})
    with pytest.raises(InputError, match=r"file\.json: annotation 2 belongs to the unknown image"):
        CocoDataset.from_files(write(tmp_path / "file.json", content), tmp_path)


@pytest.mark.parametrize("name", [None, 7, ["kite"]])
def test_a_category_without_a_name_is_named(tmp_path, name):
    content = annotation_file(annotation(1), categories=[(1, name)])
    with pytest.raises(InputError, match=r"file\.json: category 1 has no text as its name"):
        CocoDataset.from_files(write(tmp_path / "file.json", content), tmp_path)


@pytest.mark.parametrize(
    ("height", "width"), [(10**9, 10**9), (1, 10**6), (60_000, 60_000), (-5, 5), ("5", None)]
)
def test_images_of_impossible_sizes_are_named(tmp_path, height, width):
    content = annotation_file(annotation(1))
    content["images"][0].update(height=height, width=width)
    with pytest.raises(InputError, match=r"file\.json: image 5"):
        CocoDataset.from_files(write(tmp_path / "file.json", content), tmp_path)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"images":' + "[" * 100_000, '{"a":' * 50_000, "\0", '{"images": 1e999}'],
    ids=["lists", "images", "objects", "zero", "infinity"],
)
def test_files_that_are_nested_or_nothing(tmp_path, text):
    (tmp_path / "file.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"file\.json"):
        CocoDataset.from_files(tmp_path / "file.json", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_files_in_other_encodings_open(tmp_path, encoding):
    content = annotation_file(annotation(1), categories=[(1, "Käfer")])
    write_picture(tmp_path / "5.png")
    text = json.dumps(content, ensure_ascii=False)
    (tmp_path / "file.json").write_text(text, encoding=encoding)
    dataset = CocoDataset.from_files(tmp_path / "file.json", tmp_path)
    assert dataset.categories == {1: "Käfer"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_pipes_and_folders_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for thing in ("pipe", "."):
        with pytest.raises(FileNotFoundError, match="no regular file"):
            CocoDataset.from_files(tmp_path / thing, tmp_path)
    content = annotation_file(annotation(1), images=["pipe"])
    with pytest.raises(InputError, match=r"pipe is no regular file, .*image 5"):
        CocoDataset.from_files(write(tmp_path / "file.json", content), tmp_path)


@pytest.mark.parametrize("name", ["a\0b.png", "\ud800.png", "x" * 5000, "", "."])
def test_names_that_no_file_can_have(tmp_path, name):
    content = annotation_file(annotation(1), images=[name])
    with pytest.raises(InputError, match="image 5"):
        CocoDataset.from_files(write(tmp_path / "file.json", content), tmp_path)


def test_a_picture_of_another_size_is_named_with_its_image(tmp_path):
    dataset = open_file(tmp_path, annotation(1))
    write_picture(tmp_path / "5.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"5\.png.*file\.json, image 5"):
        dataset[0]


def test_a_file_that_takes_a_while_is_announced(tmp_path, capsys, monkeypatch):
    open_file(tmp_path, annotation(1))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("mrcnn_lite.datasets.coco_checks.LARGE_FILE", 100)
    open_file(tmp_path, annotation(1))
    assert capsys.readouterr().err.startswith(f"reading {tmp_path / 'file.json'}, ")


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("box", [[6, 4, 6, 5], "none"])
def test_garbage_is_collected_afterwards_as_before(tmp_path, enabled, box):
    was_enabled = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with nullcontext() if box != "none" else pytest.raises(InputError):
            open_file(tmp_path, annotation(1, bbox=box))
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()
