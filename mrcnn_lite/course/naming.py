"""Which known mistakes explain a learner's wrong results.

First come explanations of all results: one mistake, then two at once. Failing these, results are
explained input by input: a mistake may show on some inputs only, and another one on the rest, and
within an input it may be made for x, say, and not for y.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from mrcnn_lite.course.results import describe_difference, flat, result_of, wrong_numbers

Function = Callable[..., Any]
# A mistake that gives fewer of the wrong results than this share may do so by chance.
_LEAST_SHARE = 1 / 2
FACTOR = (
    "what is wrong is so by a factor, the same everywhere: look for a wrong divisor, or for "
    "something that is multiplied once too often"
)


@dataclass(frozen=True)
class Explanation:
    """Mistakes that together give the learner's results on some of the inputs.

    Attributes:
        mistakes: what to tell the author, one text for each mistake.
        inputs: the numbers of the wrong inputs on which they do.
        certain: whether they do on all inputs, and explain every number of the results.
    """

    mistakes: tuple[str, ...]
    inputs: frozenset[int]
    certain: bool = False


def explain(
    results: Sequence[Any],
    rights: Sequence[Any],
    wrong: frozenset[int],
    cases: Sequence[tuple],
    mistakes: Mapping[str, Function],
    tolerance: float,
) -> list[Explanation]:
    """Find the mistakes that explain most of the wrong results.

    Args:
        results: the learner's, one for each case; an exception where the function raised one.
        rights: the right results.
        wrong: the numbers of the cases on which the learner's are wrong.
        cases: positional arguments.
        mistakes: what to tell the author of a wrong variant, and the variant.
        tolerance: absolute and relative, for floating-point results.

    Returns:
        one explanation of all results; or up to two, one mistake each, of some of the wrong ones.
    """

    def agrees(variant: Function, case: int) -> bool:
        return not describe_difference(results[case], result_of(variant, cases[case]), tolerance)

    everything = frozenset(range(len(cases)))
    for mistake, variant in mistakes.items():
        if all(agrees(variant, case) for case in everything):
            return [Explanation((mistake,), wrong, certain=True)]
    for (one, variant), (other, other_variant) in combinations(mistakes.items(), 2):
        both = both_at_once(variant, other_variant)
        if both is not None and all(agrees(both, case) for case in everything):
            return [Explanation((one, other), wrong, certain=True)]
    if _right_but_for_a_factor([(results[case], rights[case]) for case in wrong], tolerance):
        return [Explanation((FACTOR,), wrong)]
    right = everything - wrong
    # Of mistakes that explain as much, first the one that is right where the learner is.
    by_agreement = sorted(
        mistakes, key=lambda mistake: -sum(agrees(mistakes[mistake], case) for case in right)
    )
    explained = {
        mistake: frozenset(
            case
            for case in wrong
            if _explains(
                result_of(mistakes[mistake], cases[case]), results[case], rights[case], tolerance
            )
        )
        for mistake in by_agreement
    }
    return _input_by_input(explained, wrong)


def _explains(other: Any, result: Any, right: Any, tolerance: float) -> bool:
    """Whether every number of a result is either right or that of the other one."""
    if not describe_difference(result, other, tolerance):
        return True
    wrong, unlike = (wrong_numbers(result, value, tolerance) for value in (right, other))
    if wrong is None or unlike is None:
        return False
    return not (wrong & unlike).any()


def _right_but_for_a_factor(pairs: Sequence[tuple[Any, Any]], tolerance: float) -> bool:
    """Whether what is wrong in (result, right result) is a multiple of what is right, always one.

    Two numbers at least have to say so.
    """
    factors, values = [], []
    for result, right in pairs:
        wrong = wrong_numbers(result, right, tolerance)
        if wrong is None or not wrong.any() or not flat(right)[wrong].all():
            return False
        values.append(flat(right)[wrong])
        factors.append(flat(result)[wrong] / values[-1])
    factors, values = np.concatenate(factors), np.concatenate(values)
    several = not np.allclose(values, values[0])
    return bool(several and factors[0] != 0 and np.allclose(factors, factors[0], 1e-4, 0))


def _input_by_input(
    explained: Mapping[str, frozenset[int]], wrong: frozenset[int]
) -> list[Explanation]:
    explanations, left = [], wrong
    for _ in range(2):
        mistake = max(explained, key=lambda mistake: len(explained[mistake] & left), default="")
        inputs = explained.get(mistake, frozenset()) & left
        if not inputs or len(inputs) < _LEAST_SHARE * len(left):
            break
        explanations.append(Explanation((mistake,), inputs))
        left -= inputs
    return explanations


def both_at_once(variant: Function, other: Function) -> partial | None:
    """One variant with the mistakes of two; None if they cannot be told to go together.

    They go together if both are the same function with other keyword arguments. An argument that
    both set has to be such a variant in turn.
    """
    if not (isinstance(variant, partial) and isinstance(other, partial)):
        return None
    if variant.func is not other.func or variant.args or other.args:
        return None
    keywords = {**variant.keywords, **other.keywords}
    for name in variant.keywords.keys() & other.keywords.keys():
        keywords[name] = both_at_once(variant.keywords[name], other.keywords[name])
        if keywords[name] is None:
            return None
    return partial(variant.func, **keywords)
