"""A few RoIs, looked at one by one.

What it replaces: a tensor's operations over the table of all RoIs. Each of those takes some
microseconds to begin, so that with ten RoIs a check in Python's own numbers is done sooner; a whole
RoI operation of ten takes a few hundred.

Where it was measured: docs/results/roi_ops.md, 10 RoIs.
"""

import math

from torch import Tensor

FEW = 64


def are_valid(rois: Tensor, most: float) -> bool:
    """Say whether all numbers of `Tensor[K, 5]` are finite, and each image one of 0 .. `most`."""
    if len(rois) <= FEW:
        return all(
            0 <= number <= most and number.is_integer() and math.isfinite(x1 + y1 + x2 + y2)
            for number, x1, y1, x2, y2 in rois.tolist()
        )
    # A NaN is its column's least and largest value.
    low, high = (extreme.tolist() for extreme in rois.aminmax(dim=0))  # 5 numbers each
    number = rois[:, 0]  # [K]
    in_batch = low[0] >= 0 and high[0] <= most and number.equal(number.trunc())
    return in_batch and all(map(math.isfinite, low + high))
