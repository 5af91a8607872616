"""What one exercise's check is made of: a right answer, known mistakes, hints.

A learner's function is called on a few small inputs and compared with the reference. If it is
wrong in a way that has a name, the check says the name; it never shows the answer. A check that
fails raises, so that whoever runs the notebook by machine sees a failed cell; whoever sits before
it sees one line.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mrcnn_lite.console import say
from mrcnn_lite.course.naming import FACTOR, explain
from mrcnn_lite.course.repair import find_repair
from mrcnn_lite.course.results import describe_difference, describe_error, result_of, with_arguments

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
            tell every mistake from the right answer. The lesson must have prepared each of them.
        mistakes: what to tell the author of a wrong variant, and the variant. Two variants that are
            `partial`s of one function, with different keywords, are also recognised together.
        hints: three, of growing frankness.
        tolerance: absolute and relative, for floating-point results.
        trained: of a loss, the number of the argument that has to get its gradient.
    """

    name: str
    reference: Function
    cases: Mapping[str, tuple]
    mistakes: Mapping[str, Function]
    hints: tuple[str, str, str]
    tolerance: float = 1e-5
    trained: int | None = None

    def __call__(self, function: Function) -> None:
        """Check a function, and print that it is right.

        Raises:
            CheckFailedError: it is wrong or not written yet; a notebook shows only the message.
        """
        verdict = self.verdict(function)
        if not verdict.passed:
            raise CheckFailedError(verdict.message)
        say(verdict.message)

    def working(self, function: Function) -> Function:
        """Choose what the lesson goes on with, and print whose it is.

        Returns:
            the learner's function if it is right, else the reference.
        """
        # Why it is wrong, which may take seconds to find out, the check has said.
        passed = self._passes(function)
        whose = "yours" if passed else "the package's, until yours is right"
        print(f"{self.name}: {whose}")
        return function if passed else self.reference

    def verdict(self, function: Function) -> Verdict:
        """Check a function; what it raises is reported, not raised."""
        if not callable(function):
            return self._failed(
                f"expected the function itself, got {type(function).__name__}; "
                f"write check.{self.name}(your_function), without calling it"
            )
        results = [result_of(function, arguments) for arguments in self.cases.values()]
        if any(isinstance(result, NotImplementedError) for result in results):
            return self._failed("not written yet")
        if all(result is None for result in results):
            return self._failed("not written yet (it returns None)")
        rights = self._rights()
        differences = {
            case: describe_error(result, function) if isinstance(result, Exception) else text
            for case, (result, right) in enumerate(zip(results, rights))
            if (text := describe_difference(result, right, self.tolerance))
        }
        if differences:
            return self._failed(self._reason(function, results, rights, differences))
        if self.trained is not None and (reason := self._lost_gradient(function)):
            return self._failed(reason)
        return Verdict(True, f"✓ {self.name}: right on all {len(self.cases)} inputs.")

    def _reason(
        self, function: Function, results: list, rights: list, differences: dict[int, str]
    ) -> str:
        """Name the mistakes, and show an input on which they do not explain the result."""
        wrong = frozenset(differences)
        cases = list(self.cases.values())
        explanations = explain(results, rights, wrong, cases, self.mistakes, self.tolerance)
        if explanations and explanations[0].certain:
            one, *other = explanations[0].mistakes
            return f"two mistakes at once: (1) {one}; (2) {other[0]}" if other else one
        # A known mistake that explains every wrong result says more than its place, and that more
        # than a factor.
        known = bool(explanations) and explanations[0].mistakes != (FACTOR,)
        explained = known and explanations[0].inputs == wrong
        if not explained and (place := find_repair(function, self._is_right(rights))):
            return place
        raised = [case for case in wrong if isinstance(results[case], Exception)]
        if raised and not explanations:
            return f"on {self._described(min(raised))} {differences[min(raised)]}"
        parts = [f"wrong on {len(wrong)} of {len(self.cases)} inputs"]
        for explanation in explanations:
            (mistake,) = explanation.mistakes
            parts.append(f"On {len(explanation.inputs)} of them this may be why: {mistake}")
            wrong -= explanation.inputs
        if wrong:
            parts.append(f"On {self._described(min(wrong))}, {differences[min(wrong)]}")
        return ". ".join(parts)

    def _passes(self, function: Function) -> bool:
        if not (callable(function) and self._is_right(self._rights())(function)):
            return False
        return self.trained is None or self._lost_gradient(function) is None

    def _rights(self) -> list:
        return [result_of(self.reference, arguments) for arguments in self.cases.values()]

    def _is_right(self, rights: list) -> Callable[[Function], bool]:
        """A test of functions that ends at the first input on which one is wrong."""

        def is_right(function: Function) -> bool:
            return not any(
                describe_difference(result_of(function, arguments), right, self.tolerance)
                for arguments, right in zip(self.cases.values(), rights)
            )

        return is_right

    def _described(self, case: int) -> str:
        return with_arguments(*list(self.cases.items())[case])

    def _lost_gradient(self, function: Function) -> str | None:
        """Say on which input the result is right, but not its gradient."""
        for description, arguments in self.cases.items():
            try:
                gradient = self._gradient(function, arguments)
            except Exception as error:
                return f"on {description}, with gradients on, {describe_error(error, function)}"
            if gradient is None:
                return (
                    f"on {description} the number is right, but it is a constant: no gradient "
                    "flows back from it, and `loss.backward()` fails. Let the loss be computed "
                    "from the network's output (a sum over nothing is 0, too, and no constant)"
                )
            if describe_difference(
                gradient, self._gradient(self.reference, arguments), self.tolerance
            ):
                return (
                    f"on {description} the number is right, but its gradient is not: a part of it "
                    "is a constant (`detach`, `item`, `no_grad`), from which nothing is learned"
                )
        return None

    def _gradient(self, function: Function, arguments: tuple) -> Tensor | None:
        """The gradient of the trained argument; None if the result is a constant."""
        arguments = list(copy.deepcopy(arguments))
        leaf = arguments[self.trained].requires_grad_()
        # Not the leaf itself, since a function may change its argument.
        arguments[self.trained] = leaf.clone()
        result = function(*arguments)
        if not (isinstance(result, Tensor) and result.requires_grad):
            return None
        (gradient,) = torch.autograd.grad(result, leaf, allow_unused=True)
        return torch.zeros_like(leaf) if gradient is None else gradient

    def _failed(self, reason: str) -> Verdict:
        return Verdict(False, f"✗ {self.name}: {reason}.")
