"""Checks of a COCO annotation file, so that a mistake in it is named before training starts.

What can only mean one thing is mended ("iscrowd": "0", an area that is missing), what cannot be
learnt is left out and noted, what has no meaning is refused. A file may hold a million annotations,
so each question is asked of all of them at once; only if the answer is no is the culprit looked
for.
"""

import gc
import json
import math
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from mrcnn_lite.datasets.coco_boxes import check_boxes
from mrcnn_lite.datasets.coco_categories import without_unused_root
from mrcnn_lite.datasets.coco_format import Record
from mrcnn_lite.datasets.keypoints import check_keypoints, read_keypoint_names
from mrcnn_lite.datasets.notes import Notes, naming, short
from mrcnn_lite.errors import InputError

# Files larger than this take more than a few seconds, which is said.
LARGE_FILE = 100_000_000
# Larger pictures are refused by Pillow too, and COCO's run lengths have no numbers for them.
MAX_SIDE, MAX_PIXELS = 100_000, 2**31 - 1

_KEYS = {
    "categories": ("id", "name"),
    "images": ("id", "file_name", "height", "width"),
    "annotations": ("id", "image_id", "category_id"),
}


@dataclass
class AnnotationFile:
    """What an annotation file holds, checked.

    Attributes:
        images: records with whole "id", "height" and "width", and a "file_name".
        annotations: records with whole "id", "image_id", "category_id" and "iscrowd", finite "bbox"
            and "area", and, if masks are wanted, a "segmentation".
        categories: category id to name.
        learnable: for every annotation whether it can be learnt from.
        notes: lines that say what was mended and left out.
        keypoint_names: if keypoints are wanted; then annotations have "keypoints" and
            "num_keypoints".
    """

    images: list[Record]
    annotations: list[Record]
    categories: dict[int, str]
    learnable: list[bool]
    notes: list[str]
    keypoint_names: Sequence[str]


def read_annotation_file(path: Path, masks: bool = True, keypoints: bool = False) -> AnnotationFile:
    """Read and check an annotation file.

    Args:
        path: the file.
        masks: whether every annotation needs a segmentation.
        keypoints: whether they are wanted.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is not JSON, lacks something, or contradicts itself; the message names the
            file and the record.
    """
    if not path.is_file():
        kind = "no regular file" if path.exists() else "not there"
        raise FileNotFoundError(f"expected an annotation file, but {path} is {kind}")
    if _is_large(path):
        size = path.stat().st_size / 1e6
        print(f"reading {path}, {size:.0f} MB ...", file=sys.stderr, flush=True)
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for an annotation file") from error
    try:
        return _check(content, masks, keypoints)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


@contextmanager
def no_search_for_garbage(path: Path) -> Iterator[None]:
    """Keep Python from looking for cycles among millions of new records, over and over, in vain.

    The records of a large file are never searched: only of what is garbage by then, and has been
    collected before, none is found later.

    Args:
        path: the annotation file that is opened meanwhile.
    """
    was_enabled, is_large = gc.isenabled(), _is_large(path)
    if is_large:
        gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if is_large:
            gc.freeze()
        if was_enabled:
            gc.enable()


def _is_large(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > LARGE_FILE


def _check(content: Any, masks: bool, keypoints: bool) -> AnnotationFile:
    if not isinstance(content, dict):
        raise InputError(f"expected a JSON object, got {short(content)}")
    for section, keys in _KEYS.items():
        if not isinstance(content.get(section), list):
            raise InputError(f'lacks the list "{section}"')
        for key in keys:
            _column(section, content[section], key)
        _check_ids(section, content[section])
    images, annotations = content["images"], content["annotations"]
    _check_images(images)
    sizes = {image["id"]: (image["height"], image["width"]) for image in images}
    _check_references(annotations, "image_id", sizes.keys(), "belongs to the unknown image")
    known = {category["id"] for category in content["categories"]}
    _check_references(annotations, "category_id", known, "has the unknown category")
    used = set(map(itemgetter("category_id"), annotations))
    categories = _check_categories(without_unused_root(content["categories"], used))
    _normalise(annotations, "iscrowd", lambda value: type(value) is int and value in (0, 1), _crowd)
    _normalise(annotations, "area", _is_number, _area)
    notes = Notes()
    learnable = check_boxes(annotations, sizes, masks, notes)
    names: Sequence[str] = ()
    if keypoints:
        names = read_keypoint_names(content["categories"], annotations)
        check_keypoints(annotations, len(names))
    return AnnotationFile(images, annotations, categories, learnable, notes.lines(), names)


def _column(section: str, records: list[Any], key: str) -> list[Any]:
    """What all records of a section have for a key."""
    try:
        return list(map(itemgetter(key), records))
    except (KeyError, TypeError):
        pass
    for position, record in enumerate(records):
        if not isinstance(record, dict):
            raise InputError(f"{section}[{position}] is not an object but {short(record)}")
        if key not in record:
            known_as = f" (id {short(record['id'])})" if "id" in record else ""
            raise InputError(f'{section}[{position}]{known_as} lacks the key "{key}"')
    raise AssertionError(f"nothing is wrong with {key} in {section}")


def _check_ids(section: str, records: list[Record]) -> None:
    """Check that ids are whole numbers, each once; those written as text or as 1.0 are mended."""
    if not set(map(type, map(itemgetter("id"), records))) <= {int}:
        for position, record in enumerate(records):
            number = _whole(record["id"])
            if number is None:
                raise InputError(
                    f"{section}[{position}] has the id {short(record['id'])}, not an integer"
                )
            record["id"] = number
    ids = list(map(itemgetter("id"), records))
    if len(set(ids)) < len(ids):
        seen: set[int] = set()
        twice = next(number for number in ids if number in seen or seen.add(number))
        raise InputError(f"{section} holds the id {twice} twice")


def _check_references(
    annotations: list[Record], key: str, known: Collection[int], fault: str
) -> None:
    """Check that annotations name images and categories that there are."""
    values = list(map(itemgetter(key), annotations))
    if set(map(type, values)) <= {int} and set(values) <= set(known):
        return
    for annotation in annotations:
        number = _whole(annotation[key])
        if number is None or number not in known:
            raise InputError(f"annotation {annotation['id']} {fault} {short(annotation[key])}")
        annotation[key] = number


def _check_images(images: list[Record]) -> None:
    for image in images:
        height, width = _whole(image["height"]), _whole(image["width"])
        if height is None or width is None or min(height, width) < 1:
            raise InputError(f"image {image['id']} has no whole height and width over 0")
        if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
            raise InputError(
                f"image {image['id']} is said to have {width} x {height} pixels; expected at most "
                f"{MAX_SIDE} a side, and {MAX_PIXELS} in all"
            )
        image["height"], image["width"] = height, width
        if not isinstance(image["file_name"], str):
            raise InputError(f"image {image['id']} has no text as its file_name")


def _check_categories(records: list[Record]) -> dict[int, str]:
    for record in records:
        if not isinstance(record["name"], str):
            raise InputError(
                f"category {record['id']} has no text as its name, but {short(record['name'])}"
            )
    return {record["id"]: record["name"] for record in records}


def _normalise(
    annotations: list[Record],
    key: str,
    is_plain: Callable[[Any], bool],
    mend: Callable[[Any], Any],
) -> None:
    """Mend what annotations have for a key, where it is not as COCO has it."""
    for annotation in annotations:
        if not is_plain(value := annotation.get(key)):
            with naming(annotation):
                annotation[key] = mend(value)


def _crowd(value: Any) -> int:
    for number, forms in enumerate(((None, "", "0", "false", "False"), ("1", "true", "True"))):
        if value in forms or (isinstance(value, (bool, float)) and value == number):
            return number
    raise InputError(f"needs 0 or 1 for iscrowd, got {short(value)}")


def _is_number(value: Any) -> bool:
    kind = type(value)
    return (kind is float or kind is int) and math.isfinite(value)


def _area(value: Any) -> None:
    # Where it is missing, it is measured later.
    if value is not None:
        raise InputError(f"needs a number as its area, got {short(value)}")


def _whole(value: Any) -> int | None:
    """A whole number, whether written as 5, 5.0 or "5"; None if it is something else."""
    if isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None
