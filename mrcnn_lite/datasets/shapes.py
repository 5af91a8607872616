"""Shapes: an endless set of small pictures with pixel-exact instance masks, made when needed.

A scene holds 1 to 5 circles, squares, triangles, stars, rings and crosses, rotated, in front of
each other, on textured noise: everything that instance segmentation has to cope with (occlusion,
holes, truncation at the border, scale), in pictures that a small network learns in minutes.

Scene `i` of seed `s` is the same picture on every machine. To keep that so, all randomness is
`Generator.random` on PCG64, whose stream NumPy promises to keep, and numbers are drawn as Python
floats, because NumPy 1 and 2 promote their own scalars differently.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools.coco import COCO
from torch import Tensor
from torch.utils.data import Dataset

from mrcnn_lite.datasets.coco_format import describe_instances, index_silently
from mrcnn_lite.datasets.keypoints import keypoint_entries, oks_sigmas
from mrcnn_lite.datasets.shape_colours import draw_background, draw_texture, noise
from mrcnn_lite.datasets.shape_keypoints import NAMES, find_keypoints, outermost_points
from mrcnn_lite.datasets.shape_outlines import OUTLINES

CATEGORIES = dict(enumerate(OUTLINES, start=1))
# Of the scenes to measure on. Training scenes have even seeds, twice the run's.
HELD_OUT_SEED = 1


@dataclass(frozen=True)
class Scene:
    """One picture and the instances in it, the one in front first.

    Attributes:
        image: uint8 `[H, W, 3]`, RGB.
        masks: bool `[N, H, W]`, the visible part of each instance: the pixels whose centre lies
            inside its outline and inside no outline in front of it.
        labels: int64 `[N]`, keys of `CATEGORIES`.
        boxes: float32 `[N, 4]`, the tight boxes (x1, y1, x2, y2) of the masks in image pixels.
            Edges are continuous, as in COCO: x2 is the last column + 1.
        keypoints: float32 `[N, 5, 3]`: x, y and visibility of the centre and the outermost corners
            (see `mrcnn_lite.datasets.shape_keypoints`), if they were asked for.
    """

    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32]
    keypoints: NDArray[np.float32] | None = None


class ShapesDataset(Dataset):
    """Scenes of geometric shapes, generated on access.

    An instance is only placed where enough of it stays visible: at least 24 pixels (in a picture
    of 128) and at least half of what lies inside the picture, or a fifth when crowded. What cannot
    be placed is not drawn either, so the picture and the annotation always agree.

    Attributes:
        keypoint_names, keypoint_sigmas: of the keypoints, with `keypoints`; else empty.
    """

    categories = CATEGORIES
    num_classes = max(CATEGORIES) + 1

    def __init__(
        self,
        num_scenes: int,
        seed: int,
        image_size: int = 128,
        crowded: bool = False,
        keypoints: bool = False,
    ) -> None:
        """Describe the scenes; none is made yet.

        Args:
            num_scenes: length of the dataset. Scene `i` does not depend on it.
            seed: names the sequence of scenes; different seeds give different scenes.
            image_size: height and width in pixels, at least 32. Shapes grow with it: their
                diameters are between 1/8 and 1/2 of it.
            crowded: 4 to 8 instances that overlap each other, instead of 1 to 5 that may do so.
            keypoints: whether targets hold them, too.

        Raises:
            ValueError: a negative `num_scenes` or `seed`, or an `image_size` under 32.
        """
        if num_scenes < 0 or seed < 0:
            raise ValueError(
                f"num_scenes and seed must not be negative, got {num_scenes} and {seed}"
            )
        if image_size < 32:
            raise ValueError(f"image_size must be at least 32 pixels, got {image_size}")
        self.num_scenes = num_scenes
        self.seed = seed
        self.image_size = image_size
        self.crowded = crowded
        self.keypoint_names = NAMES if keypoints else ()
        self.keypoint_sigmas = oks_sigmas(self.keypoint_names)

    def __len__(self) -> int:
        """Number of scenes."""
        return self.num_scenes

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Any]]:
        """Generate scene `index`.

        Returns:
            The image, float32 `Tensor[3, H, W]` in 0..1, and its target: "boxes" float32
            `Tensor[N, 4]`, "labels" int64 `Tensor[N]`, "masks" uint8 `Tensor[N, H, W]` and
            "image_id"; with keypoints also "keypoints" float32 `Tensor[N, 5, 3]` and
            "mirrored_keypoints" int64 `Tensor[5]`.
        """
        scene = self.scene(index)
        image = torch.from_numpy(scene.image).permute(2, 0, 1).float() / 255
        target = {
            "boxes": torch.from_numpy(scene.boxes),
            "labels": torch.from_numpy(scene.labels),
            "masks": torch.from_numpy(scene.masks.view(np.uint8)),
            "image_id": self.image_id(index),
        }
        if scene.keypoints is not None:
            target |= keypoint_entries(scene.keypoints, self.keypoint_names)
        return image, target

    def image_id(self, index: int) -> int:
        """The id under which `coco` knows scene `index`: the index itself."""
        return range(self.num_scenes)[index]

    def size(self, index: int) -> tuple[int, int]:
        """Height and width of scene `index` in pixels."""
        return self.image_size, self.image_size

    def has_objects(self, index: int) -> bool:
        """Whether scene `index` has an instance to learn from: each does."""
        return True

    def fingerprint(self) -> str:
        """What names the scenes."""
        crowded = ", crowded" if self.crowded else ""
        return f"seed {self.seed}, {self.image_size} px{crowded}"

    def scene(self, index: int) -> Scene:
        """Generate scene `index` as NumPy arrays.

        Raises:
            IndexError: `index` is outside the dataset.
        """
        rng = np.random.Generator(np.random.PCG64([self.seed, self.image_id(index)]))
        return _draw_scene(rng, self.image_size, self.crowded, bool(self.keypoint_names))

    def described_scenes(self) -> Iterator[tuple[Scene, dict[str, Any], list[dict[str, Any]]]]:
        """Generate all scenes in order, each with COCO's image record and annotation records."""
        next_id = 1
        for index in range(len(self)):
            scene = self.scene(index)
            record = {
                "id": self.image_id(index),
                "file_name": f"{index:06d}.png",
                "height": self.image_size,
                "width": self.image_size,
            }
            annotations = describe_instances(
                record["id"],
                scene.masks,
                scene.labels,
                scene.boxes,
                first_id=next_id,
                keypoints=scene.keypoints,
            )
            next_id += len(annotations)
            yield scene, record, annotations

    @cached_property
    def coco(self) -> COCO:
        """The ground truth of all scenes; the first use generates each of them once."""
        images, annotations = [], []
        for _, record, instances in self.described_scenes():
            images.append(record)
            annotations += instances
        return index_silently(images, annotations, self.categories, self.keypoint_names)


@dataclass(frozen=True)
class _Shape:
    """One shape, rasterised in its window of the picture."""

    label: int
    window: tuple[slice, slice]  # rows, columns
    distance: NDArray[np.float32]  # [h, w], from the pixel centres to the outline, negative inside
    x: NDArray[np.float32]  # [h, w], pixel coordinates in the shape's own, rotated frame
    y: NDArray[np.float32]
    points: list[tuple[float, float]]  # where its keypoints are, in pixels of the picture


def _draw_scene(rng: np.random.Generator, size: int, crowded: bool, with_keypoints: bool) -> Scene:
    uniform = _uniform_numbers(rng)
    shapes, masks = _place_shapes(uniform, size, crowded)
    canvas, background = draw_background(rng, uniform, size)
    for shape in reversed(shapes):  # from back to front
        patch = canvas[:, shape.window[0], shape.window[1]]
        coverage = np.clip(0.5 - shape.distance, 0, 1)
        patch += coverage * (draw_texture(shape.x, shape.y, uniform, size, background) - patch)
    canvas += (0.03 + 0.15 * next(uniform)) * (noise(rng, size) - 0.5)
    # Channels lie first in memory, as networks want them; the picture is a view of that.
    pixels = (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)
    boxes = np.array([_tight_box(mask) for mask in masks], dtype=np.float32)
    return Scene(
        image=pixels.transpose(1, 2, 0),
        masks=masks,
        labels=np.array([shape.label for shape in shapes], dtype=np.int64),
        boxes=boxes.reshape(-1, 4),
        keypoints=find_keypoints(shapes, masks) if with_keypoints else None,
    )


def _uniform_numbers(rng: np.random.Generator) -> Iterator[float]:
    """An endless supply of random numbers in 0..1, drawn in blocks because that is faster."""
    while True:
        yield from rng.random(64).tolist()


def _place_shapes(
    uniform: Iterator[float], size: int, crowded: bool
) -> tuple[list[_Shape], NDArray[np.bool_]]:
    """Place shapes from front to back, each where enough of it stays visible.

    Returns:
        The shapes, the one in front first, and their visible masks, bool `[N, size, size]`.
    """
    wanted = (4 if crowded else 1) + int(5 * next(uniform))
    min_fraction = 0.2 if crowded else 0.5
    min_pixels = 24 * (size / 128) ** 2
    occupied = np.zeros((size, size), dtype=bool)
    shapes: list[_Shape] = []
    masks = []
    for _ in range(8 * wanted):
        shape = _random_shape(uniform, size, crowded)
        inside = shape.distance < 0
        visible = inside & ~occupied[shape.window]
        num_visible = np.count_nonzero(visible)
        if num_visible < max(min_pixels, min_fraction * np.count_nonzero(inside)):
            continue
        mask = np.zeros((size, size), dtype=bool)
        mask[shape.window] = visible
        occupied[shape.window] |= inside
        shapes.append(shape)
        masks.append(mask)
        if len(shapes) == wanted:
            break
    return shapes, np.array(masks, dtype=bool).reshape(-1, size, size)


def _random_shape(uniform: Iterator[float], size: int, crowded: bool) -> _Shape:
    label = 1 + int(len(CATEGORIES) * next(uniform))
    radius = size * (1 + 3 * next(uniform)) / 16
    # The border may cut off up to 0.3 of the radius. Crowds gather in the middle.
    margin = max(0.7 * radius, 0.25 * size if crowded else 0)
    centre_x = margin + (size - 2 * margin) * next(uniform)
    centre_y = margin + (size - 2 * margin) * next(uniform)
    angle = 2 * math.pi * next(uniform)
    cos, sin = round(math.cos(angle), 9), round(math.sin(angle), 9)

    rows, dy = _pixels_around(centre_y, radius, size)
    columns, dx = _pixels_around(centre_x, radius, size)
    x = cos * dx + sin * dy[:, None]
    y = cos * dy[:, None] - sin * dx
    name = CATEGORIES[label]
    points = outermost_points(name, (centre_x, centre_y), radius, cos, sin)
    return _Shape(label, (rows, columns), OUTLINES[name](x, y, radius), x, y, points)


def _pixels_around(centre: float, radius: float, size: int) -> tuple[slice, NDArray[np.float32]]:
    """The pixels of one axis that a shape or its soft edge touches.

    Returns:
        Their range, and the positions of their centres relative to the shape's.
    """
    start = max(0, math.floor(centre - radius) - 1)
    stop = min(size, math.ceil(centre + radius) + 1)
    return slice(start, stop), np.arange(start, stop, dtype=np.float32) + (0.5 - centre)


def _tight_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows = mask.any(axis=1).nonzero()[0]
    columns = mask.any(axis=0).nonzero()[0]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
