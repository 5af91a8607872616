"""From a small mask to the image's pixels: paste it, and cut it at a threshold."""

from typing import NamedTuple

from matplotlib.figure import Figure
from torch import Tensor

from mrcnn_lite.explore.browser import as_sent, pack, send_picture
from mrcnn_lite.explore.draw.masks import draw_outline, draw_overlap
from mrcnn_lite.explore.draw.scene import draw_boxes, draw_image
from mrcnn_lite.explore.palette import PREDICTION
from mrcnn_lite.explore.panels.controls import Number
from mrcnn_lite.explore.panels.panel import Panel
from mrcnn_lite.models.paste import paste_masks

LABELS = ("only in the truth", "only in the prediction", "in both")


class Pasted(NamedTuple):
    """A pasted mask, cut at a threshold.

    Attributes:
        small: `Tensor[m, m]`, probabilities.
        mask: bool `Tensor[H, W]`.
        iou: with the true mask.
        threshold: as given.
    """

    small: Tensor
    mask: Tensor
    iou: float
    threshold: float


def paste_and_cut(small: Tensor, box: Tensor, truth: Tensor, threshold: float) -> Pasted:
    """Paste `Tensor[m, m]` into its box and keep the pixels above `threshold`.

    Args:
        small: probabilities within the box.
        box: `Tensor[4]`, in image pixels.
        truth: `Tensor[H, W]`, the true mask.
        threshold: 0 to 1.
    """
    mask = paste_masks(small[None], box[None], tuple(truth.shape))[0] > threshold
    truth = truth.bool()
    union = (mask | truth).sum().item()
    iou = (mask & truth).sum().item() / union if union else 0.0
    return Pasted(small, mask, iou, threshold)


def draw_pasted(figure: Figure, pasted: Pasted, image: Tensor, box: Tensor, truth: Tensor) -> None:
    """Draw the small mask, its outline in the image, and where it differs from the truth."""
    axes = figure.subplots(1, 3)
    figure.subplots_adjust(left=0.03, right=0.99, bottom=0.32, top=0.92, wspace=0.2)
    side = len(pasted.small)
    axes[0].imshow(pasted.small, cmap="gray", vmin=0, vmax=1, extent=(0, side, side, 0))
    axes[0].set_title(f"{side} x {side} probabilities")
    draw_image(axes[1], image, f"pasted, above {pasted.threshold:.2f}")
    draw_boxes(axes[1], box, PREDICTION, halo=True)
    if pasted.mask.any() and not pasted.mask.all():
        draw_outline(axes[1], pasted.mask, PREDICTION.color)
    draw_overlap(axes[2], truth.bool(), pasted.mask, LABELS)
    axes[2].set_title(f"IoU with the truth {pasted.iou:.2f}")
    axes[2].label_outer()  # the same image again


def paste_panel(
    image: Tensor, small: Tensor, box: Tensor, truth: Tensor, threshold: float = 0.5
) -> Panel:
    """Choose the threshold at which a pasted mask is cut.

    Args:
        image: `Tensor[3, H, W]` in 0..1.
        small: `Tensor[m, m]`, a detection's probabilities within its box.
        box: `Tensor[4]`, in image pixels.
        truth: `Tensor[H, W]`, the true mask.
        threshold: at the beginning.
    """
    small, box, truth = as_sent(small), as_sent(box), truth.detach().cpu().bool()
    return Panel(
        "paste",
        {
            **send_picture(image),
            "small": pack(small),
            "box": box.tolist(),
            "truth": pack(truth),
        },
        {"threshold": Number("threshold", 0.0, 1.0, step=0.05)},
        {"threshold": threshold},
        lambda threshold: paste_and_cut(small, box, truth, threshold),
        lambda figure, pasted: draw_pasted(figure, pasted, image, box, truth),
        size=(11, 4),
        label="a mask as the network gives it, pasted into the image, and the truth",
    )
