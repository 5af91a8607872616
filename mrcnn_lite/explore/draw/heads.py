"""Pictures of heads: what happens to a RoI, what an image costs, and masks that move."""

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor

from mrcnn_lite.explore.measure.head_costs import Step
from mrcnn_lite.explore.measure.layer_cost import Cost
from mrcnn_lite.explore.palette import (
    BLACK,
    BLUE,
    BLUISH_GREEN,
    GROUND_TRUTH,
    ORANGE,
    REDDISH_PURPLE,
    SKY_BLUE,
)

# Each part by colour and hatch, so that bars can be read in greyscale.
_PARTS = {
    "backbone": (BLUE, ""),
    "RPN": (SKY_BLUE, "//"),
    "shared head": (ORANGE, "xx"),
    "box branch": (BLUISH_GREEN, ".."),
    "mask branch": (REDDISH_PURPLE, "\\\\"),
}
_ROW_COLORS = {"shared": ORANGE, "box": BLUISH_GREEN, "mask": REDDISH_PURPLE}


def short(number: int) -> str:
    """Write a large number with three digits: 12,345,678 as "12.3 M"."""
    for unit, symbol in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{symbol}"
    return str(number)


def draw_steps(axes: Axes, steps: Mapping[str, Sequence[Step]], title: str = "") -> None:
    """Draw what happens to a RoI, from left to right: the box branch above, the mask branch below.

    In the boxes stands the size of what is there; on the arrows what is done, and below it the
    parameters and the multiply-adds that it takes for one RoI.

    Args:
        axes: empty; gets no ticks.
        steps: of `head_steps`.
        title: of the axes.
    """
    shared = steps["shared"]
    # Where the branches part, there has to be room for the words on sloping arrows.
    height = 1.0 if shared else 0.5
    for branch, row in (("shared", 0.0), ("box", height), ("mask", -height)):
        # A branch goes on where the shared steps ended.
        column, previous = (
            (len(shared), (len(shared) - 1, 0.0)) if branch != "shared" else (0, None)
        )
        if branch != "shared" and not shared:
            previous = None
        for step in steps[branch]:
            text = "\nand ".join(" × ".join(map(str, size)) for size in step.sizes)
            axes.text(
                *(column, row, text),
                ha="center",
                va="center",
                fontsize=11,
                bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": _ROW_COLORS[branch]},
            )
            if previous is not None:
                _draw_arrow(axes, previous, (column, row), step)
            previous = (column, row)
            column += 1
        if steps[branch]:
            axes.text(
                *(len(shared) if branch != "shared" else 0, row + 0.33, branch),
                ha="center",
                fontsize=12,
                color=BLACK,
                weight="bold",
            )
    width = len(shared) + max(len(steps["box"]), len(steps["mask"]))
    axes.set(xlim=(-0.55, width - 0.45), ylim=(-height - 0.25, height + 0.5))
    axes.set_title(title)
    axes.set_axis_off()


def _draw_arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], step: Step
) -> None:
    axes.annotate(
        "",
        xy=(end[0] - 0.3, end[1]),
        xytext=(start[0] + 0.3, start[1]),
        arrowprops={"arrowstyle": "->", "color": BLACK},
    )
    words = step.name
    if step.cost.parameters:
        words += f"\n{short(step.cost.parameters)} par.\n{short(step.cost.multiply_adds)} mult."
    x, y, slope = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2, end[1] - start[1]
    if slope:
        # Beside a sloping arrow, on its outer side.
        axes.text(x - 0.12, y + 0.1 * slope, words, ha="right", va="center", fontsize=10)
    else:
        axes.text(x, y + 0.1, words, ha="center", va="bottom", fontsize=10)


def draw_cost_per_image(axes: Axes, designs: Mapping[str, Mapping[str, Cost]]) -> None:
    """Draw what an image costs as a bar for each design, in multiply-adds, part by part.

    Args:
        axes: empty.
        designs: name of the design to the costs of its parts (`cost_per_image`).
    """
    named = set()
    for name, parts in designs.items():
        left = 0.0
        for part, cost in parts.items():
            color, hatch = _PARTS[part]
            billions = cost.multiply_adds / 1e9
            axes.barh(
                *(name, billions),
                left=left,
                color=color,
                hatch=hatch,
                edgecolor="white",
                label=None if part in named else part,
            )
            named.add(part)
            left += billions
        axes.text(left, name, f" {left:.3g}", va="center", fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * axes.get_xlim()[1])
    axes.set_xlabel("multiply-adds per image (billions)")


def move_right(maps: Tensor, columns: int) -> Tensor:
    """Shift `Tensor[..., W]` to the right; what comes in on the left is 0."""
    return F.pad(maps, (columns, 0))[..., : maps.shape[-1]]


def draw_moved_mask(axes: Axes, mask: Tensor, should_be: Tensor, title: str = "") -> None:
    """Draw a mask's probabilities, and the outline of the mask that it should be.

    Args:
        axes: empty; gets mask cells as its unit.
        mask: `Tensor[m, m]`, probabilities.
        should_be: `Tensor[m, m]`, likewise.
        title: of the axes.
    """
    height, width = mask.shape
    axes.imshow(
        *(mask.detach(), "gray"),
        vmin=0,
        vmax=1,
        extent=(0, width, height, 0),
        interpolation="nearest",
    )
    centers = [[k + 0.5 for k in range(size)] for size in (width, height)]
    if (should_be > 0.5).any() and (should_be <= 0.5).any():
        axes.contour(
            *centers,
            should_be.detach(),
            levels=[0.5],
            colors=GROUND_TRUTH.color,
            linestyles=GROUND_TRUTH.line,
        )
    axes.set_title(title)
    axes.set_xlabel("x (mask cells)")
    axes.set_ylabel("y (mask cells)")
