"""The six outlines of the Shapes scenes, as signed distances.

Each function takes coordinates relative to the shape's centre, and the radius of the circle around
the shape, all in pixels. It gives the distance to the outline, negative inside: a pixel belongs to
the mask where that is negative at its centre, and lies on the soft edge where it is within half a
pixel of zero. (Beyond a corner the true distance is larger, which only makes drawn corners crisp.)
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def circle(x: Array, y: Array, radius: float) -> Array:
    """The disc that fills the circle."""
    return np.sqrt(x * x + y * y) - radius


def square(x: Array, y: Array, radius: float) -> Array:
    """The square whose corners lie on the circle."""
    return np.maximum(np.abs(x), np.abs(y)) - radius * math.sqrt(0.5)


def triangle(x: Array, y: Array, radius: float) -> Array:
    """The equilateral triangle whose corners lie on the circle: inside all three of its lines."""
    first, second, third = (a * x + b * y - radius / 2 for a, b in _normals(3))
    return np.maximum(np.maximum(first, second), third)


def star(x: Array, y: Array, radius: float) -> Array:
    """The pentagram whose spikes end on the circle.

    Inside a spike is outside exactly one of its five lines, so the second largest distance decides.
    """
    apothem = radius * 0.309016994  # cos 72 degrees
    largest = second = np.full_like(x, -math.inf)
    for a, b in _normals(5):
        distance = a * x + b * y - apothem
        second = np.maximum(second, np.minimum(largest, distance))
        largest = np.maximum(largest, distance)
    return second


def ring(x: Array, y: Array, radius: float) -> Array:
    """The disc without its middle."""
    return np.abs(np.sqrt(x * x + y * y) - 0.76 * radius) - 0.24 * radius


def cross(x: Array, y: Array, radius: float) -> Array:
    """Two crossing bars, whose corners lie just within the circle."""
    x, y = np.abs(x), np.abs(y)
    return np.maximum(np.maximum(x, y) - 0.94 * radius, np.minimum(x, y) - 0.3 * radius)


OUTLINES: dict[str, Callable[[Array, Array, float], Array]] = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": star,
    "ring": ring,
    "cross": cross,
}


def _normals(count: int) -> list[tuple[float, float]]:
    """`count` unit vectors, evenly around the origin, rounded so that all machines agree."""
    angles = [2 * math.pi * k / count for k in range(count)]
    return [(round(math.cos(angle), 9), round(math.sin(angle), 9)) for angle in angles]
