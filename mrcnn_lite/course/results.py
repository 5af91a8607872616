"""What a learner's function gave: called safely, compared with what is right, and put in words.

A result may be a number, a tensor, a tuple of them, or the exception that came instead of one. What
is said of it never gives the right result away.
"""

import copy
import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

# So long may arguments be to be printed, in characters: four boxes, or a small mask.
_LONGEST_PRINTED = 100
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def result_of(function: Callable[..., Any], arguments: tuple) -> Any:
    """Call a function, and return its result or the exception that it raised."""
    try:
        # A copy, so that a function which changes its input spoils only its own.
        return function(*copy.deepcopy(arguments))
    except Exception as error:
        return error


def describe_difference(result: Any, right: Any, tolerance: float) -> str | None:
    """Say how two results differ without giving the right one away; None if they are the same."""
    if isinstance(result, Exception) or isinstance(right, Exception):
        same = type(result) is type(right) and str(result) == str(right)
        return None if same else "they do not raise the same exception"
    if result is None:
        return "it returns None"
    if isinstance(right, tuple):
        if not isinstance(result, (tuple, list)) or len(result) != len(right):
            return f"expected {len(right)} values, got {_kind(result)}"
        for i, (part, right_part) in enumerate(zip(result, right)):
            if text := describe_difference(part, right_part, tolerance):
                return f"value {i + 1} of {len(right)}: {text}"
        return None
    try:
        numbers, right_numbers = _as_array(result), _as_array(right)
    except (TypeError, ValueError):
        return f"expected numbers, got {_kind(result)}"
    if numbers.shape != right_numbers.shape:
        return f"expected the shape {list(right_numbers.shape)}, got {list(numbers.shape)}"
    close = np.isclose(numbers, right_numbers, tolerance, tolerance, equal_nan=True)
    if close.all():
        return None
    if close.ndim == 0:
        return f"the result {numbers.item():.6g} is not right"
    first = tuple(int(i) for i in np.argwhere(~close)[0])
    place = ", ".join(map(str, first))
    return (
        f"{np.count_nonzero(~close)} of {close.size} numbers differ, "
        f"first [{place}], where yours is {numbers[first].item():.6g}"
    )


def wrong_numbers(result: Any, right: Any, tolerance: float) -> np.ndarray | None:
    """Which of a result's numbers, written one after the other, are wrong, `bool[N]`.

    None where they cannot be compared: an exception, or another type or shape than the right one's.
    """
    parts, right_parts = _parts(result), _parts(right)
    if parts is None or right_parts is None:
        return None
    if [part.shape for part in parts] != [part.shape for part in right_parts]:
        return None
    return ~np.isclose(flat(result), flat(right), tolerance, tolerance, equal_nan=True)


def flat(result: Any) -> np.ndarray:
    """All numbers of a result, one after the other, `float64[N]`."""
    return np.concatenate([np.zeros(0), *(part.ravel() for part in _parts(result))])


def _parts(result: Any) -> list[np.ndarray] | None:
    """The values of a result, one or a tuple of them; None if anything in it is no number."""
    values = result if isinstance(result, tuple) else [result]
    try:
        return [_as_array(value) for value in values]
    except (TypeError, ValueError):
        return None


def _as_array(value: Any) -> np.ndarray:
    if value is None:
        raise TypeError("expected numbers, got None")  # NumPy takes it for not-a-number
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    elif isinstance(value, (list, tuple)):
        # NumPy does not take tensors that want a gradient, as losses in a list do.
        value = [_as_array(part) for part in value]
    return np.asarray(value, dtype=np.float64)


def _kind(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return type(value).__name__


def with_arguments(description: str, arguments: tuple) -> str:
    """A case's description, and its arguments if they are short and not in it already."""
    text = ", ".join(_text(argument) for argument in arguments)
    known = set(_NUMBER.findall(description))
    if len(text) > _LONGEST_PRINTED or set(_NUMBER.findall(text)) <= known:
        return description
    return f"{description} ({text})"


def _text(argument: Any) -> str:
    if isinstance(argument, (Tensor, np.ndarray)):
        argument = argument.tolist()
    if isinstance(argument, (tuple, list)):
        inner = ", ".join(map(_text, argument))
        return f"[{inner}]" if isinstance(argument, list) else f"({inner})"
    return f"{argument:.6g}" if isinstance(argument, float) else str(argument)


def describe_error(error: Exception, function: Callable[..., Any]) -> str:
    """Name an exception and the line of the learner's own function where it arose."""
    text = f"it raised {type(error).__name__}"
    if str(error):
        text += f": {str(error).rstrip('.')}"
    code = getattr(function, "__code__", None)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if code is not None and frame.filename == code.co_filename
    ]
    if frames and frames[-1].line:
        text += f" (at `{frames[-1].line}`)"
    return text
