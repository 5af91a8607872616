"""What one exercise's check is made of: a right answer, known mistakes, hints.

A learner's function is called on a few small inputs and compared with the reference. If it is
wrong in a way that has a name, the check says the name; it never shows the answer. A check that
fails raises, so that whoever runs the notebook by machine sees a failed cell; whoever sits before
it sees one line.
"""

import copy
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from mrcnn_lite.console import say

Function = Callable[..., Any]


class CheckFailedError(AssertionError):
    """The learner's function is wrong or not written yet; the message says which, and why."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the lines of this module help nobody."""
        return [str(self)]


@dataclass(frozen=True)
class Verdict:
    """What a check found: whether the function is right, and what to tell its author."""

    passed: bool
    message: str


@dataclass(frozen=True)
class Exercise:
    """The check of one exercise: call it with the learner's function, and it says what it found.

    Attributes:
        name: of the function to write, as in `check.NAME`.
        reference: the right answer.
        cases: what the function is tried on: a description, such as "a mask of 2 x 3 pixels", to
            the positional arguments. Choose inputs that are small and asymmetric, not square, and
            tell every mistake from the right answer.
        mistakes: what to tell the author of a wrong variant, and the variant.
        hints: three, of growing frankness.
        tolerance: absolute and relative, for floating-point results.
    """

    name: str
    reference: Function
    cases: Mapping[str, tuple]
    mistakes: Mapping[str, Function]
    hints: tuple[str, str, str]
    tolerance: float = 1e-5

    def __call__(self, function: Function) -> None:
        """Check a function, and print that it is right.

        Raises:
            CheckFailedError: it is wrong or not written yet; a notebook shows only the message.
        """
        verdict = self.verdict(function)
        if not verdict.passed:
            raise CheckFailedError(verdict.message)
        say(verdict.message)

    def verdict(self, function: Function) -> Verdict:
        """Check a function; what it raises is reported, not raised."""
        if not callable(function):
            return self._failed(
                f"expected the function itself, got {type(function).__name__}; "
                f"write check.{self.name}(your_function), without calling it"
            )
        results = []
        for description, arguments in self.cases.items():
            try:
                # A copy, so that a function which changes its input spoils only its own.
                result = function(*copy.deepcopy(arguments))
            except NotImplementedError:
                return self._failed("not written yet")
            except Exception as error:
                return self._failed(f"on {description} {_describe(error, function)}")
            results.append(result)
        if all(result is None for result in results):
            return self._failed("not written yet (it returns None)")
        return self._compare(results)

    def _compare(self, results: list) -> Verdict:
        expected = self._results_of(self.reference)
        wrong = {
            description: difference
            for description, result, right in zip(self.cases, results, expected)
            if (difference := _difference(result, right, self.tolerance))
        }
        if not wrong:
            return Verdict(True, f"✓ {self.name}: right on all {len(self.cases)} inputs.")
        for mistake, variant in self.mistakes.items():
            pairs = zip(results, self._results_of(variant))
            if not any(_difference(result, other, self.tolerance) for result, other in pairs):
                return self._failed(mistake)
        description, difference = next(iter(wrong.items()))
        return self._failed(
            f"wrong on {len(wrong)} of {len(self.cases)} inputs. On {description}, {difference}"
        )

    def _results_of(self, function: Function) -> list:
        return [function(*copy.deepcopy(arguments)) for arguments in self.cases.values()]

    def _failed(self, reason: str) -> Verdict:
        return Verdict(False, f"✗ {self.name}: {reason}.")


def _difference(result: Any, right: Any, tolerance: float) -> str | None:
    """Say how two results differ without giving the right one away; None if they are the same."""
    if result is None:
        return "it returns None"
    if isinstance(right, tuple):
        if not isinstance(result, (tuple, list)) or len(result) != len(right):
            return f"expected {len(right)} values, got {_kind(result)}"
        for i, (part, right_part) in enumerate(zip(result, right)):
            if difference := _difference(part, right_part, tolerance):
                return f"value {i + 1} of {len(right)}: {difference}"
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


def _as_array(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value, dtype=np.float64)


def _kind(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return type(value).__name__


def _describe(error: Exception, function: Function) -> str:
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
