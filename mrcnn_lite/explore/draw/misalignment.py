"""Pictures of an RoI operation's error, split into its causes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from mrcnn_lite.explore.measure.misalignment import ErrorByCause
from mrcnn_lite.explore.palette import (
    BLACK,
    HALF_PIXEL,
    MAXIMUM,
    PREDICTION,
    ROUNDING,
    TRUE_BOX,
    Meaning,
)
from mrcnn_lite.ops.by_name import OPERATIONS

# Each cause, as an attribute of `ErrorByCause`, and how it is drawn.
CAUSES = {"half_pixel": HALF_PIXEL, "rounding": ROUNDING, "maximum": MAXIMUM}
TOTAL = Meaning("whole error", BLACK, "-", "")
# Causes may coincide: the later one is thinner, so that both are seen.
WIDTHS = {
    "total": (TOTAL, 4.5),
    "maximum": (MAXIMUM, 4.0),
    "rounding": (ROUNDING, 2.0),
    "half_pixel": (HALF_PIXEL, 2.6),
}


def draw_causes(axes: Axes, positions: Tensor, error: ErrorByCause, place: tuple[int, ...]) -> None:
    """Draw one bin's error and its causes against the position of the box.

    A cause that the operation does not have is left out.

    Args:
        axes: empty.
        positions: `Tensor[S]`, of the S RoIs, in image pixels.
        error: in image pixels, of these RoIs.
        place: (channel, row, column) of the bin.
    """
    for attribute, (meaning, width) in WIDTHS.items():
        values = getattr(error, attribute)[(slice(None), *place)].clone()
        if attribute in CAUSES and not values.any():
            continue
        # A rounded position jumps: leave the pen up there.
        jumps = (values.diff().abs() > 4 * positions.diff()).nonzero().flatten() + 1
        values[jumps] = float("nan")
        axes.plot(
            positions,
            values,
            color=meaning.color,
            linestyle=meaning.line,
            linewidth=width,
            label=meaning.label,
        )
    axes.axhline(0, color=BLACK, linewidth=0.6)
    axes.set_xlabel("left edge of the box (image pixels)")
    axes.set_ylabel("error (image pixels)")
    axes.grid(alpha=0.3)


def root_mean_squares(error: ErrorByCause) -> dict[str, float]:
    """How large each cause is, as the root of its mean square over all RoIs, bins and channels."""
    return {name: getattr(error, name).square().mean().sqrt().item() for name in CAUSES}


def draw_sizes_of_causes(axes: Axes, errors: Mapping[str, ErrorByCause]) -> None:
    """Draw how large the causes are in each operation, side by side.

    Args:
        axes: empty; its y axis gets the unit of the features.
        errors: key of `OPERATIONS` to error.
    """
    sizes = [root_mean_squares(error) for error in errors.values()]
    centres = np.arange(len(sizes))
    hatches = ("..", "//", "")
    for i, (name, meaning) in enumerate(CAUSES.items()):
        axes.bar(
            centres + (i - 1) * 0.26,
            [size[name] for size in sizes],
            width=0.24,
            color=meaning.color,
            edgecolor=BLACK,
            hatch=hatches[i],
            label=meaning.label,
        )
    labels = [OPERATIONS[operation].label.replace(", ", ",\n") for operation in errors]
    axes.set_xticks(centres, labels)
    axes.set_ylabel("error (root mean square)")
    axes.grid(axis="y", alpha=0.3)


def draw_apparent_shift(
    axes: Axes, of_box: Tensor, apparent: Tensor, stride: float, title: str = ""
) -> None:
    """Draw where an operation seems to read against where its box lies.

    The axes end half a cell before 0 and a little beyond two cells.

    Args:
        axes: empty.
        of_box: `Tensor[K]`, how far the centre of the box that is read lies from the true one.
        apparent: `Tensor[K]`, how far off the values seem to be read; both in image pixels.
        stride: image pixels per feature cell.
        title: of the axes.
    """
    limits = np.array([-stride / 2, 2.25 * stride])
    axes.plot(
        limits,
        limits,
        color=TRUE_BOX.color,
        linestyle=TRUE_BOX.line,
        label="the shift of the box",
    )
    axes.plot(
        limits,
        limits + stride / 2,
        color=MAXIMUM.color,
        linestyle=MAXIMUM.line,
        label="and half a cell for the maximum",
    )
    axes.scatter(
        of_box,
        apparent,
        s=18,
        marker=PREDICTION.marker,
        color=PREDICTION.color,
        edgecolor=BLACK,
        linewidth=0.4,
        label="a box of the scenes",
        zorder=3,
    )
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.set_xlabel("shift of the box (image pixels)")
    axes.set_ylabel("apparent shift (image pixels)")
    axes.set_title(title)
    axes.grid(alpha=0.3)
