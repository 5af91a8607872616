"""The checks on mutants: each lesson's own solutions, broken one place at a time.

Wherever a solution takes a box apart, adds a half, rounds, divides or uses a stride, that is
spoiled, and the check must not pass what comes out. What it says must not give the answer away.
"""

import ast
import contextlib
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mrcnn_lite import check
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.student import SOLUTION
from tests.course.lesson import LESSONS, Lesson, define, is_named

pytestmark = pytest.mark.once

# Names that two lines of code exchange when x and y are mixed up.
SWAPPED = {"x1": "y1", "x2": "y2", "y1": "x1", "y2": "x2"}
ROUNDINGS = {"floor": "ceil", "ceil": "floor", "round_half_away": "round", "round": "floor"}
STRIDES = {"stride", "spatial_scale"}


class Mutate(ast.NodeTransformer):
    """Break the place of the given number, and remember of which kind it was."""

    def __init__(self, place: int):
        self.place, self.places, self.kind = place, 0, ""

    def here(self, kind: str) -> bool:
        self.places += 1
        if self.places - 1 == self.place:
            self.kind = kind
        return self.places - 1 == self.place

    def visit_Tuple(self, node):
        self.generic_visit(node)
        names = [getattr(part, "id", "") for part in node.elts]
        takes_a_box_apart = isinstance(node.ctx, ast.Store) and set(names) & set(SWAPPED)
        if takes_a_box_apart and self.here("x and y swapped"):
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
            return expression(f"({ast.unparse(node.left)}) / (2 * ({ast.unparse(node.right)}))")
        if isinstance(node.op, ast.FloorDiv) and self.here("another rounding"):
            return expression(f"-(-({ast.unparse(node.left)}) // ({ast.unparse(node.right)}))")
        return node


def expression(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Every place broken in turn: what was done, and the source."""
    for place in itertools.count():
        mutate = Mutate(place)
        tree = ast.fix_missing_locations(mutate.visit(ast.parse(source)))
        if not mutate.kind:
            return
        yield mutate.kind, ast.unparse(tree)


EXERCISES = [(lesson, number) for lesson in LESSONS for number in range(len(lesson.solution_cells))]
# What a solution may do otherwise and still be right.
EQUIVALENT = {
    "count_anchors": "another rounding",  # all sizes are divisible by the strides
    "count_convolution": "another rounding",  # and all channels by the groups
    "level_of_box": "x and y swapped",  # an area is the same either way
    "assemble_parts": "another rounding",  # the parts divide the pixels
}


@dataclass(frozen=True)
class Solved:
    """An exercise with the lesson's own solution."""

    exercise: Exercise
    function: str
    source: str
    namespace: dict


def name_of(place: tuple[Lesson, int]) -> str:
    lesson, number = place
    return lesson.check_cells[number].id.removeprefix("check-")


@pytest.fixture(params=EXERCISES, ids=name_of)
def solved(request) -> Solved:
    return solve(request.param)


def solve(place: tuple[Lesson, int]) -> Solved:
    lesson, number = place
    called = lesson.check_cells[number].source
    name, function = re.fullmatch(r"check\.(\w+)\((\w+)\)", called).groups()
    namespace = {**lesson.definitions(), "floor": math.floor, "math": math}
    for cell in lesson.solution_cells[: number + 1]:
        exec(cell.source, namespace)
    source = lesson.solution_cells[number].source
    return Solved(check.EXERCISES[name], function, source, namespace)


def passes(solved: Solved, source: str) -> bool:
    namespace = dict(solved.namespace)
    exec(source, namespace)
    return solved.exercise.verdict(namespace[solved.function]).passed


def test_no_mutant_passes(solved):
    assert passes(solved, solved.source)
    for kind, source in mutants(solved.source):
        if EQUIVALENT.get(solved.exercise.name) != kind:
            assert not passes(solved, source), (kind, source)


@pytest.mark.slow
def test_nine_in_ten_mutants_have_a_name():
    """What is wrong is named, or its place found and the kind of it said."""
    replies = [
        (case.exercise, kind, reply_to(case, source))
        for case in map(solve, EXERCISES)
        for kind, source in mutants(case.source)
        if EQUIVALENT.get(case.exercise.name) != kind
    ]
    nameless = [(one.name, kind) for one, kind, reply in replies if not is_named(one, reply)]
    assert len(replies) > 100
    assert len(nameless) <= len(replies) / 10, nameless


def reply_to(solved: Solved, source: str) -> str:
    namespace = dict(solved.namespace)
    define(source, namespace)
    return solved.exercise.verdict(namespace[solved.function]).message


def test_no_hint_is_the_answer(solved):
    """Neither a piece of code in it alone nor all of them in turn."""
    head = SOLUTION.split(solved.source)[0]
    for hint in solved.exercise.hints:
        pieces = re.findall(r"`([^`]+)`", hint)
        for body in [*([piece] for piece in pieces), pieces]:
            if not body:
                continue
            lines = [f"    {line}" for line in body[:-1]] + [f"    return {body[-1]}"]
            source = head + "\n".join(lines)
            with contextlib.suppress(SyntaxError):
                assert not passes(solved, source), hint


# Which of the course's usual misconceptions an exercise can meet, and has a word for. That each
# named mistake is told from the others and from the truth is tested in test_check.py.
USUAL = {
    r"swapped|order": (
        *("refine_box", "box_that_is_read", "max_gradient", "roi_pool"),
        *("resize", "bilinear_slope", "roi_warp", "roi_align"),
    ),
    r"\bhal(f|ves)\b.*(cell|pixel|missing|centre)|stood at j": (
        *("resize", "bilinear_slope", "roi_warp", "sample_points"),
        *("axis_weights", "roi_align", "causes_of_error"),
    ),
    r"round|cut off": (
        *("box_that_is_read", "roi_pool", "roi_warp"),
        *("sample_points", "roi_align", "causes_of_error"),
    ),
    r"stride|scale is missing|in cells": (
        *("count_anchors", "box_that_is_read", "roi_pool", "roi_warp"),
        *("sample_points", "roi_align", "causes_of_error"),
    ),
    r"divide": (
        *("refine_box", "box_iou", "area_under_envelope", "resize"),
        *("roi_warp", "sample_points", "axis_weights", "roi_align"),
    ),
}


@pytest.mark.parametrize(
    ("misconception", "name"), [(text, name) for text, names in USUAL.items() for name in names]
)
def test_usual_misconceptions_have_a_word(misconception, name):
    assert any(re.search(misconception, text) for text in check.EXERCISES[name].mistakes)


@pytest.mark.parametrize("lesson", [lesson for lesson in LESSONS if lesson.check_cells])
def test_three_mistakes_a_lesson_have_a_name(lesson):
    names = [re.match(r"check\.(\w+)", cell.source)[1] for cell in lesson.check_cells]
    assert sum(len(check.EXERCISES[name].mistakes) for name in names) >= 3
