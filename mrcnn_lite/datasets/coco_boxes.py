"""Boxes and masks of an annotation file compared: which annotations can be learnt from."""

from array import array
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets.coco_format import Record
from mrcnn_lite.datasets.coco_polygons import check_polygons
from mrcnn_lite.datasets.coco_rle import check_rle, encode_segmentation, no_pixel
from mrcnn_lite.datasets.notes import Notes, listed, naming, short
from mrcnn_lite.errors import InputError

NO_SIZE = "left out of training: boxes without width or height inside their image"
NO_PIXEL = "left out of training: masks without a pixel inside their image"
APART = "left out of training: masks that lie wholly outside their box"
CORNERS = "boxes taken for (x1, y1, x2, y2), not (x, y, width, height), as their masks say"
# Boxes are often rounded, or a pixel larger than the mask.
TOLERANCE = 2.0


def check_boxes(
    annotations: list[Record], sizes: Mapping[int, tuple[int, int]], masks: bool, notes: Notes
) -> list[bool]:
    """Check boxes and masks; fill in boxes and areas that are missing, mend what can be mended.

    Args:
        annotations: with whole ids.
        sizes: image id to height and width.
        masks: whether every annotation needs a segmentation.
        notes: of what was mended or left out.

    Returns:
        For every annotation whether it can be learnt from: it is no crowd region, its box has a
        width and a height inside its image, and its mask, if it has one, a pixel inside the box.

    Raises:
        InputError: a box or a mask is none; the message names the annotation.
    """
    numbers = {image_id: number for number, image_id in enumerate(sizes)}
    images = np.array([numbers[one["image_id"]] for one in annotations], dtype=np.int64)
    size = np.array(list(sizes.values()), dtype=np.int64).reshape(-1, 2)[images]
    extents, empty = _measure_masks(annotations, size, masks, notes)
    boxes = _read_boxes(annotations)
    height, width = size.T
    limits = np.stack([width, height, width, height], axis=1)
    has_mask = np.isfinite(extents[:, 0]) & ~empty

    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    missing = np.isnan(boxes[:, 0])
    with np.errstate(invalid="ignore"):
        # The mask beyond the image may or may not be in the box.
        inner = np.clip(extents, 0, limits)
        mistaken = has_mask & ~missing
        mistaken &= _fits(boxes, extents, inner, limits) & ~_fits(corners, extents, inner, limits)
    corners[mistaken] = boxes[mistaken]
    corners[missing] = np.where(has_mask[missing, None], inner[missing], 0.0)
    for place in np.flatnonzero(mistaken | missing).tolist():
        x1, y1, x2, y2 = corners[place].tolist()
        annotations[place]["bbox"] = [x1, y1, x2 - x1, y2 - y1]
    corners = np.clip(corners, 0, limits)
    _fill_in_areas(annotations, size)

    crowd = np.array([one["iscrowd"] for one in annotations], dtype=bool)
    no_size = ~crowd & ~empty & (corners[:, :2] >= corners[:, 2:]).any(axis=1)
    with np.errstate(invalid="ignore"):
        apart = (inner[:, :2] > corners[:, 2:] + 1) | (inner[:, 2:] < corners[:, :2] - 1)
    apart = ~crowd & ~no_size & has_mask & apart.any(axis=1)
    empty &= ~crowd
    for fault, found in (
        (CORNERS, mistaken),
        (NO_SIZE, no_size),
        (NO_PIXEL, empty),
        (APART, apart),
    ):
        for place in np.flatnonzero(found).tolist():
            notes.add(fault, annotations[place]["id"])
    return (~(crowd | no_size | empty | apart)).tolist()


def _measure_masks(
    annotations: list[Record], size: NDArray[np.int64], masks: bool, notes: Notes
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Extents `[N, 4]` of the masks, NaN where there is none, and `[N]` whether they are empty."""
    extents = np.full((len(annotations), 4), np.nan)
    empty = np.zeros(len(annotations), dtype=bool)
    polygons, encodings, without = [], [], []
    for place, annotation in enumerate(annotations):
        segmentation = annotation.get("segmentation")
        if not segmentation or segmentation == [[]]:
            without.append(place)
        elif isinstance(segmentation, list):
            polygons.append(place)
        else:
            encodings.append(place)
    if without and masks:
        ids = [annotations[place]["id"] for place in without]
        raise InputError(
            f"{len(ids)} of {len(annotations)} annotations have no segmentation "
            f"(annotations {listed(ids)}); masks cannot be learnt from boxes alone, so train "
            "without them (--set mask_head=none)"
        )
    for outlines in check_polygons(annotations, polygons, size, notes):
        extents[outlines.places] = outlines.extents
        empty[outlines.places] = outlines.empty
    for place in polygons:
        # Of whose polygons nothing is left.
        if not annotations[place]["segmentation"]:
            empty[place] = True
            annotations[place]["segmentation"] = no_pixel(*size[place].tolist())
    for place in encodings:
        height, width = size[place].tolist()
        segmentation = annotations[place]["segmentation"]
        with naming(annotations[place]):
            empty[place] = check_rle(segmentation, height, width) == 0
        x, y, box_width, box_height = coco_mask.toBbox(
            encode_segmentation(segmentation, height, width)
        )
        extents[place] = x, y, x + box_width, y + box_height
    return extents, empty


def _read_boxes(annotations: list[Record]) -> NDArray[np.float64]:
    """The boxes as they stand in the file, `[N, 4]`; NaN where there is a mask alone."""
    numbers, missing = array("d"), []
    for place, annotation in enumerate(annotations):
        box = annotation.get("bbox")
        if not box and annotation.get("segmentation"):
            missing.append(place)
            box = [0, 0, 0, 0]
        try:
            numbers.fromlist(box)
        except (TypeError, OverflowError):
            _refuse_box(annotation)
        if len(box) != 4:
            _refuse_box(annotation)
    boxes = np.array(numbers).reshape(-1, 4)
    for place in np.flatnonzero(~np.isfinite(boxes).all(axis=1)):
        _refuse_box(annotations[place])
    boxes[missing] = np.nan
    return boxes


def _refuse_box(annotation: Record) -> NoReturn:
    with naming(annotation):
        raise InputError(
            f"needs bbox = [x, y, width, height], got {short(annotation.get('bbox'))}"
        ) from None


def _fits(
    boxes: NDArray[np.float64],
    extents: NDArray[np.float64],
    inner: NDArray[np.float64],
    limits: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether boxes (x1, y1, x2, y2) are those of the masks, or of what is inside the image."""
    return np.logical_or(
        (np.abs(boxes - extents) <= TOLERANCE).all(axis=1),
        (np.abs(np.clip(boxes, 0, limits) - inner) <= TOLERANCE).all(axis=1),
    )


def _fill_in_areas(annotations: list[Record], size: NDArray[np.int64]) -> None:
    """Measure areas that are missing: in pixels of the mask, or else of the box."""
    for place, annotation in enumerate(annotations):
        if annotation["area"] is None:
            segmentation: Any = annotation.get("segmentation")
            if segmentation and segmentation != [[]]:
                annotation["area"] = int(
                    coco_mask.area(encode_segmentation(segmentation, *size[place]))
                )
            else:
                annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
