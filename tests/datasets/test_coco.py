import json
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets import CocoDataset
from mrcnn_lite.datasets.coco_rle import decompress
from mrcnn_lite.errors import InputError

HEIGHT, WIDTH = 20, 30


def square_mask():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[4:9, 6:12] = 1
    return mask


def runs_of(mask):
    """Run lengths, column by column, counted one pixel at a time."""
    runs, current = [0], 0
    for pixel in mask.ravel(order="F"):
        if pixel != current:
            runs.append(0)
            current = pixel
        runs[-1] += 1
    return runs


def annotation(number, image_id=5, segmentation=None, **changes):
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 3,
        "bbox": [6, 4, 6, 5],
        "area": 30,
        "iscrowd": 0,
        "segmentation": segmentation or [[6, 4, 12, 4, 12, 9, 6, 9]],
        **changes,
    }


@pytest.fixture
def content():
    """Image 5 with all kinds of segmentations and a crowd, image 9 with nothing."""
    compressed = coco_mask.encode(square_mask())
    compressed["counts"] = compressed["counts"].decode()
    uncompressed = {"size": [HEIGHT, WIDTH], "counts": runs_of(square_mask())}
    return {
        "images": [
            {"id": number, "file_name": f"{number}.png", "height": HEIGHT, "width": WIDTH}
            for number in (5, 9)
        ],
        "categories": [{"id": 3, "name": "kite"}, {"id": 90, "name": "sofa"}],
        "annotations": [
            annotation(11),
            annotation(12, segmentation=compressed, category_id=90),
            annotation(13, segmentation=uncompressed),
            annotation(14, segmentation=uncompressed, iscrowd=1),
        ],
    }


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "annotations").mkdir(parents=True)
    (root / "tiny").mkdir()
    for number in (5, 9):
        pixels = np.full((HEIGHT, WIDTH, 3), number, np.uint8)
        Image.fromarray(pixels).save(root / "tiny" / f"{number}.png")
    return root


def load(root, content, **options):
    (root / "annotations" / "instances_tiny.json").write_text(json.dumps(content), encoding="utf-8")
    return CocoDataset(root, "tiny", **options)


def test_every_kind_of_segmentation(root, content):
    dataset = load(root, content)
    assert len(dataset) == 2
    assert dataset.categories == {1: "kite", 2: "sofa"}
    assert dataset.category_ids == {1: 3, 2: 90}
    assert dataset.num_classes == 3
    image, target = dataset[0]
    assert torch.allclose(image, torch.full((3, HEIGHT, WIDTH), 5 / 255))
    assert target["image_id"] == dataset.image_id(0) == 5
    assert target["labels"].tolist() == [1, 2, 1]
    assert target["labels"].dtype == torch.int64
    assert target["masks"].dtype == torch.uint8
    for mask in target["masks"]:
        assert torch.equal(mask, torch.from_numpy(square_mask()))
    assert target["boxes"].tolist() == [[6, 4, 12, 9]] * 3


def test_an_image_without_annotations(root, content):
    _, target = load(root, content)[1]
    assert target["boxes"].shape == (0, 4)
    assert target["boxes"].dtype == torch.float32
    assert target["labels"].shape == (0,)
    assert target["labels"].dtype == torch.int64
    assert target["masks"].shape == (0, HEIGHT, WIDTH)
    assert target["masks"].dtype == torch.uint8


def test_crowds_stay_in_the_ground_truth(root, content, capsys):
    coco = load(root, content).coco
    assert capsys.readouterr().out == ""
    assert sorted(coco.anns) == [11, 12, 13, 14]
    assert coco.anns[14]["iscrowd"] == 1


def test_evaluation_cannot_change_the_targets(root, content):
    dataset = load(root, content)
    for record in dataset.coco.anns.values():
        record["segmentation"] = "overwritten"
    assert dataset[0][1]["masks"].sum().item() == 3 * square_mask().sum()


def test_chosen_images(root, content):
    dataset = load(root, content, image_ids=[9])
    assert [target["image_id"] for _, target in dataset] == [9]
    assert list(dataset.coco.imgs) == [9]
    assert not dataset.coco.anns
    assert [t["image_id"] for _, t in load(root, content, image_ids=[9, 5])] == [9, 5]
    with pytest.raises(InputError, match="no image 7"):
        load(root, content, image_ids=[5, 7])
    with pytest.raises(InputError, match="5 is given twice"):
        load(root, content, image_ids=[5, 5])


def test_boxes_are_clipped_to_the_image(root, content):
    content["annotations"] = [annotation(1, bbox=[-2, -1, 40, 10.5])]
    assert load(root, content)[0][1]["boxes"].tolist() == [[0, 0, WIDTH, 9.5]]


def test_boxes_without_area_are_dropped_and_counted_once(root, content):
    content["annotations"] = [
        annotation(1, bbox=[3, 3, 0, 5]),
        annotation(2),
        annotation(3, bbox=[3, 3, 5, 0]),
        annotation(4, bbox=[WIDTH + 1, 3, 5, 5]),
    ]
    with pytest.warns(UserWarning, match=r"width or height.*: 3 \(annotations 1, 3, 4\)") as caught:
        dataset = load(root, content)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert dataset[0][1]["boxes"].tolist() == [[6, 4, 12, 9]]
        assert sorted(dataset.coco.anns) == [1, 2, 3, 4]


RLE = {"size": [HEIGHT, WIDTH], "counts": [100, 5, 495]}


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("annotations", {"segmentation": [[1, 1, 5, 5, 9]]}, "annotation 11.*polygons"),
        ("annotations", {"segmentation": [["a"] * 6]}, "annotation 11.*polygons"),
        ("annotations", {"segmentation": []}, "no segmentation.*annotations 11"),
        ("annotations", {"segmentation": "box"}, "annotation 11.*RLE"),
        ("annotations", {"segmentation": RLE | {"size": [30, 20]}}, r"11.*\[30, 20\].*\[20, 30\]"),
        ("annotations", {"segmentation": RLE | {"counts": [100, 5]}}, "annotation 11.*20 x 30"),
        ("annotations", {"segmentation": RLE | {"counts": [605, -5]}}, "annotation 11.*20 x 30"),
        ("annotations", {"segmentation": RLE | {"counts": "zzzz"}}, "annotation 11.*20 x 30"),
        ("annotations", {"segmentation": RLE | {"counts": ""}}, "annotation 11.*20 x 30"),
        ("annotations", {"bbox": [1, 2, 3]}, "annotation 11.*bbox"),
        ("annotations", {"bbox": [1, 2, 3, float("nan")]}, "annotation 11.*bbox"),
        ("annotations", {"category_id": 4}, "annotation 11.*unknown category 4"),
        ("annotations", {"image_id": 6}, "annotation 11.*unknown image 6"),
        ("annotations", {"id": 12}, "annotations.*12 twice"),
        ("annotations", {"id": "a"}, "annotations.*'a'"),
        ("annotations", {"area": "large"}, "annotation 11.*area.*large"),
        ("images", {"id": 9}, "images.*9 twice"),
        ("images", {"height": 0}, "image 5.*height"),
        ("images", {"file_name": 5}, "image 5.*file_name"),
        ("images", {"file_name": "lost.png"}, r"lost\.png is missing"),
        ("categories", {"id": 90}, "categories.*90 twice"),
    ],
)
def test_a_mistake_in_the_file_is_named(root, content, section, changes, message):
    content[section][0].update(changes)
    with pytest.raises(InputError, match=message) as caught:
        load(root, content)
    assert "instances_tiny.json" in str(caught.value)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        *(("images", key) for key in ("id", "file_name", "height", "width")),
        *(("annotations", key) for key in ("id", "image_id", "category_id")),
        ("categories", "name"),
    ],
)
def test_a_missing_key_is_named(root, content, section, key):
    del content[section][0][key]
    with pytest.raises(InputError, match=rf'instances_tiny\.json.*{section}.*"{key}"'):
        load(root, content)


@pytest.mark.parametrize("section", ["images", "annotations", "categories"])
def test_a_missing_section_is_named(root, content, section):
    del content[section]
    with pytest.raises(InputError, match=rf'instances_tiny\.json.*"{section}"'):
        load(root, content)


def test_an_annotation_without_segmentation_is_named(root, content):
    del content["annotations"][1]["segmentation"]
    message = r"1 of 4 annotations have no segmentation \(annotations 12\).*mask_head=none"
    with pytest.raises(InputError, match=message):
        load(root, content)


@pytest.mark.parametrize("text", ["{", "[]", "7", ""])
def test_a_file_that_is_not_such_a_file(root, text):
    (root / "annotations" / "instances_tiny.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"instances_tiny\.json"):
        CocoDataset(root, "tiny")


def test_missing_paths_are_named(root, content):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*instances_tiny\.json"):
        CocoDataset(root / "nowhere", "tiny")
    load(root, content)
    with pytest.raises(FileNotFoundError, match=r"instances_big\.json.*tiny"):
        CocoDataset(root, "big")
    (root / "tiny").rename(root / "moved")
    with pytest.raises(FileNotFoundError, match="pictures of tiny"):
        CocoDataset(root, "tiny")


def test_a_picture_is_only_needed_if_it_is_used(root, content):
    (root / "tiny" / "9.png").unlink()
    assert len(load(root, content, image_ids=[5])) == 1
    with pytest.raises(InputError, match=r"9\.png is missing.*image 9"):
        load(root, content)


def test_damaged_and_resized_pictures_are_named(root, content):
    dataset = load(root, content)
    picture = root / "tiny" / "5.png"
    Image.new("RGB", (HEIGHT, WIDTH)).save(picture)
    with pytest.raises(InputError, match=r"5\.png is 20 x 30.*30 x 20"):
        dataset[0]
    picture.write_bytes(picture.read_bytes()[:50])
    with pytest.raises(InputError, match=r"5\.png"):
        dataset[0]


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([0.02, 0.3, 0.9]),
    st.integers(0, 2**32),
)
def test_compressed_runs_are_those_of_pycocotools(height, width, density, seed):
    mask = (np.random.default_rng(seed).random((height, width)) < density).astype(np.uint8)
    encoding = coco_mask.encode(np.asfortranarray(mask))
    assert decompress(encoding["counts"].decode()).tolist() == runs_of(mask)


def test_long_runs_decompress():
    mask = np.zeros((3000, 2000), np.uint8, order="F")
    mask[:, 1500:] = 1
    mask[5, 7] = 1
    counts = coco_mask.encode(mask)["counts"].decode()
    expected = [7 * 3000 + 5, 1, 1493 * 3000 - 6, 500 * 3000]
    assert decompress(counts).tolist() == expected


@given(st.text(max_size=12))
def test_any_text_can_be_decompressed(text):
    assert all(isinstance(run, int) for run in decompress(text).tolist())


@pytest.mark.parametrize("split", ["train2017", "val2017"])
def test_real_photographs(coco64, split):
    content = json.loads((coco64 / "annotations" / f"instances_{split}.json").read_text("utf-8"))
    dataset = CocoDataset(coco64, split)
    coco = dataset.coco
    assert dataset.image_ids == [image["id"] for image in content["images"]]
    assert sorted(coco.anns) == sorted(record["id"] for record in content["annotations"])
    assert any(record["iscrowd"] for record in coco.anns.values())
    assert dataset.num_classes == 91
    assert len(dataset.categories) == 80
    for image, target in dataset:
        records = [r for r in coco.imgToAnns[target["image_id"]] if not r["iscrowd"]]
        assert target["labels"].tolist() == [record["category_id"] for record in records]
        assert target["masks"].shape == (len(records), *image.shape[1:])
        for mask, box, record in zip(target["masks"], target["boxes"], records):
            assert np.array_equal(mask, coco.annToMask(record))
            x1, y1, x2, y2 = box.tolist()
            assert np.allclose([x1, y1, x2 - x1, y2 - y1], record["bbox"], atol=0.02)
