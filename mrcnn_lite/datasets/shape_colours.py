"""Colours of the Shapes scenes: textured backgrounds, and shapes that stand out from them.

All numbers come from `uniform`, an endless supply of random numbers in 0..1. Pixels are computed
only with operations that IEEE 754 rounds in one way, so that every machine draws the same picture.
"""

import colorsys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def draw_background(
    rng: np.random.Generator, uniform: Iterator[float], size: int
) -> tuple[Array, tuple[Array, Array]]:
    """Draw two colours that flow into each other like clouds.

    Returns:
        The canvas, float32 `[3, size, size]` in 0..1, and the two colours, `[3, 1, 1]` each.
    """
    first = _colour(uniform, saturation=(0.0, 0.6), value=(0.1, 0.9))
    second = first + 0.45 * (_colour(uniform, saturation=(0.0, 0.6), value=(0.1, 0.9)) - first)
    clouds = 0.65 * _smooth_noise(rng, 4, size) + 0.35 * _smooth_noise(rng, 16, size)
    return first + clouds * (second - first), (first, second)


def draw_texture(
    x: Array, y: Array, uniform: Iterator[float], size: int, background: tuple[Array, Array]
) -> Array:
    """Draw the surface of a shape: plain, shaded, striped or checked.

    Args:
        x: `[h, w]`, pixel coordinates in the shape's own, rotated frame.
        y: the same across.
        uniform: random numbers.
        size: height and width of the whole picture, which the width of the stripes follows.
        background: the colours from which those of the shape must differ.

    Returns:
        float32 in 0..1, `[3, h, w]`, or `[3, 1, 1]` if plain.
    """
    while True:
        colour = _colour(uniform, saturation=(0.2, 1.0), value=(0.2, 1.0))
        white_or_black = 1.0 if next(uniform) < 0.5 else 0.0
        other = colour + (0.2 + 0.5 * next(uniform)) * (white_or_black - colour)
        # Both have to stand out, or parts of a striped shape could not be seen at all.
        if all(_differ(mine, behind) for mine in (colour, other) for behind in background):
            break
    texture = int(4 * next(uniform))
    period = size * (1 + 1.5 * next(uniform)) / 16
    if texture == 0:
        return colour
    if texture == 1:
        mixture = np.clip(0.5 + x / (4 * period), 0, 1)
    elif texture == 2:
        mixture = _stripes(x, period)
    else:
        along, across = _stripes(x, period), _stripes(y, period)
        mixture = along + across - 2 * along * across
    return colour + mixture * (other - colour)


def noise(rng: np.random.Generator, size: int) -> Array:
    """White noise, `[size, size]` in 0..1."""
    return rng.random((size, size)).astype(np.float32)


def _smooth_noise(rng: np.random.Generator, cells: int, size: int) -> Array:
    """Noise on a grid of `cells` x `cells`, smoothly interpolated to `[size, size]`."""
    corners = noise(rng, cells + 1)
    position = (np.arange(size, dtype=np.float32) + 0.5) * (cells / size)
    cell = position.astype(np.int64)
    t = position - cell.astype(np.float32)
    t = t * t * (3 - 2 * t)
    rows = corners[cell] + t[:, None] * (corners[cell + 1] - corners[cell])
    return rows[:, cell] + t * (rows[:, cell + 1] - rows[:, cell])


def _stripes(position: Array, period: float) -> Array:
    """A wave between 0 and 1 along `position`, with edges about a pixel wide."""
    wave = np.abs((position / period) % 1 - 0.5) - 0.25
    return np.clip(0.5 + wave * period, 0, 1)


def _colour(
    uniform: Iterator[float], saturation: tuple[float, float], value: tuple[float, float]
) -> Array:
    """A random RGB colour, `[3, 1, 1]`, with saturation and value in the given ranges."""
    hue = next(uniform)
    s = saturation[0] + (saturation[1] - saturation[0]) * next(uniform)
    v = value[0] + (value[1] - value[0]) * next(uniform)
    return np.array(colorsys.hsv_to_rgb(hue, s, v), dtype=np.float32).reshape(3, 1, 1)


def _differ(colour: Array, other: Array) -> bool:
    return float(((colour - other) ** 2).sum()) > 0.25**2
