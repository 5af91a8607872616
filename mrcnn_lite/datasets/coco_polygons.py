"""The polygons of an annotation file: checked, mended and measured, many thousands at a time.

All coordinates are laid end to end in one array, so that what is asked of each polygon costs a few
operations on the whole; only annotations with a fault are looked at one by one.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets.coco_format import Record
from mrcnn_lite.datasets.notes import Notes, naming, short
from mrcnn_lite.errors import InputError

# So many annotations at a time need some 20 MB beside the file's content.
CHUNK = 50_000
DROPPED_PART = "parts of fewer than three points were dropped from polygons"
BEYOND_REASON = "polygons that reach further beyond their image than it is large were clipped"


@dataclass
class Outlines:
    """What is known of the masks of some annotations.

    Attributes:
        places: `[A]`, which annotations these are.
        extents: `[A, 4]`, (x1, y1, x2, y2) of all their points, in image pixels.
        empty: `[A]`, whether no pixel is inside.
    """

    places: NDArray[np.int64]
    extents: NDArray[np.float64]
    empty: NDArray[np.bool_]


def check_polygons(
    annotations: Sequence[Record],
    places: Sequence[int],
    sizes: NDArray[np.int64],
    notes: Notes,
) -> Iterator[Outlines]:
    """Check, mend and measure the annotations that have polygons for a mask.

    Args:
        annotations: all of them; "segmentation" is mended in place.
        places: which have a list for a segmentation.
        sizes: `[N, 2]`, height and width of the image of every annotation.
        notes: of what was mended.

    Yields:
        The outlines of a chunk of annotations; those whose polygons have all been dropped are not
        among them.

    Raises:
        InputError: something is no polygon; the message names the annotation.
    """
    for first in range(0, len(places), CHUNK):
        chunk = places[first : first + CHUNK]
        polygons = _Polygons(annotations, chunk, sizes)
        while faulty := polygons.faulty():
            for place in faulty:
                with naming(annotations[place]):
                    _mend(annotations[place], sizes[place], notes)
            polygons = _Polygons(annotations, chunk, sizes)
        if len(polygons.lengths):
            yield polygons.outlines(annotations)


class _Polygons:
    """All polygons of some annotations, one after the other.

    Attributes:
        owners: `[P]`, the annotation that each belongs to.
        lengths: `[P]`, how many numbers each has.
        numbers: all of them, x and y in turn.
        first_points, last_points: `[P]`, where each begins and ends, counted in points.
        extents: `[P, 4]`, (x1, y1, x2, y2) of each, once `faulty` has found that all are polygons.
        odd: annotations that have something else for polygons.
    """

    def __init__(
        self, annotations: Sequence[Record], places: Sequence[int], sizes: NDArray[np.int64]
    ):
        numbers, lengths, counts = array("d"), [], []
        self.odd = []
        for place in places:
            polygons = annotations[place]["segmentation"]
            start = len(numbers)
            try:
                for polygon in polygons:
                    numbers.fromlist(polygon)
            except (TypeError, OverflowError):
                del numbers[start:]
                self.odd.append(place)
                polygons = []
            lengths.extend(map(len, polygons))
            counts.append(len(polygons))
        self.owners = np.repeat(np.asarray(places, dtype=np.int64), counts)
        self.lengths = np.array(lengths, dtype=np.int64)
        self.numbers = np.frombuffer(numbers) if len(numbers) else np.zeros(0)
        self.height, self.width = sizes[self.owners].T
        ends = np.cumsum(self.lengths // 2)
        self.first_points, self.last_points = ends - self.lengths // 2, ends - 1
        self.extents = np.zeros((len(lengths), 4))

    def faulty(self) -> list[int]:
        """The annotations with something to mend or refuse, in order."""
        faulty = (self.lengths < 6) | (self.lengths % 2 == 1)
        if not faulty.any() and len(faulty):
            low, high = (
                np.stack([bound.reduceat(self.numbers[k::2], self.first_points) for k in (0, 1)])
                for bound in (np.minimum, np.maximum)
            )
            self.extents = np.concatenate([low, high]).T
            reach = np.maximum(self.height, self.width)
            # In this form a coordinate that is not a number is beyond reason, too.
            faulty = ~((low.min(axis=0) >= -reach) & (high.max(axis=0) <= 2 * reach))
        return sorted({*self.odd, *self.owners[faulty].tolist()})

    def outlines(self, annotations: Sequence[Record]) -> Outlines:
        """Measure them; none is faulty any more."""
        x, y = self.numbers[0::2], self.numbers[1::2]
        starts = self.first_points
        next_x, next_y = (self._next(values) for values in (x, y))
        area = np.abs(np.add.reduceat(x * next_y - next_x * y, starts)) / 2
        # Across and down, which is no less than straight, and quicker.
        length = np.add.reduceat(np.abs(next_x - x) + np.abs(next_y - y), starts)
        x1, y1, x2, y2 = self.extents.T
        # A region's area is at most its outline's length times the radius of the largest disc in
        # it, so this one holds a disc of radius 1 and with it the middle of a pixel.
        has_pixel = (area >= length) & (length > 0) & (x1 >= 0) & (y1 >= 0)
        has_pixel &= (x2 <= self.width) & (y2 <= self.height)

        places, first = np.unique(self.owners, return_index=True)
        low = np.minimum.reduceat(self.extents[:, :2], first)
        high = np.maximum.reduceat(self.extents[:, 2:], first)
        extents = np.concatenate([low, high], axis=1)
        empty = ~np.logical_or.reduceat(has_pixel, first)
        for number in np.flatnonzero(empty):
            polygons = annotations[places[number]]["segmentation"]
            height, width = self.height[first[number]], self.width[first[number]]
            masks = coco_mask.frPyObjects(polygons, int(height), int(width))
            empty[number] = not coco_mask.area(masks).any()
        return Outlines(places, extents, empty)

    def _next(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The value of the point after each; after a polygon's last point comes its first."""
        following = np.roll(values, -1)
        following[self.last_points] = values[self.first_points]
        return following


def _mend(annotation: Record, size: NDArray[np.int64], notes: Notes) -> None:
    """Drop parts that are no polygon, clip those beyond reason; name what cannot be mended."""
    height, width = size.tolist()
    polygons = annotation["segmentation"]
    if not any(isinstance(polygon, list) for polygon in polygons):
        # One polygon that is not in a list of polygons, as VIA writes it.
        polygons = [polygons]
    mended = []
    for polygon in polygons:
        if not _are_numbers(polygon) or len(polygon) % 2:
            raise InputError(f"needs polygons [x1, y1, x2, y2, ...], got {short(polygon)}")
        if len(polygon) < 6:
            notes.add(DROPPED_PART, annotation["id"])
            continue
        reach = max(height, width)
        if min(polygon) < -reach or max(polygon) > 2 * reach:
            notes.add(BEYOND_REASON, annotation["id"])
            polygon = clip(polygon, -reach, -reach, 2 * reach, 2 * reach)
        if polygon:
            mended.append(polygon)
    annotation["segmentation"] = mended


def _are_numbers(values: object) -> bool:
    try:
        return isinstance(values, list) and bool(np.isfinite(array("d", values)).all())
    except (TypeError, OverflowError):
        return False


def clip(
    polygon: Sequence[float], left: float, top: float, right: float, bottom: float
) -> list[float]:
    """Cut off what of a polygon lies outside a rectangle (Sutherland and Hodgman 1974).

    Args:
        polygon: x1, y1, x2, y2, ...
        left, top, right, bottom: of the rectangle.

    Returns:
        The part inside, in the same form; none is an empty list.
    """
    # Of larger numbers the difference may be none.
    points = np.array(polygon, dtype=np.float64).reshape(-1, 2).clip(-1e300, 1e300)  # [P, 2]
    for axis, sign, bound in ((0, 1, left), (1, 1, top), (0, -1, right), (1, -1, bottom)):
        following = np.roll(points, -1, axis=0)
        inside = sign * points[:, axis] >= sign * bound
        next_inside = np.roll(inside, -1)
        clipped = []
        for point, other, is_in, other_is_in in zip(points, following, inside, next_inside):
            if is_in:
                clipped.append(point)
            if is_in != other_is_in:
                share = (bound - point[axis]) / (other[axis] - point[axis])
                crossing = point * (1 - share) + other * share
                crossing[axis] = bound
                clipped.append(crossing)
        if len(clipped) < 3:
            return []
        points = np.array(clipped)
    # A crossing may be off by a rounding.
    return points.clip([left, top], [right, bottom]).ravel().tolist()
