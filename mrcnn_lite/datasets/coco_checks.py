"""Checks of a COCO annotation file, so that a mistake in it is named before training starts."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mrcnn_lite.datasets.coco_format import Record
from mrcnn_lite.errors import InputError

# Labels are category ids, and a classifier gets an output for every number up to the largest.
MAX_CATEGORY_ID = 10_000

_KEYS = {
    "categories": ("id", "name"),
    "images": ("id", "file_name", "height", "width"),
    "annotations": ("id", "image_id", "category_id", "bbox", "area", "iscrowd"),
}


def read_annotation_file(path: Path) -> dict[str, list[Record]]:
    """Read and check an annotation file.

    Returns:
        Its "images", "annotations" and "categories".

    Raises:
        InputError: it is not JSON, lacks something, or contradicts itself; the message names the
            file and the record.
    """
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file: {error}") from error
    try:
        return _check(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _check(content: Any) -> dict[str, list[Record]]:
    if not isinstance(content, dict):
        raise InputError(f"expected a JSON object, got {_short(content)}")
    for section, keys in _KEYS.items():
        if not isinstance(content.get(section), list):
            raise InputError(f'lacks the list "{section}"')
        _check_keys(section, content[section], keys)
    for category in content["categories"]:
        if not 1 <= category["id"] <= MAX_CATEGORY_ID:
            raise InputError(
                f"category id {category['id']} ({category['name']}) is not within "
                f"1..{MAX_CATEGORY_ID}; ids serve as labels (0 is the background), so renumber them"
            )
    for image in content["images"]:
        if not (_is_whole(image["height"]) and _is_whole(image["width"])):
            raise InputError(f"image {image['id']} has no whole height and width over 0")
        if not isinstance(image["file_name"], str):
            raise InputError(f"image {image['id']} has no text as its file_name")
    categories = {category["id"] for category in content["categories"]}
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    for annotation in content["annotations"]:
        try:
            _check_annotation(annotation, categories, sizes)
        except InputError as error:
            raise InputError(f"annotation {annotation['id']} {error}") from None
    return {section: content[section] for section in _KEYS}


def _check_keys(section: str, records: list[Any], keys: Iterable[str]) -> None:
    seen = set()
    for position, record in enumerate(records):
        if not isinstance(record, dict):
            raise InputError(f"{section}[{position}] is not an object but {_short(record)}")
        for key in keys:
            if key not in record:
                known_as = f" (id {record['id']})" if "id" in record else ""
                raise InputError(f'{section}[{position}]{known_as} lacks the key "{key}"')
        number = record["id"]
        if not isinstance(number, int):
            raise InputError(f"{section}[{position}] has the id {_short(number)}, not an integer")
        if number in seen:
            raise InputError(f"{section} holds the id {number} twice")
        seen.add(number)


def _check_annotation(
    annotation: Record, categories: set[int], sizes: dict[int, tuple[int, int]]
) -> None:
    if annotation["id"] < 1:
        raise InputError("has an id under 1, which to pycocotools' evaluation means no match")
    if annotation["image_id"] not in sizes:
        raise InputError(f"belongs to the unknown image {_short(annotation['image_id'])}")
    if annotation["category_id"] not in categories:
        raise InputError(f"has the unknown category {_short(annotation['category_id'])}")
    if not _are_numbers(annotation["bbox"]) or len(annotation["bbox"]) != 4:
        raise InputError(f"needs bbox = [x, y, width, height], got {_short(annotation['bbox'])}")
    if not _are_numbers([annotation["area"]]):
        raise InputError(f"needs a number as its area, got {_short(annotation['area'])}")
    segmentation = annotation.get("segmentation")
    if not segmentation:
        raise InputError("has no segmentation; masks cannot be learnt from boxes alone")
    if isinstance(segmentation, list):
        _check_polygons(segmentation)
    else:
        _check_rle(segmentation, sizes[annotation["image_id"]])


def _check_polygons(polygons: list[Any]) -> None:
    for polygon in polygons:
        if not _are_numbers(polygon) or len(polygon) % 2:
            raise InputError(f"needs polygons [x1, y1, x2, y2, ...], got {_short(polygon)}")
        if len(polygon) < 6:
            raise InputError(f"has a polygon of fewer than 3 points: {_short(polygon)}")


def _check_rle(rle: Any, size: tuple[int, int]) -> None:
    if not isinstance(rle, dict) or not {"size", "counts"} <= rle.keys():
        raise InputError(f"needs polygons, or an RLE with size and counts, got {_short(rle)}")
    if not _are_numbers(rle["size"]) or tuple(rle["size"]) != size:
        raise InputError(f"has an RLE of size {_short(rle['size'])}; its image has {list(size)}")
    counts = rle["counts"]
    run_lengths = _decompress(counts) if isinstance(counts, str) else counts
    if not _are_numbers(run_lengths) or min(run_lengths) < 0 or sum(run_lengths) != math.prod(size):
        raise InputError(f"has an RLE whose counts do not add up to {size[0]} x {size[1]} pixels")


def _decompress(counts: str) -> list[int]:
    """Run lengths of a compressed RLE; none if the text is broken.

    pycocotools takes such a text at its word, and if it is wrong, touches memory not its own. Each
    character carries 5 bits of a number, the lowest first, and a sixth that says whether more
    follow. From the fourth number on, each is the difference from the one two places before.
    """
    codes = np.frombuffer(counts.encode("utf-8"), dtype=np.uint8).astype(np.int64) - 48
    if len(codes) == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        return []
    ends = np.flatnonzero(codes & 32 == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    num_characters = ends - starts + 1
    if num_characters.max() > 7:
        return []
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, num_characters))
    numbers = np.add.reduceat((codes & 31) << shifts, starts)
    negative = (codes[ends] & 16) > 0
    numbers -= np.where(negative, 1 << (5 * num_characters), 0)
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers.tolist()


def _are_numbers(values: Any) -> bool:
    """Whether this is a list of finite numbers, and not an empty one."""
    try:
        return isinstance(values, list) and len(values) > 0 and all(map(math.isfinite, values))
    except (TypeError, OverflowError):
        return False


def _is_whole(value: Any) -> bool:
    return type(value) is int and value > 0


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
