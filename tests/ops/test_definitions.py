"""The definitions stay short enough to be read in one sitting, with all that they go through.

That they are right is the matter of test_roi.py: torchvision's numbers and gradients on random
RoIs, and loops where torchvision has no such operation.
"""

import ast
import inspect
import io
import tokenize

import pytest

from mrcnn_lite.ops import arguments, axis, roi

MOST_LINES = 40
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def functions_reached(function, found=()):
    """A function and all of the package's that it names, directly or by others, each once.

    What checks arguments is left out: `mrcnn_lite.ops.arguments`, and `check_total`, which refuses
    more samples than there is memory for.
    """
    module = inspect.getmodule(function)
    checks = module is arguments or function is axis.check_total
    if function in found or not module.__name__.startswith("mrcnn_lite.") or checks:
        return found
    found = (*found, function)
    for node in ast.walk(ast.parse(inspect.getsource(function))):
        named = function.__globals__.get(node.id) if isinstance(node, ast.Name) else None
        if inspect.isfunction(named):
            found = functions_reached(named, found)
    return found


def lines_of_code(function):
    """Its lines without docstring, comments and blank lines; the signature counts as one."""
    source = inspect.getsource(function)
    definition = ast.parse(source).body[0]
    body = definition.body[1:] if ast.get_docstring(definition) else definition.body
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
        if body[0].lineno <= line <= body[-1].end_lineno
    }
    return 1 + len(lines)


@pytest.mark.parametrize("definition", [roi.roi_pool, roi.roi_warp, roi.roi_align])
def test_at_most_40_lines_with_all_that_it_goes_through(definition):
    lines = {f.__name__: lines_of_code(f) for f in functions_reached(definition)}
    assert {"roi_pool": "cells_of_bins"}.get(definition.__name__, "neighbours") in lines
    assert sum(lines.values()) <= MOST_LINES, lines


def example(
    first,
    second,
):
    """Five lines: this text is none of them.

    Nor is this.
    """
    # Nor is this.

    return (
        first,
        second,
    )


def test_lines_are_counted_as_they_are_said_to_be():
    assert lines_of_code(example) == 1 + 4
