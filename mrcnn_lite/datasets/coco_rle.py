"""COCO's run-length encodings (RLE): checked before pycocotools' C code takes them at their word.

A mask is written column by column as the lengths of its runs of 0 and 1 in turn, the first of 0:
as a list of numbers or, compressed, as text.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets.notes import short
from mrcnn_lite.errors import InputError

Encoding = dict[str, Any]
_NONE = np.zeros(0, dtype=np.int64)


def encode_segmentation(segmentation: list[Any] | Encoding, height: int, width: int) -> Encoding:
    """Turn the segmentation of an annotation, checked before, into a compressed RLE.

    Args:
        segmentation: polygons, or an RLE of either kind.
        height: of the image.
        width: likewise.
    """
    if isinstance(segmentation, list):
        return coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    if isinstance(segmentation["counts"], list):
        return coco_mask.frPyObjects(segmentation, height, width)
    return segmentation


def no_pixel(height: int, width: int) -> Encoding:
    """The RLE of an empty mask."""
    return {"size": [height, width], "counts": [height * width]}


def check_rle(rle: Any, height: int, width: int) -> int:
    """Check an RLE against the size of its image; whole numbers written as 5.0 become 5 in it.

    Returns:
        The number of pixels in its mask.

    Raises:
        InputError: it is no RLE, or one of another size.
    """
    if not isinstance(rle, dict) or not {"size", "counts"} <= rle.keys():
        raise InputError(f"needs polygons, or an RLE with size and counts, got {short(rle)}")
    size = [height, width]
    if whole_numbers(rle["size"]).tolist() != size:
        raise InputError(f"has an RLE of size {short(rle['size'])}; its image has {size}")
    rle["size"] = size
    counts = rle["counts"]
    runs = decompress(counts) if isinstance(counts, str) else whole_numbers(counts)
    if len(runs) == 0 or runs.min() < 0 or int(runs.sum()) != height * width:
        raise InputError(f"has an RLE whose counts do not add up to {height} x {width} pixels")
    if not isinstance(counts, str):
        rle["counts"] = runs.tolist()
    return int(runs[1::2].sum())


def whole_numbers(values: Any) -> NDArray[np.int64]:
    """The numbers of a list, as 5 or 5.0; none if it is no such list, or they are no pixels."""
    try:
        if not isinstance(values, list) or not all(map(math.isfinite, values)):
            return _NONE
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, OverflowError):
        return _NONE
    # Larger numbers, and larger sums, would not be exact.
    if np.any(numbers % 1) or np.any(np.abs(numbers) > 2**40):
        return _NONE
    return numbers.astype(np.int64)


def decompress(counts: str) -> NDArray[np.int64]:
    """Run lengths of a compressed RLE; none if the text is broken.

    pycocotools takes such a text at its word, and if it is wrong, touches memory not its own. Each
    character carries 5 bits of a number, the lowest first, and a sixth that says whether more
    follow. From the fourth number on, each is the difference from the one two places before.
    """
    text = np.frombuffer(counts.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    codes = text.astype(np.int64) - 48
    if len(codes) == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        return _NONE
    ends = np.flatnonzero(codes & 32 == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    num_characters = ends - starts + 1
    if num_characters.max() > 7:
        return _NONE
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, num_characters))
    numbers = np.add.reduceat((codes & 31) << shifts, starts)
    negative = (codes[ends] & 16) > 0
    numbers -= np.where(negative, 1 << (5 * num_characters), 0)
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers
