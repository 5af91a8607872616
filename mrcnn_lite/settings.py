"""Configurations check their own values: each field says by its type what it takes.

`Annotated` types narrow a number's range, so that a field's type, its range and the words of the
error stand in one place.
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints


class Range(NamedTuple):
    """Which numbers a field takes, in words and as a test."""

    words: str
    holds: Callable[[float], bool]


PositiveInt = Annotated[int, Range("from 1 on", lambda value: value >= 1)]
NonNegativeInt = Annotated[int, Range("from 0 on", lambda value: value >= 0)]
PositiveFloat = Annotated[float, Range("above 0", lambda value: value > 0)]
NonNegativeFloat = Annotated[float, Range("from 0 on", lambda value: value >= 0)]
Fraction = Annotated[float, Range("from 0 to 1", lambda value: 0 <= value <= 1)]


def check_settings(config: Any) -> None:
    """Check each field of a dataclass against its type.

    Numbers must be finite, an int serves as a float, a bool is no number, and a tuple of any length
    has at least one entry.

    Raises:
        ValueError: names the field, what it should be and what it is.
    """
    for name, kind in get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        if not _fits(value, kind):
            raise ValueError(f"{name} should be {_describe(kind)}, got {value!r}")


def _fits(value: Any, kind: Any) -> bool:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        number, limits = parts
        return _fits(value, number) and limits.holds(value)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return len(value) > 0 and all(_fits(entry, parts[0]) for entry in value)
        return len(value) == len(parts) and all(map(_fits, value, parts))
    if kind in (int, float):
        number = Integral if kind is int else Real
        return isinstance(value, number) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind)


def _describe(kind: Any) -> str:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return f"{_describe(parts[0])} {parts[1].words}"
    if origin in (Union, UnionType):
        return " or ".join(map(_describe, parts))
    if origin is Literal:
        return f"one of {', '.join(parts)}"
    if origin is tuple:
        number = "one or more" if parts[-1] is Ellipsis else str(len(parts))
        return f"a tuple of {number} entries, each {_describe(parts[0])}"
    words = {int: "a whole number", float: "a number", bool: "True or False"}
    return words.get(kind, "None")
