"""The explorer as a still figure, for where no widget can be shown; drawn from the same values."""

import torch
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.bags import draw_legend, draw_operation
from mrcnn_lite.explore.draw.misalignment import draw_causes
from mrcnn_lite.explore.draw.scene import draw_image
from mrcnn_lite.explore.measure.misalignment import slide, split_shift
from mrcnn_lite.explore.palette import BLACK
from mrcnn_lite.ops.by_name import OPERATIONS

TRACE_STEPS_PER_CELL = 32


def trace_error(explorer):
    """The error wherever the explorer's box could stand along its axis, inside the map.

    Args:
        explorer: an `Explorer`.

    Returns:
        (positions, error): `Tensor[S]`, the box's left or upper edge in image pixels, and the
        `ErrorByCause` of these S boxes.
    """
    x1, y1, x2, y2 = explorer.roi
    height, width = explorer.scene_size
    step = explorer.stride / TRACE_STEPS_PER_CELL
    along_x = explorer.axis == "x"
    room = width - (x2 - x1) if along_x else height - (y2 - y1)
    # A box that is larger than the map has one place alone.
    positions = torch.arange(0, max(room, 0) + step / 2, step, dtype=torch.float64)
    shift = {"dx": positions - x1} if along_x else {"dy": positions - y1}
    rois = slide(explorer.roi, **shift)
    arguments = (explorer.map_size, rois, explorer.bins, explorer.stride, explorer.sampling_ratio)
    return positions, split_shift(explorer.operation, *arguments)


def figure_of_error(explorer) -> Figure:
    """Draw the scene with what is read, and the causes of the error against the box's position.

    Args:
        explorer: an `Explorer`; what it shows now is drawn.
    """
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    scene, trace = figure.subplots(1, 2)
    draw_image(scene, explorer.picture_as_tensor())
    draw_operation(scene, explorer.bags(), in_image=True)
    label = OPERATIONS[explorer.operation].label
    scene.set_title(f"{label} at stride {explorer.stride}")

    axis = ("x", "y").index(explorer.axis)
    row, column = explorer.followed_bin
    positions, error = trace_error(explorer)
    draw_causes(trace, positions, error, place=(axis, row, column))
    now, total = explorer.roi[axis], explorer.error["total"][axis]
    trace.plot([now], [total], marker="o", markersize=9, color=BLACK, markeredgecolor="white")
    parts = {name: values[axis] for name, values in explorer.error.items() if name != "total"}
    causes = ", ".join(f"{name.replace('_', ' ')} {value:+.4g}" for name, value in parts.items())
    trace.set_title(f"bin in row {row}, column {column}: {total:+.4g} pixels\n{causes}")
    edge = "left" if explorer.axis == "x" else "upper"
    trace.set_xlabel(f"{edge} edge of the box (image pixels)")
    trace.set_ylabel(f"error along {explorer.axis} (image pixels)")
    draw_legend(figure)
    return figure
