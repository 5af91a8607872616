"""Which known mistakes explain a learner's wrong results.

First come explanations of all results: one mistake, then two at once. Failing these, results are
explained input by input: a mistake may show on some inputs only, and another one on the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

from mrcnn_lite.course.results import difference, result_of

Function = Callable[..., Any]
# A mistake that gives fewer of the wrong results than this share may do so by chance.
_LEAST_SHARE = 1 / 3


@dataclass(frozen=True)
class Explanation:
    """Mistakes that together give the learner's results on some of the inputs.

    Attributes:
        mistakes: what to tell the author, one text for each mistake.
        inputs: the numbers of the inputs on which they do; all of them, or wrong ones.
    """

    mistakes: tuple[str, ...]
    inputs: frozenset[int]


def explain(
    results: Sequence[Any],
    wrong: frozenset[int],
    cases: Sequence[tuple],
    mistakes: Mapping[str, Function],
    tolerance: float,
) -> list[Explanation]:
    """Find the mistakes that explain most of the wrong results.

    Args:
        results: the learner's, one for each case; an exception where the function raised one.
        wrong: the numbers of the cases on which they are wrong.
        cases: positional arguments.
        mistakes: what to tell the author of a wrong variant, and the variant.
        tolerance: absolute and relative, for floating-point results.

    Returns:
        one explanation of all results; or up to two, one mistake each, of some of the wrong ones.
    """

    def agrees(variant: Function, case: int) -> bool:
        return not difference(results[case], result_of(variant, cases[case]), tolerance)

    everything = frozenset(range(len(cases)))
    for mistake, variant in mistakes.items():
        if all(agrees(variant, case) for case in everything):
            return [Explanation((mistake,), everything)]
    for (one, variant), (other, other_variant) in combinations(mistakes.items(), 2):
        both = both_at_once(variant, other_variant)
        if both is not None and all(agrees(both, case) for case in everything):
            return [Explanation((one, other), everything)]
    agreeing = {
        mistake: frozenset(case for case in everything if agrees(variant, case))
        for mistake, variant in mistakes.items()
    }
    return _input_by_input(agreeing, wrong)


def _input_by_input(
    agreeing: Mapping[str, frozenset[int]], wrong: frozenset[int]
) -> list[Explanation]:
    explanations, left = [], wrong
    # Of mistakes that explain as much, first the one that is also right where the learner is.
    by_agreement = sorted(agreeing, key=lambda mistake: -len(agreeing[mistake]))
    for _ in range(2):
        mistake = max(by_agreement, key=lambda mistake: len(agreeing[mistake] & left), default=None)
        explained = agreeing[mistake] & left if mistake else frozenset()
        if not explained or len(explained) < _LEAST_SHARE * len(left):
            break
        explanations.append(Explanation((mistake,), explained))
        left -= explained
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
