"""The one place in a wrong function that is to be changed, found by trying.

Most wrong functions are right but for one place: a half, a + 1 or a rounding, x for y, a stride.
What a list of known mistakes has no variant for is found here, in the learner's own code: one place
is changed at a time, and the function that comes out is tried on the inputs of the check. What is
said is the place and what kind of thing is wrong with it.
"""

import ast
import contextlib
import inspect
import io
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]
# So long may a search take, in seconds of the processor's time; a reply is waited for.
_PATIENCE = 4.0
# Names that are mixed up when x and y are.
_PAIRS = (
    *(("x", "y"), ("x1", "y1"), ("x2", "y2"), ("i", "j"), ("rows", "columns"), ("row", "column")),
    *(("width", "height"), ("w", "h"), ("left", "top"), ("right", "bottom"), ("n_x", "n_y")),
)
_OTHER = {name: other for one, two in _PAIRS for name, other in ((one, two), (two, one))}
_ROUNDINGS = {
    "floor": ("ceil", "round"),
    "ceil": ("floor", "round"),
    "round": ("floor", "ceil"),
    "int": ("round",),
    "round_half_away": ("floor", "ceil"),
}
_COMPARISONS = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
_OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


@dataclass(frozen=True)
class _Place:
    """An expression, and where it hangs in the tree."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def find_repair(function: Function, is_right: Callable[[Function], bool]) -> str | None:
    """Say which one place of a function is wrong, and what kind of thing is wrong with it.

    Args:
        function: the learner's, which is wrong.
        is_right: whether a function gives the right results.

    Returns:
        a sentence without its full stop; None if no change of one place makes it right, or if there
        is no source to change.
    """
    if not inspect.isfunction(function) or function.__closure__:
        return None
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source)
    except (OSError, SyntaxError):
        return None
    definition = tree.body[0]
    # A changed step may keep a `while` from ever ending.
    if not isinstance(definition, ast.FunctionDef):
        return None
    if any(isinstance(node, ast.While) for node in ast.walk(definition)):
        return None
    places = list(_places(definition))
    numbers = [argument.arg for argument in definition.args.args]
    deadline = time.thread_time() + _PATIENCE
    for kind, changes in _KINDS.items():
        for place in places:
            for other in changes(place, numbers):
                if time.thread_time() > deadline:
                    return None
                changed = _changed(tree, place, other, function)
                # What a function prints, or is warned of, while it is tried is nobody's business.
                with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                    warnings.simplefilter("ignore")
                    if is_right(changed):
                        return _sentence(kind, place.node, source)
    return None


def _places(definition: ast.FunctionDef) -> Iterator[_Place]:
    """Every expression of the body, and what a box is taken apart into; no name of a function."""
    for parent in (node for statement in definition.body for node in ast.walk(statement)):
        for field, value in ast.iter_fields(parent):
            if isinstance(parent, ast.Call) and field == "func" and isinstance(value, ast.Name):
                continue
            for index, node in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(node, (ast.expr, ast.slice)):
                    yield _Place(node, parent, field, index if isinstance(value, list) else None)


def _changed(tree: ast.Module, place: _Place, other: ast.AST, function: Function) -> Function:
    """The function with another expression in one place; the tree is left as it was."""
    place.put(ast.fix_missing_locations(ast.copy_location(other, place.node)))
    namespace = dict(function.__globals__)
    try:
        exec(compile(tree, "<changed>", "exec"), namespace)
    finally:
        place.put(place.node)
    return namespace[function.__name__]


def _sentence(kind: str, node: ast.AST, source: str) -> str:
    code = " ".join((ast.get_source_segment(source, node) or ast.unparse(node)).split())
    line = source.splitlines()[node.lineno - 1].strip()
    where = f"`{code}`" if code == line else f"`{code}`, in the line `{line}`"
    return f"all is right but for one place: {kind} {where}"


def _source(template: str, node: ast.AST, **names: str) -> ast.expr:
    return ast.parse(template.format(f"({ast.unparse(node)})", **names), mode="eval").body


def _is_number(node: ast.AST) -> bool:
    """Whether an expression may stand for a number, or a tensor of them."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    return isinstance(node, (ast.Name, ast.BinOp, ast.UnaryOp, ast.Subscript, ast.Call))


def _swapped(place: _Place, numbers: Sequence[str]) -> Iterator[ast.AST]:
    """A pair of names the other way round: y, x for x, y, or a box taken apart as y1, x1, ..."""
    node = place.node
    if not isinstance(node, ast.Tuple):
        return
    if any(getattr(part, "id", "") in _OTHER for part in node.elts):
        yield ast.Tuple([_other_name(part) for part in node.elts], node.ctx)
    if isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        yield ast.Tuple(node.elts[::-1], node.ctx)


def _other(place: _Place, numbers: Sequence[str]) -> Iterator[ast.AST]:
    if _other_name(place.node) is not place.node:
        yield _other_name(place.node)


def _other_name(node: ast.AST) -> ast.AST:
    if isinstance(node, ast.Name) and node.id in _OTHER:
        return ast.Name(_OTHER[node.id], node.ctx)
    return node


def _rounded(place: _Place, numbers: Sequence[str]) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
        yield _source("-(-{0} // ({by}))", node.left, by=ast.unparse(node.right))
        yield _source("round({0} / ({by}))", node.left, by=ast.unparse(node.right))
        yield ast.BinOp(node.left, ast.Div(), node.right)
    if not isinstance(node, ast.Call):
        return
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    for other in _ROUNDINGS.get(name, ()):
        if isinstance(node.func, ast.Name):
            module = "" if other == "round" else "__import__('math')."
            yield ast.Call(ast.parse(f"{module}{other}", mode="eval").body, node.args, [])
        elif not (other == "round" and getattr(node.func.value, "id", "") == "math"):
            changed = ast.Attribute(node.func.value, other, ast.Load())
            yield ast.Call(changed, node.args, node.keywords)


def _compared(place: _Place, numbers: Sequence[str]) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        yield ast.Compare(node.left, [_COMPARISONS[type(node.ops[0])]()], node.comparators)
    name = getattr(getattr(node, "func", None), "id", "")
    if isinstance(node, ast.Call) and name in ("min", "max"):
        other = "max" if name == "min" else "min"
        yield ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords)


def _sign(place: _Place, numbers: Sequence[str]) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)


def _arithmetic(*templates: str) -> Callable[[_Place, Sequence[str]], Iterator[ast.AST]]:
    def changes(place: _Place, numbers: Sequence[str]) -> Iterator[ast.AST]:
        if _is_number(place.node):
            for template in templates:
                yield _source(template, place.node)

    return changes


def _off_by_one(place: _Place, numbers: Sequence[str]) -> Iterator[ast.AST]:
    """A 2 that multiplies is a factor, and no 1 too many."""
    is_factor = isinstance(getattr(place.parent, "op", None), (ast.Mult, ast.Div))
    if not (is_factor and isinstance(place.node, ast.Constant)):
        yield from _arithmetic("{0} + 1", "{0} - 1")(place, numbers)


def _argument(place: _Place, numbers: Sequence[str]) -> Iterator[ast.AST]:
    """With one of the function's arguments as a factor, a divisor, or in its place."""
    if not _is_number(place.node):
        return
    for name in numbers:
        if isinstance(place.node, ast.Constant) and place.node.value == 1:
            yield ast.Name(name, ast.Load())
        yield _source("{0} / {name}", place.node, name=name)
        yield _source("{0} * {name}", place.node, name=name)


# What is wrong with a place, and what might make it right; the likeliest first.
_KINDS = {
    "the rounding is not right at": _rounded,
    "x and y are mixed up at": _swapped,
    "it is off by one at": _off_by_one,
    "it is off by a half at": _arithmetic("{0} + 0.5", "{0} - 0.5"),
    "it is off by a factor of two at": _arithmetic("{0} * 2", "{0} / 2"),
    "a limit is not on the right side at": _compared,
    "the operation is not the right one at": _sign,
    "an argument of the function is missing at": _argument,
    "x and y are mixed up here:": _other,
}
