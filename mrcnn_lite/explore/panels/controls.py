"""What a panel lets its reader set: a number within limits, or one of a few choices."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from traitlets import TraitError


@dataclass(frozen=True)
class Number:
    """A number with a slider.

    Attributes:
        label: what stands beside it.
        low, high: its limits.
        step: what an arrow key changes it by; if that is an int, the number is whole.
        unit: in words, such as "pixels", or "".
    """

    label: str
    low: float
    high: float
    step: float = 1
    unit: str = ""

    def check(self, name: str, value: Any) -> float:
        """Give `value` as an int or a float.

        Raises:
            TraitError: it is no such number; the message says what was expected.
        """
        whole = isinstance(self.step, int)
        fits = isinstance(value, int | float) and math.isfinite(value)
        if not fits or not self.low <= value <= self.high or (whole and value != int(value)):
            kind = "whole number" if whole else "number"
            raise TraitError(
                f"{name} must be a {kind} from {self.low:g} to {self.high:g}, got {value!r}"
            )
        return int(value) if whole else float(value)

    def described(self) -> dict[str, Any]:
        """As the browser needs it."""
        names = ("label", "low", "high", "step", "unit")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Choice:
    """One of a few values, of which each has a name.

    Attributes:
        label: what stands beside it.
        options: name to value.
    """

    label: str
    options: Mapping[str, int]

    def check(self, name: str, value: Any) -> int:
        """Give `value` if it is one of the options.

        Raises:
            TraitError: it is none; the message names them.
        """
        if value not in self.options.values():
            expected = ", ".join(f"{value} ({label})" for label, value in self.options.items())
            raise TraitError(f"{name} must be one of {expected}, got {value!r}")
        return value

    def described(self) -> dict[str, Any]:
        """As the browser needs it."""
        return {"label": self.label, "options": [list(option) for option in self.options.items()]}
