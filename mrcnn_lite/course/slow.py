"""Slow versions that a lesson writes and something after it needs again.

They stand here word for word as in the lesson that explains them, because no two lessons hold the
same helper; whoever wants speed takes `mrcnn_lite.ops`.
"""

import math

from torch import Tensor


def round_half_away(x: float) -> int:
    """The nearest whole number; halves away from zero."""
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def bilinear(features: Tensor, y: float, x: float) -> Tensor:
    """What `Tensor[C, H, W]` is at a point, in cells; the value of cell j stands at j + 0.5."""
    height, width = features.shape[1:]
    y, x = y - 0.5, x - 0.5
    if not (-1 <= y <= height and -1 <= x <= width):
        return features.new_zeros(len(features))
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    t, u = y - top, x - left
    above = (1 - u) * features[:, top, left] + u * features[:, top, right]
    below = (1 - u) * features[:, bottom, left] + u * features[:, bottom, right]
    return (1 - t) * above + t * below
