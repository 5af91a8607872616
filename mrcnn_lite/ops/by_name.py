"""The RoI operations by name, all called in one way: the one table of them.

A model's configuration, the lessons' comparisons and the explorer choose an operation by its name.
`align_unaligned` is RoIAlign in the first implementations' reading (`aligned=False`).
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor

from mrcnn_lite.ops.bags import Bags
from mrcnn_lite.ops.fast.ps_roi import ps_roi_align, ps_roi_pool
from mrcnn_lite.ops.fast.roi import roi_align, roi_pool, roi_warp
from mrcnn_lite.ops.roi import roi_align_bags, roi_pool_bags, roi_warp_bags


class Operation(NamedTuple):
    """An RoI operation, called in the same way as all others.

    Attributes:
        label: its name in legends.
        read: (features, rois, output_size, spatial_scale, sampling_ratio, reduce="mean") to what it
            reads. RoIPool has no samples, and always takes the maximum.
        bags: (map_size, rois, output_size, spatial_scale, sampling_ratio) to its `Bags`.
        half_a_cell_off: whether it takes a cell's value as standing at the cell's edge.
        read_position_sensitively: its position-sensitive twin, (features, rois, output_size,
            spatial_scale, sampling_ratio) to what that reads; None if there is none.
    """

    label: str
    read: Callable[..., Tensor]
    bags: Callable[..., Bags]
    half_a_cell_off: bool
    read_position_sensitively: Callable[..., Tensor] | None = None


def _pool(features, rois, output_size, spatial_scale, sampling_ratio=-1, reduce="max") -> Tensor:
    return roi_pool(features, rois, output_size, spatial_scale)


def _pool_bags(map_size, rois, output_size, spatial_scale, sampling_ratio=-1) -> Bags:
    return roi_pool_bags(map_size, rois, output_size, spatial_scale)


def _ps_pool(features, rois, output_size, spatial_scale, sampling_ratio=-1) -> Tensor:
    return ps_roi_pool(features, rois, output_size, spatial_scale)


OPERATIONS = {
    "pool": Operation("RoIPool", _pool, _pool_bags, True, _ps_pool),
    "warp": Operation("RoIWarp", roi_warp, roi_warp_bags, half_a_cell_off=True),
    "align_unaligned": Operation(
        "RoIAlign, aligned=False",
        partial(roi_align, aligned=False),
        partial(roi_align_bags, aligned=False),
        half_a_cell_off=True,
    ),
    "align": Operation(
        "RoIAlign, aligned=True",
        partial(roi_align, aligned=True),
        partial(roi_align_bags, aligned=True),
        half_a_cell_off=False,
        read_position_sensitively=ps_roi_align,
    ),
}


def find_operation(name: str) -> Operation:
    """The operation of this name.

    Raises:
        ValueError: there is none.
    """
    if name not in list(OPERATIONS):  # whatever its type
        raise ValueError(f"operation must be one of {', '.join(OPERATIONS)}, got {name!r}")
    return OPERATIONS[name]
