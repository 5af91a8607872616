"""Polygons are measured and clipped as pycocotools draws them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets.coco_polygons import check_polygons, clip
from mrcnn_lite.datasets.notes import Notes

HEIGHT, WIDTH = 24, 31
SIZE = np.array([HEIGHT, WIDTH])


def drawn(polygons):
    """The mask that pycocotools draws, `[H, W]`."""
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, HEIGHT, WIDTH)))


def outlines_of(*segmentations):
    """What is found of each annotation, and the annotations as they are afterwards."""
    annotations = [{"id": k, "segmentation": list(s)} for k, s in enumerate(segmentations)]
    sizes = np.tile(SIZE, (len(annotations), 1))
    [outlines] = check_polygons(annotations, range(len(annotations)), sizes, Notes())
    return outlines, [annotation["segmentation"] for annotation in annotations]


def polygons(lowest, highest):
    """A few points anywhere, so with lines that cross each other, too."""
    coordinate = st.floats(lowest, highest) | st.integers(int(lowest), int(highest))
    points = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9)
    return points.map(lambda points: [number for point in points for number in point])


@given(st.lists(st.lists(polygons(-6, 36), min_size=1, max_size=3), min_size=1, max_size=4))
@settings(max_examples=100)
def test_masks_without_a_pixel_are_those_that_pycocotools_draws_empty(segmentations):
    outlines, _ = outlines_of(*segmentations)
    assert outlines.places.tolist() == list(range(len(segmentations)))
    assert outlines.empty.tolist() == [not drawn(one).any() for one in segmentations]
    for extent, segmentation in zip(outlines.extents, segmentations):
        points = np.concatenate([np.reshape(one, (-1, 2)) for one in segmentation])
        assert extent.tolist() == [*points.min(axis=0), *points.max(axis=0)]


@given(polygons(-200, 200))
@settings(max_examples=100)
def test_a_polygon_within_reason_is_left_alone_and_others_keep_their_mask(polygon):
    reach = max(HEIGHT, WIDTH)
    annotations = [{"id": 1, "segmentation": [list(polygon)]}]
    notes = Notes()
    list(check_polygons(annotations, [0], SIZE[None], notes))
    mended = annotations[0]["segmentation"]
    if -reach <= min(polygon) and max(polygon) <= 2 * reach:
        assert mended == [polygon]
        assert not notes.lines()
    else:
        assert len(notes.lines()) == 1
        # pycocotools rounds points to a fifth of a pixel, so those that clipping makes, too: a
        # pixel whose middle is that near to the outline may change.
        differing = drawn(mended) != drawn([polygon]) if mended else drawn([polygon]) > 0
        assert not (differing & ~near_outline(polygon, 0.5)).any()


def near_outline(polygon, distance):
    """Whether the middle of each pixel is so near to one of a polygon's lines, `[H, W]`."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    middles = np.stack([x, y], axis=-1) + 0.5  # [H, W, 2]
    points = np.reshape(polygon, (-1, 2)).astype(float)
    near = np.zeros((HEIGHT, WIDTH), bool)
    for start, end in zip(points, np.roll(points, -1, axis=0)):
        along = end - start
        share = ((middles - start) @ along / max(along @ along, 1e-12)).clip(0, 1)
        gap = middles - (start + share[..., None] * along)
        near |= np.hypot(gap[..., 0], gap[..., 1]) < distance
    return near


@given(polygons(-100, 100))
@settings(max_examples=100)
def test_clipping_keeps_the_area_inside(polygon):
    left, top, right, bottom = 0, 0, WIDTH, HEIGHT
    clipped = clip(polygon, left, top, right, bottom)
    points = np.reshape(clipped, (-1, 2))
    assert (points >= [left, top]).all()
    assert (points <= [right, bottom]).all()
    # A rectangle cut in two, left and right, is as large as its halves together.
    halves = [clip(polygon, 0, 0, 11, HEIGHT), clip(polygon, 11, 0, WIDTH, HEIGHT)]
    assert signed_area(clipped) == pytest.approx(sum(map(signed_area, halves)), abs=1e-6)


def signed_area(polygon):
    x, y = np.reshape(polygon, (-1, 2)).T
    return (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        ([-5, -5, 5, -5, 5, 5, -5, 5], [0, 0, 5, 0, 5, 5, 0, 5]),
        ([1, 1, 4, 1, 4, 4], [1, 1, 4, 1, 4, 4]),
        ([-9, 1, -4, 1, -4, 4], []),
        # The smallest number that there is, and the largest.
        ([5e-324, 0, -5, 0, -5, 4, 5e-324, 4], [0, 0, 0, 4]),
        ([0, 0, 1e308, 0, 0, 1e308], [0, 0, 10, 0, 10, 10, 0, 10]),
    ],
)
def test_clipping_by_hand(polygon, expected):
    clipped = clip(polygon, 0, 0, 10, 10)
    pairs = set(zip(np.round(clipped[0::2], 9).tolist(), np.round(clipped[1::2], 9).tolist()))
    assert pairs == set(zip(expected[0::2], expected[1::2]))


def test_chunks_are_put_together(monkeypatch):
    monkeypatch.setattr("mrcnn_lite.datasets.coco_polygons.CHUNK", 2)
    square, line = [1, 1, 9, 1, 9, 9, 1, 9], [1, 1, 5, 5, 9, 9]
    annotations = [{"id": k, "segmentation": [s]} for k, s in enumerate([square, line] * 3)]
    sizes = np.tile(SIZE, (6, 1))
    parts = list(check_polygons(annotations, [0, 1, 3, 4, 5], sizes, Notes()))
    assert len(parts) == 3
    assert np.concatenate([part.places for part in parts]).tolist() == [0, 1, 3, 4, 5]
    empty = np.concatenate([part.empty for part in parts]).tolist()
    assert empty == [False, True, True, False, True]
