import hashlib
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from torchvision.ops import masks_to_boxes

from mrcnn_lite.datasets import CocoDataset, ShapesDataset
from mrcnn_lite.datasets import shapes as shapes_module
from mrcnn_lite.datasets.shape_outlines import OUTLINES
from mrcnn_lite.datasets.shapes import CATEGORIES

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "shapes"


def assert_same_sample(actual, expected):
    assert torch.equal(actual[0], expected[0])
    assert actual[1].keys() == expected[1].keys()
    for key in ("boxes", "labels", "masks"):
        assert actual[1][key].dtype == expected[1][key].dtype
        assert torch.equal(actual[1][key], expected[1][key])
    assert actual[1]["image_id"] == expected[1]["image_id"]


def test_committed_sample_is_what_the_generator_draws():
    committed = CocoDataset(SAMPLE, "sample")
    generated = ShapesDataset(16, seed=2017)
    assert len(committed) == 16
    assert committed.categories == generated.categories
    for index in range(16):
        assert_same_sample(generated[index], committed[index])


def test_scenes_stay_the_same_for_ever():
    digest = hashlib.sha256()
    for crowded, image_size in itertools.product((False, True), (64, 128)):
        dataset = ShapesDataset(10**6, 7, image_size, crowded)
        for index in (0, 1, 123_456):
            scene = dataset.scene(index)
            digest.update(np.packbits(scene.masks).tobytes())
            digest.update(scene.labels.astype("<i8").tobytes())
            digest.update(scene.boxes.astype("<f4").tobytes())
    assert digest.hexdigest() == "8005f60a71dee1aab602e5b64bb3745e080e81649997b5424cbf569c5f5ea4ad"


def test_a_scene_depends_on_seed_and_index_alone():
    short, long = ShapesDataset(3, seed=5), ShapesDataset(1000, seed=5)
    long[900]
    assert_same_sample(short[2], long[2])
    assert not torch.equal(short[0][0], short[1][0])
    assert not torch.equal(short[0][0], ShapesDataset(3, seed=6)[0][0])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**40),
    index=st.integers(0, 2**40),
    image_size=st.integers(32, 150),
    crowded=st.booleans(),
)
def test_every_scene_keeps_its_promises(seed, index, image_size, crowded):
    image, target = ShapesDataset(2**41, seed, image_size, crowded)[index]
    masks, boxes, labels = target["masks"], target["boxes"], target["labels"]
    assert image.dtype == torch.float32
    assert image.shape == (3, image_size, image_size)
    assert 0 <= image.min() <= image.max() <= 1
    assert masks.dtype == torch.uint8
    assert masks.shape == (len(labels), image_size, image_size)
    assert labels.dtype == torch.int64
    assert set(labels.tolist()) <= set(CATEGORIES)
    assert 1 <= len(labels) <= (8 if crowded else 5)
    assert masks.sum(dim=0).max() == 1, "visible masks do not overlap"
    assert masks.sum(dim=(1, 2)).min() >= 24 * (image_size / 128) ** 2
    assert boxes.dtype == torch.float32
    assert torch.equal(boxes, masks_to_boxes(masks) + torch.tensor([0.0, 0.0, 1.0, 1.0]))


def test_the_picture_agrees_with_the_masks(monkeypatch):
    """Draw grey shapes, each brighter than the one behind it, on black and without noise."""
    for index in range(20):
        dataset = ShapesDataset(20, seed=1, crowded=True)
        greys = itertools.count(1)

        def draw_background(rng, uniform, size):
            return np.zeros((3, size, size), np.float32), None

        def draw_grey(x, y, uniform, size, background, greys=greys):
            return np.full((3, 1, 1), next(greys) / 10, np.float32)

        monkeypatch.setattr(shapes_module, "draw_background", draw_background)
        monkeypatch.setattr(shapes_module, "draw_texture", draw_grey)
        monkeypatch.setattr(shapes_module, "noise", lambda rng, size: np.float32(0.5))
        scene = dataset.scene(index)
        drawn = scene.image[:, :, 0] / 255
        expected = np.zeros_like(drawn)
        for place, mask in enumerate(reversed(scene.masks), start=1):
            expected[mask] = place / 10
        # Edges are soft, so look where the eight neighbours belong to the same instance.
        windows = np.lib.stride_tricks.sliding_window_view(expected, (3, 3))
        flat = windows.min(axis=(2, 3)) == windows.max(axis=(2, 3))
        assert flat.mean() > 0.5
        error = np.abs(drawn - expected)[1:-1, 1:-1][flat]
        assert (error < 0.01).mean() > 0.999


def polygon(name, radius):
    def on_circle(count, start=0.0):
        angles = [start + 2 * math.pi * k / count for k in range(count)]
        return np.array([(math.cos(a), math.sin(a)) for a in angles])

    if name == "square":
        return radius * on_circle(4, math.pi / 4)
    if name == "triangle":
        return -radius * on_circle(3)
    if name == "star":  # outer and inner corners by turns
        inner = -on_circle(5) * math.cos(math.radians(72)) / math.cos(math.radians(36))
        corners = np.concatenate([inner, on_circle(5)])
        return radius * corners[np.argsort(np.arctan2(corners[:, 1], corners[:, 0]))]
    long, short = 0.94, 0.3
    quarter = np.array([(long, -short), (long, short), (short, short)])
    turns = [quarter @ np.array([(c, s), (-s, c)]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    return radius * np.concatenate(turns)


@pytest.mark.parametrize("name", OUTLINES)
@pytest.mark.parametrize("radius", [8.0, 21.3, 32.0])
def test_outlines_hold_the_points_that_geometry_says(name, radius):
    axis = np.linspace(-40, 40, 161, dtype=np.float32) + np.float32(0.123)
    x, y = np.meshgrid(axis, axis + np.float32(0.05))
    inside = OUTLINES[name](x, y, radius) < 0
    distance = np.hypot(x, y)
    if name == "circle":
        expected = distance < radius
    elif name == "ring":
        expected = (distance < radius) & (distance > 0.52 * radius)
    else:
        points = np.stack([x.ravel(), y.ravel()], axis=1)
        expected = Outline(polygon(name, radius)).contains_points(points).reshape(x.shape)
    assert expected.any()
    assert np.count_nonzero(inside != expected) <= 2  # points on the outline itself


def test_coco_holds_the_same_instances(capsys):
    dataset = ShapesDataset(5, seed=3, crowded=True)
    coco = dataset.coco
    assert capsys.readouterr().out == ""
    assert sorted(coco.imgs) == [dataset.image_id(i) for i in range(5)]
    assert {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())} == dataset.categories
    assert min(coco.anns) == 1
    for _, target in dataset:
        annotations = coco.imgToAnns[target["image_id"]]
        masks = [coco.annToMask(annotation) for annotation in annotations]
        assert torch.equal(torch.from_numpy(np.stack(masks)), target["masks"])
        x, y, width, height = torch.tensor([a["bbox"] for a in annotations]).T
        assert torch.equal(torch.stack([x, y, x + width, y + height], dim=1), target["boxes"])
        assert [a["category_id"] for a in annotations] == target["labels"].tolist()
        assert [a["area"] for a in annotations] == target["masks"].sum(dim=(1, 2)).tolist()


def test_the_dataset_ends_where_it_says():
    dataset = ShapesDataset(4, seed=0, image_size=32)
    assert len(list(dataset)) == len(dataset) == 4
    assert dataset.num_classes == 7
    with pytest.raises(IndexError):
        dataset[4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_scenes": -1, "seed": 0}, "num_scenes"),
        ({"num_scenes": 1, "seed": -1}, "seed"),
        ({"num_scenes": 1, "seed": 0, "image_size": 31}, "image_size.*31"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShapesDataset(**arguments)
