"""Pictures of what happens to the K masks of one RoI: their values, and a rival class's pull."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from torch import Tensor

from mrcnn_lite.explore.palette import GROUND_TRUTH
from mrcnn_lite.models.losses import mask_probabilities


def mask_sizes_under_a_rival(
    mask_logits: Tensor, label: int, rival: int, raised_by: Sequence[float], softmax: bool
) -> Tensor:
    """How many pixels a class's mask keeps while another class's logits are raised.

    Args:
        mask_logits: `Tensor[K, m, m]` of one RoI, class 0 the background.
        label: the class whose mask is counted: the pixels with a probability above one half.
        rival: the class whose logits are raised.
        raised_by: what is added to them, one value after the other.
        softmax: how probabilities are read; see `mask_probabilities`.

    Returns:
        `Tensor[len(raised_by)]` of int64.
    """
    raised = mask_logits.repeat(len(raised_by), 1, 1, 1)
    raised[:, rival] += mask_logits.new_tensor(raised_by)[:, None, None]
    labels = torch.full((len(raised_by),), label)
    return (mask_probabilities(raised, labels, softmax) > 0.5).sum(dim=(1, 2))


def draw_class_maps(
    axes: Sequence[Axes],
    maps: Tensor,
    names: Sequence[str],
    limits: tuple[float, float],
    outline: Tensor | None = None,
) -> AxesImage:
    """Draw one map for each class, all on one scale, dark is low and bright is high.

    Args:
        axes: one for each class; empty.
        maps: `Tensor[K, m, m]`.
        names: of the classes.
        limits: the values shown black and white.
        outline: `Tensor[m, m]` in 0..1, the true mask, whose border is drawn over each map.

    Returns:
        the last picture, for a colour bar.
    """
    size = maps.shape[-1]
    centers = torch.arange(size) + 0.5
    for panel, values, name in zip(axes, maps.detach(), names):
        low, high = limits
        picture = panel.imshow(
            values, cmap="cividis", vmin=low, vmax=high, extent=(0, size, size, 0)
        )
        if outline is not None:
            panel.contour(
                *(centers, centers, outline),
                levels=[0.5],
                colors=GROUND_TRUTH.color,
                linestyles=GROUND_TRUTH.line,
                linewidths=1.5,
            )
        panel.set_title(name, fontsize=10, parse_math=False)
        panel.set_xticks([0, size])
        panel.set_yticks([0, size])
    return picture
