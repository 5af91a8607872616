"""Move an object by a pixel at a time, and watch what each RoI operation reads of it."""

from typing import NamedTuple

import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.explore.browser import as_data_uri
from mrcnn_lite.explore.draw.bags import draw_grid
from mrcnn_lite.explore.draw.scene import draw_boxes, draw_image
from mrcnn_lite.explore.measure.misalignment import slide
from mrcnn_lite.explore.palette import TRUE_BOX
from mrcnn_lite.explore.panels.controls import Choice, Number
from mrcnn_lite.explore.panels.panel import Panel
from mrcnn_lite.ops.by_name import OPERATIONS

SCENES = {"num_scenes": 12, "seed": 104, "image_size": 288}
SCENE, OBJECT = 7, 3
WINDOW = 256  # image pixels
LARGEST_SHIFT = 32
STRIDES = (4, 8, 16, 32)
TOP = (SCENES["image_size"] - WINDOW) // 2
SAMPLING_RATIO = 2


class Moved(NamedTuple):
    """An object and its box moved together, and what is read.

    Attributes:
        window: `Tensor[3, 256, 256]`, what the camera sees.
        box: (x1, y1, x2, y2) in pixels of the window.
        stride: image pixels per feature cell.
        read: key of `OPERATIONS` to `Tensor[3, P, P]`, mean colours.
        change: key to the root mean square of the difference from `read` without any shift.
    """

    window: Tensor
    box: tuple[float, ...]
    stride: int
    read: dict[str, Tensor]
    change: dict[str, float]


def make_wide_scene() -> tuple[Tensor, Tensor]:
    """A scene wider than the window, and the box of the object that is followed."""
    image, target = ShapesDataset(**SCENES)[SCENE]
    return image.double(), target["boxes"][OBJECT].double()


def move_object(scene: tuple[Tensor, Tensor], shift: int, stride: int, bins: int) -> Moved:
    """Let the object and its box move to the right together, by moving the window to the left.

    Args:
        scene: of `make_wide_scene`.
        shift: 0 to 32 image pixels.
        stride: image pixels per feature cell; a cell is the mean colour of its patch.
        bins: per axis.
    """
    image, box = scene
    before, _, _ = _read(image, box, 0, stride, bins)
    after, window, moved = _read(image, box, shift, stride, bins)
    change = {
        name: (after[name] - before[name]).square().mean().sqrt().item() for name in OPERATIONS
    }
    return Moved(window, moved, stride, after, change)


def _read(image, box, shift, stride, bins):
    left = LARGEST_SHIFT - shift
    window = image[:, TOP : TOP + WINDOW, left : left + WINDOW]
    moved = tuple((box - box.new_tensor([left, TOP, left, TOP])).tolist())
    features = F.avg_pool2d(window[None], stride)
    arguments = (features, slide(moved), bins, 1 / stride, SAMPLING_RATIO)
    read = {name: operation.read(*arguments)[0] for name, operation in OPERATIONS.items()}
    return read, window, moved


def draw_moved(figure: Figure, moved: Moved) -> None:
    """Draw the window with the box and the grid, and beside it what each operation reads."""
    axes = figure.subplots(1, 1 + len(OPERATIONS), width_ratios=(1.25, 1, 1, 1, 1))
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.14, top=0.84, wspace=0.12)
    draw_image(axes[0], moved.window.float(), f"the scene, stride {moved.stride}")
    cells = WINDOW // moved.stride
    draw_grid(axes[0], (cells, cells), moved.stride)
    draw_boxes(axes[0], moved.box, TRUE_BOX, width=2, halo=True)
    for panel, (name, operation) in zip(axes[1:], OPERATIONS.items()):
        panel.imshow(moved.read[name].permute(1, 2, 0).clamp(0, 1), interpolation="nearest")
        label = operation.label.replace(", ", "\n")
        panel.set_title(f"{label}\nchange {moved.change[name]:.3f}", fontsize=10)
        panel.set_xticks([])
        panel.set_yticks([])


def move_panel(stride: int = 16, bins: int = 7, shift: int = 0) -> Panel:
    """Move an object by whole pixels and see whether its features stay the same.

    Args:
        stride: image pixels per feature cell at the beginning: 4, 8, 16 or 32.
        bins: per axis, at the beginning.
        shift: in image pixels, at the beginning.
    """
    image, box = scene = make_wide_scene()
    return Panel(
        "move",
        {
            "picture": as_data_uri(image, "PNG"),
            "size": list(image.shape[1:]),
            "box": box.tolist(),
            "window": WINDOW,
            "top": TOP,
            "largest_shift": LARGEST_SHIFT,
            "sampling_ratio": SAMPLING_RATIO,
        },
        {
            "shift": Number("shift", 0, LARGEST_SHIFT, unit="pixels"),
            "stride": Choice("stride", {str(stride): stride for stride in STRIDES}),
            "bins": Number("bins per axis", 1, 14),
        },
        {"shift": shift, "stride": stride, "bins": bins},
        lambda **values: move_object(scene, **values),
        draw_moved,
        size=(13, 3.2),
        label="an object that moves, and its features by four RoI operations",
    )
