"""Keypoints of the Shapes: each one's centre, and its outermost corners or tips.

As in COCO a keypoint is a pixel: of a corner the shape's own pixel that is nearest to it. Its
coordinates are that pixel's centre. Something in front may hide it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Which corner is "top" depends on how the shape is turned; seen in a mirror, "left" is "right".
NAMES = ("centre", "top", "right", "bottom", "left")
HIDDEN, SEEN = 1, 2

# In parts of the radius, in the shape's own frame; discs and rings have none.
_COS72, _SIN72, _COS36, _SIN36 = 0.309016994, 0.951056516, 0.809016994, 0.587785252
_COS45, _SIN60 = 0.707106781, 0.866025404
CORNERS = {
    "square": [(x, y) for x in (-_COS45, _COS45) for y in (-_COS45, _COS45)],
    "triangle": [(-1.0, 0.0), (0.5, _SIN60), (0.5, -_SIN60)],
    "star": [
        (1.0, 0.0),
        *((_COS72, side * _SIN72) for side in (-1, 1)),
        *((-_COS36, side * _SIN36) for side in (-1, 1)),
    ],
    "cross": [
        *((x, y) for x in (-0.94, 0.94) for y in (-0.3, 0.3)),
        *((x, y) for x in (-0.3, 0.3) for y in (-0.94, 0.94)),
    ],
}


def outermost_points(
    name: str, centre: tuple[float, float], radius: float, cos: float, sin: float
) -> list[tuple[float, float]]:
    """Say where a shape's five points are, (x, y) in pixels of the picture and beyond it.

    Args:
        name: of the shape. Without corners its outermost points are those of its circle.
        centre: x and y.
        radius: of the circle around it.
        cos, sin: of the angle by which the shape is turned.
    """
    centre_x, centre_y = centre
    turned = [(cos * x - sin * y, sin * x + cos * y) for x, y in CORNERS.get(name, ())]
    corners = turned or [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)]
    points = [(centre_x + radius * x, centre_y + radius * y) for x, y in corners]
    top, bottom = (choose(points, key=lambda point: point[1]) for choose in (min, max))
    left, right = (choose(points, key=lambda point: point[0]) for choose in (min, max))
    return [centre, top, right, bottom, left]


def find_keypoints(shapes: list[Any], masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Find the pixels of all shapes' keypoints, and whether they can be seen.

    Args:
        shapes: the one in front first, each with its `points`, `window` and `distance`.
        masks: bool `[N, H, W]`, what is visible of each.

    Returns:
        `[N, 5, 3]`: x, y and 2 if the keypoint is visible, 1 if a shape in front hides it; three
        zeros if it lies outside the picture.
    """
    size = masks.shape[-1]
    keypoints = np.zeros((len(shapes), len(NAMES), 3), dtype=np.float32)
    in_front = np.zeros(masks.shape[1:], dtype=bool)
    for of_shape, shape, mask in zip(keypoints, shapes, masks):
        points = np.array(shape.points)  # [5, 2]
        # The centre's pixel need not be the shape's own: a ring's is not.
        pixels = np.vstack([np.floor(points[:1]), _nearest_pixels(shape, points[1:])])
        inside = ((points >= 0) & (points < size)).all(axis=1)  # [5]
        columns, rows = pixels[inside].astype(int).T
        of_shape[inside, :2] = pixels[inside] + 0.5
        of_shape[inside, 2] = np.where(in_front[rows, columns], HIDDEN, SEEN)
        in_front |= mask
    return keypoints


def _nearest_pixels(shape: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shape's own pixel that is nearest to each point, `[P, 2]`: column and row."""
    rows, columns = (window.start for window in shape.window)
    y, x = np.nonzero(shape.distance < 0)
    own = np.stack([x + columns, y + rows])  # [2, pixels]
    squared = ((own + 0.5 - points[..., None]) ** 2).sum(axis=1)  # [P, pixels]
    return own.T[squared.argmin(axis=1)]
