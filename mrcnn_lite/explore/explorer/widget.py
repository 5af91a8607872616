"""The misalignment explorer: drag a box over a scene, and see what each RoI operation reads.

    explorer = Explorer()
    explorer                      # the last line of a cell shows it
    explorer.roi, explorer.error  # in the next cell: the values that it shows
    explorer.stride = 32          # and it follows

The browser computes with a twin of this package's arithmetic, `web/arithmetic.js`, so that a drag
needs no kernel; a test holds the two to each other.
"""

import base64
import io
import math
from collections.abc import Iterable
from typing import Any

import anywidget
import traitlets
from ipywidgets import VBox, Widget, register
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.explore.browser import as_data_uri
from mrcnn_lite.explore.explorer.figure import figure_of_error
from mrcnn_lite.explore.explorer.web_sources import module_source, style_source
from mrcnn_lite.explore.measure.misalignment import slide, split_shift
from mrcnn_lite.explore.still import add_still, display_with_still
from mrcnn_lite.ops.bags import Bags
from mrcnn_lite.ops.by_name import OPERATIONS, find_operation

STRIDES = (4, 8, 16, 32)
MAX_BINS, MAX_SAMPLING_RATIO = 14, 6
SMALLEST_BOX = 1  # image pixels
# How far a box may reach beyond the scene, in image pixels.
BEYOND = 32
LARGEST_SCENE = 1024
SCENE = {"num_scenes": 103, "seed": 14, "image_size": 256}
SCENE_NUMBER = 102
# Of the large star in that scene.
BOX = (61, 81, 173, 188)
ERROR_PARTS = ("half_pixel", "rounding", "maximum", "total")


def default_scene() -> Tensor:
    """The picture that the explorer shows if it is given none: `Tensor[3, 256, 256]` in 0..1."""
    return ShapesDataset(**SCENE)[SCENE_NUMBER][0]


def default_box(scene_size: tuple[int, int]) -> tuple[float, ...]:
    """The box at the beginning, in a scene of (H, W) pixels: `BOX` where it has room."""
    height, width = scene_size
    if BOX[2] <= width and BOX[3] <= height:
        return BOX
    return width / 4, height / 4, 3 * width / 4, 3 * height / 4


@register
class Explorer(anywidget.AnyWidget):
    """A widget whose values are traits: read them, set them, observe them, link them to sliders.

    Args:
        image: `Tensor[3, H, W]` in 0..1, at most 1,024 pixels a side; default: a scene of Shapes.
        **settings: the traits below, as they are at the beginning.

    Attributes:
        operation: a key of `mrcnn_lite.ops.by_name.OPERATIONS`.
        roi: (x1, y1, x2, y2) in image pixels, at least a pixel wide and high. It may reach up to
            32 pixels beyond the scene, where an operation finds no cells.
        stride: image pixels per feature cell: 4, 8, 16 or 32.
        bins: bins per axis, 1 to 14.
        sampling_ratio: sample points per bin and axis, at most 6; -1 takes one per cell, rounded
            up.
        bin: (row, column) of the bin that is followed; None is the middle one.
        axis: "x" or "y", along which the trace is drawn.
        view: what lies under the box, "picture" or "features" (the mean colour of each cell).
        causes: which causes of the error are shown, "rounding" alone or "all" three, and with them
            the operation whose only error is the half pixel.
        error: of the followed bin in image pixels, read-only: "half_pixel", "rounding", "maximum"
            and their sum "total", each a pair (along x, along y).

    Raises:
        traitlets.TraitError: a setting out of its range; the message says what was expected.
    """

    _esm = module_source()
    _css = style_source()

    operation = traitlets.Enum(tuple(OPERATIONS), "pool").tag(sync=True)
    roi = traitlets.Tuple(*[traitlets.CFloat()] * 4, default_value=BOX).tag(sync=True)
    stride = traitlets.Enum(STRIDES, 16).tag(sync=True)
    bins = traitlets.Int(7, min=1, max=MAX_BINS).tag(sync=True)
    sampling_ratio = traitlets.Int(-1, min=-1, max=MAX_SAMPLING_RATIO).tag(sync=True)
    bin = traitlets.Tuple(
        traitlets.Int(min=0), traitlets.Int(min=0), default_value=None, allow_none=True
    ).tag(sync=True)
    axis = traitlets.Enum(("x", "y"), "x").tag(sync=True)
    view = traitlets.Enum(("picture", "features"), "picture").tag(sync=True)
    causes = traitlets.Enum(("rounding", "all"), "rounding").tag(sync=True)
    picture = traitlets.Unicode().tag(sync=True)
    scene_size = traitlets.Tuple(traitlets.Int(), traitlets.Int()).tag(sync=True)
    error = traitlets.Dict(read_only=True)

    def __init__(self, image: Tensor | None = None, **settings: Any) -> None:
        image = default_scene() if image is None else image
        if image.dim() != 3 or len(image) != 3 or 0 in image.shape:
            raise ValueError(f"image must be Tensor[3, H, W], got shape {list(image.shape)}")
        if max(image.shape[1:]) > LARGEST_SCENE:
            raise ValueError(
                f"image must have at most {LARGEST_SCENE} pixels a side, "
                f"got {list(image.shape[1:])}"
            )
        self._scene_at_start = tuple(image.shape[1:])
        if "roi" not in settings:
            settings["roi"] = default_box(self._scene_at_start)
        super().__init__(picture=as_data_uri(image), scene_size=self._scene_at_start, **settings)
        self._measure()

    def bags(self) -> Bags:
        """What the bins of the box read now, to be drawn or counted."""
        read = find_operation(self.operation).bags
        arguments = (self.bins, 1 / self.stride, self.sampling_ratio)
        return read(self.map_size, slide(self.roi), *arguments)

    @property
    def map_size(self) -> tuple[int, int]:
        """(H, W) of the feature map in cells."""
        height, width = self.scene_size
        return math.ceil(height / self.stride), math.ceil(width / self.stride)

    @property
    def followed_bin(self) -> tuple[int, int]:
        """(row, column) of the bin whose error is shown: `bin`, or the middle one."""
        return self.bin or (self.bins // 2, self.bins // 2)

    @traitlets.validate("roi")
    def _check_roi(self, proposal):
        x1, y1, x2, y2 = proposal["value"]
        height, width = self.scene_size or self._scene_at_start
        if not all(map(math.isfinite, proposal["value"])):
            raise traitlets.TraitError(f"roi must be four finite numbers, got {(x1, y1, x2, y2)}")
        if x2 - x1 < SMALLEST_BOX or y2 - y1 < SMALLEST_BOX:
            raise traitlets.TraitError(
                "roi must be (x1, y1, x2, y2), at least 1 pixel wide and high, "
                f"got {(x1, y1, x2, y2)}"
            )
        if min(x1, y1) < -BEYOND or x2 > width + BEYOND or y2 > height + BEYOND:
            raise traitlets.TraitError(
                f"roi must reach at most {BEYOND} pixels beyond the scene of {width} x {height} "
                f"pixels, got {(x1, y1, x2, y2)}"
            )
        return proposal["value"]

    @traitlets.validate("bin")
    def _check_bin(self, proposal):
        if proposal["value"] is not None and max(proposal["value"]) >= self.bins:
            raise traitlets.TraitError(
                f"bin must be (row, column), each from 0 to {self.bins - 1}, "
                f"got {proposal['value']}"
            )
        return proposal["value"]

    @traitlets.observe("bins")
    def _follow_an_existing_bin(self, change):
        if self.bin is not None and max(self.bin) >= self.bins:
            self.bin = None

    @traitlets.observe("operation", "roi", "stride", "bins", "sampling_ratio", "bin", "scene_size")
    def _measure(self, change=None):
        if not self.scene_size:
            return
        arguments = (self.map_size, slide(self.roi), self.bins, self.stride, self.sampling_ratio)
        error = split_shift(self.operation, *arguments)
        row, column = self.followed_bin
        parts = {
            name: tuple(getattr(error, name)[0, :, row, column].tolist()) for name in ERROR_PARTS
        }
        self.set_trait("error", parts)

    def picture_as_tensor(self) -> Tensor:
        """The picture that is shown now, `Tensor[3, H, W]` in 0..1: the reader's own, perhaps."""
        encoded = self.picture.split(",", 1)[1]
        return to_tensor(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB"))

    def below(self, *widgets: Widget) -> "ExplorerBelow":
        """The explorer with other widgets above it, such as sliders that are linked to its traits.

        Shown as one output, they leave one picture in a saved notebook, and no widget's name.
        """
        return ExplorerBelow(self, widgets)

    def __repr__(self) -> str:
        edges = ", ".join(f"{edge:g}" for edge in self.roi)
        return (
            f"Explorer(operation={self.operation!r}, roi=({edges}), stride={self.stride}, "
            f"bins={self.bins}, sampling_ratio={self.sampling_ratio})"
        )

    def _repr_mimebundle_(self, **options):
        return add_still(figure_of_error(self), *super()._repr_mimebundle_(**options))

    def _ipython_display_(self):
        display_with_still(*self._repr_mimebundle_())


class ExplorerBelow(VBox):
    """Widgets, and the explorer below them; the still picture is the explorer's."""

    def __init__(self, explorer: Explorer, widgets: Iterable[Widget]) -> None:
        super().__init__([*widgets, explorer])
        self._explorer = explorer

    def _repr_mimebundle_(self, **options):
        data = {**super()._repr_mimebundle_(**options), "text/plain": repr(self._explorer)}
        return add_still(figure_of_error(self._explorer), data)

    def _ipython_display_(self):
        display_with_still(*self._repr_mimebundle_())
