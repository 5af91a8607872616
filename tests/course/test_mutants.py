"""The checks on mutants: each lesson's own solutions, broken one place at a time.

Wherever a solution takes a box apart, adds a half, rounds, divides or uses a stride, that is
spoiled, and the check must not pass what comes out. What it says must not give the answer away.
"""

import ast
import itertools
from collections.abc import Iterator

from mrcnn_lite import check
from tests.course.lesson import LESSONS
from tests.course.test_student import definitions_of

# Names that two lines of code exchange when x and y are mixed up.
SWAPPED = {"x1": "y1", "x2": "y2", "y1": "x1", "y2": "x2"}
ROUNDINGS = {"floor": "ceil", "ceil": "floor", "round_half_away": "round", "round": "floor"}
STRIDES = {"stride", "spatial_scale"}


class Mutate(ast.NodeTransformer):
    """Break the place of the given number, or all places of one kind."""

    def __init__(self, place: int | None = None, kind: str = ""):
        self.place, self.kind = place, kind
        self.places, self.broken = 0, []

    def here(self, kind: str) -> bool:
        chosen = self.places == self.place or kind == self.kind
        self.places += 1
        if chosen:
            self.broken.append(kind)
        return chosen

    def visit_Tuple(self, node):
        self.generic_visit(node)
        names = [getattr(part, "id", "") for part in node.elts]
        if isinstance(node.ctx, ast.Store) and set(names) & set(SWAPPED):
            if self.here("x and y swapped"):
                for part in node.elts:
                    if isinstance(part, ast.Name):
                        part.id = SWAPPED.get(part.id, part.id)
        return node

    def visit_Constant(self, node):
        if node.value == 0.5 and self.here("half missing"):
            return ast.copy_location(ast.Constant(0.0), node)
        return node

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            if node.id in ROUNDINGS and self.here("another rounding"):
                node.id = ROUNDINGS[node.id]
            elif node.id in STRIDES and self.here("another stride"):
                return ast.copy_location(ast.Constant(1), node)
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if node.attr in ("floor", "ceil") and self.here("another rounding"):
            node.attr = ROUNDINGS[node.attr]
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        is_one = isinstance(node.right, ast.Constant) and node.right.value == 1
        if isinstance(node.op, ast.Add) and is_one and self.here("+ 1 missing"):
            return node.left
        if isinstance(node.op, ast.Div) and self.here("wrong divisor"):
            return ast.BinOp(
                node.left,
                ast.Div(),
                ast.parse(f"(2 * ({ast.unparse(node.right)}))", mode="eval").body,
            )
        if isinstance(node.op, ast.FloorDiv) and self.here("another rounding"):
            return ast.parse(
                f"-(-({ast.unparse(node.left)}) // ({ast.unparse(node.right)}))", mode="eval"
            ).body
        return node


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Every place broken in turn: what was done, and the source."""
    for place in itertools.count():
        mutate = Mutate(place)
        tree = ast.fix_missing_locations(mutate.visit(ast.parse(source)))
        if not mutate.broken:
            return
        yield mutate.broken[0], ast.unparse(tree)


def misconceptions(source: str) -> Iterator[tuple[str, str]]:
    """All places of a kind broken at once, as by whoever has misunderstood it."""
    for kind in (
        "x and y swapped",
        "half missing",
        "another rounding",
        "another stride",
        "+ 1 missing",
        "wrong divisor",
    ):
        mutate = Mutate(kind=kind)
        tree = ast.fix_missing_locations(mutate.visit(ast.parse(source)))
        if mutate.broken:
            yield kind, ast.unparse(tree)


if __name__ == "__main__":
    import sys

    which = misconceptions if len(sys.argv) > 1 else mutants
    for lesson in LESSONS:
        namespace = definitions_of(lesson)
        for sol, chk in zip(lesson.solution_cells, lesson.check_cells):
            name = chk.source.split("(")[0].split(".")[1]
            fn = chk.source.split("(")[1].rstrip(")")
            ex = check.EXERCISES[name]
            exec(sol.source, namespace)
            for what, src in which(sol.source):
                ns = dict(namespace)
                ns["math"] = __import__("math")
                ns.setdefault("floor", __import__("math").floor)
                exec(src, ns)
                v = ex.verdict(ns[fn])
                named = any(m in v.message for m in ex.mistakes)
                print(
                    "PASSES!" if v.passed else "named " if named else "generic",
                    lesson.number,
                    name,
                    "|",
                    what,
                    "|",
                    v.message[:150],
                )
