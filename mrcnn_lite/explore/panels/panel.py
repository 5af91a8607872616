"""Sliders above a picture: a thin layer over a function that computes and one that draws."""

import contextlib
import gc
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ipywidgets
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mrcnn_lite.explore.still import add_still, display_with_still

DPI = 72
# Written quickly: it travels from the kernel to the page on the same machine, and is never kept;
# what a notebook keeps is the still picture, which has twice the pixels.
PNG = {"format": "png", "dpi": DPI, "pil_kwargs": {"compress_level": 1}}

# Else every drawing measures all ticks to find out whether a title would cover some.
FIXED_TITLES = {"axes.titley": 1.0}
# Between the ticks of an axis.
MOST_INTERVALS = 4


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Let the garbage collector wait, which else walks through all of torch amid a drawing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def thin_out_ticks(figure: Figure) -> None:
    """Label few places of each axis whose ticks nobody set: making ticks takes longest of all."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(locator := axis.get_major_locator(), MaxNLocator):
                locator.set_params(nbins=MOST_INTERVALS)


class Panel(ipywidgets.VBox):
    """Controls, and a picture that follows them.

    One figure is drawn again and again into one image: that is three times as fast as a new figure
    for every step of a slider, and a cell's outputs stay as they are.

    Args:
        compute: called with the controls' values by name; no drawing.
        draw: called with an empty figure and what `compute` returned; no computing.
        controls: name of an argument of `compute` to the widget that gives it.
        size: of the figure, in inches.
        description: of the picture, for those who cannot see it.

    Attributes:
        computed: what the picture shows.
    """

    def __init__(
        self,
        compute: Callable[..., Any],
        draw: Callable[[Figure, Any], None],
        controls: Mapping[str, ipywidgets.Widget],
        size: tuple[float, float],
        description: str,
    ) -> None:
        self.compute, self.draw, self.controls = compute, draw, dict(controls)
        self.figure = Figure(figsize=size)
        self.picture = ipywidgets.Image(format="png")
        self.picture.layout.max_width = "100%"
        self.description = description
        for control in self.controls.values():
            control.style.description_width = "initial"
            control.observe(self.redraw, "value")
        super().__init__([ipywidgets.HBox(list(self.controls.values())), self.picture])
        self.children[0].layout.flex_flow = "row wrap"
        self.redraw()

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    def redraw(self, change: Any = None) -> None:
        """Compute and draw again, from the controls' values."""
        with no_collection():
            self.computed = self.compute(**self.values)
            # Taken out first: else each would be made anew, empty, before it is thrown away.
            for axes in self.figure.axes:
                self.figure.delaxes(axes)
            self.figure.clear()
            with rc_context(FIXED_TITLES):
                self.draw(self.figure, self.computed)
            thin_out_ticks(self.figure)
            encoded = io.BytesIO()
            self.figure.savefig(encoded, **PNG)
            self.picture.value = encoded.getvalue()

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"Panel({values})"

    def _repr_mimebundle_(self, **options):
        data = {**super()._repr_mimebundle_(**options), "text/plain": repr(self)}
        return add_still(self.figure, data)

    def _ipython_display_(self):
        display_with_still(*self._repr_mimebundle_())
