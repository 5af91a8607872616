"""Controls above pictures that follow them; the browser draws them and needs no kernel."""

from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets
from ipywidgets import register
from matplotlib.figure import Figure

from mrcnn_lite.explore.panels.controls import Choice, Number
from mrcnn_lite.explore.panels.web_sources import module_source, style_source
from mrcnn_lite.explore.still import add_still, display_with_still

# In the metadata of the still picture: what a page needs to put the living panel in its place.
STATE = "mrcnn-lite-panel"


@register
class Panel(anywidget.AnyWidget):
    """A widget that computes in the browser what `compute` computes here.

    Args:
        kind: a name in `KINDS` of web/panel.js, which says how it is computed and drawn there.
        data: what the browser computes with, as JSON holds it.
        controls: name of an argument of `compute` to what its reader can set.
        values: of the controls, as they are at the beginning.
        compute: called with the controls' values by name; no drawing.
        draw: called with an empty figure and what `compute` returned; no computing.
        size: of that figure, in inches.
        label: what the panel shows, in a few words.

    Attributes:
        values: what the controls say, by name; set it, or call `set`.

    Raises:
        traitlets.TraitError: a value that the control cannot have; the message says what was
            expected.
    """

    _esm = module_source()
    _css = style_source()

    kind = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    # A list, since notebooks are written with the names of a mapping in alphabetical order.
    controls = traitlets.List().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        kind: str,
        data: Mapping[str, Any],
        controls: Mapping[str, Number | Choice],
        values: Mapping[str, Any],
        compute: Callable[..., Any],
        draw: Callable[[Figure, Any], None],
        size: tuple[float, float],
        label: str,
    ) -> None:
        self.compute, self.draw, self._size = compute, draw, size
        self._checks = dict(controls)
        super().__init__(
            kind=kind,
            label=label,
            data=dict(data),
            controls=[{"name": name, **control.described()} for name, control in controls.items()],
            values=dict(values),
        )

    @traitlets.validate("values")
    def _check_values(self, proposal):
        values = proposal["value"]
        if values.keys() != self._checks.keys():
            expected, given = ", ".join(self._checks), ", ".join(values)
            raise traitlets.TraitError(f"values must be of {expected}, got {given}")
        return {name: control.check(name, values[name]) for name, control in self._checks.items()}

    def set(self, **values: Any) -> None:
        """Set some of the values; the others stay."""
        self.values = {**self.values, **values}

    @property
    def computed(self) -> Any:
        """What the pictures show."""
        return self.compute(**self.values)

    def state(self) -> dict[str, Any]:
        """What a page needs to show the panel as it is now, without a kernel."""
        return {
            name: getattr(self, name) for name in ("kind", "label", "data", "controls", "values")
        }

    def figure(self) -> Figure:
        """The panel as a still figure, for where no widget can be shown."""
        figure = Figure(figsize=self._size)
        self.draw(figure, self.computed)
        return figure

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"Panel({values})"

    def _repr_mimebundle_(self, **options):
        data, metadata = add_still(self.figure(), *super()._repr_mimebundle_(**options))
        return {**data, "text/plain": repr(self)}, {**metadata, STATE: self.state()}

    def _ipython_display_(self):
        display_with_still(*self._repr_mimebundle_())
