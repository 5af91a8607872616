"""One way to do a thing: no lesson holds what another, or the package, has."""

import ast
import functools
import itertools
import re
from pathlib import Path

import pytest

import mrcnn_lite
from tests.course.lesson import LESSONS, Lesson, normalise

pytestmark = pytest.mark.once

# Functions shorter than this are alike by chance.
LEAST_CHARACTERS = 120
PACKAGE = Path(mrcnn_lite.__file__).parent


@pytest.fixture(params=LESSONS, ids=lambda lesson: lesson.path.stem)
def lesson(request) -> Lesson:
    return request.param


def test_no_two_lessons_define_the_same():
    functions = {
        lesson.path.name: {name: normalise(node) for name, node in lesson.functions.items()}
        for lesson in LESSONS
    }
    for (one, ours), (other, theirs) in itertools.combinations(functions.items(), 2):
        both = set(ours) & set(theirs)
        assert not both, f"{one} and {other} both define {both}"
        bodies = {body: name for name, body in ours.items()}
        for name, body in theirs.items():
            assert len(body) < LEAST_CHARACTERS or body not in bodies, (bodies[body], name)


@functools.cache
def package_functions(skipped: tuple[str, ...]) -> dict[str, str]:
    """Each function's name and what `normalise` makes of it."""
    return {
        node.name: normalise(node)
        for path in PACKAGE.rglob("*.py")
        if not any(part in skipped for part in path.relative_to(PACKAGE).parts)
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


def test_no_lesson_defines_what_the_package_has(lesson):
    """Except as the slow version under study, which `course/slow.py` keeps word for word."""
    slow = ast.parse((PACKAGE / "course" / "slow.py").read_text("utf-8"))
    slow = {node.name: node for node in slow.body if isinstance(node, ast.FunctionDef)}
    package = package_functions(skipped=("slow.py", "checks"))
    bodies = {body: name for name, body in package.items()}
    for name, function in lesson.functions.items():
        body = normalise(function)
        if name in slow:
            assert body == normalise(slow[name]), name
        elif name not in lesson.readers_functions:
            assert name not in package, name
            assert len(body) < LEAST_CHARACTERS or body not in bodies, (name, bodies[body])


def test_every_slow_version_stands_in_a_lesson():
    text = (PACKAGE / "course" / "slow.py").read_text("utf-8")
    defined = set(re.findall(r"^def (\w+)", text, re.MULTILINE))
    assert defined <= {name for lesson in LESSONS for name in lesson.functions}


def test_code_finds_its_data_from_any_folder(lesson):
    """A students' edition lies where its owner likes."""
    for cell in lesson.code_cells:
        relative = re.search(r"[\"']\.\./[^\"']*", cell.source)
        assert relative is None, f"{cell.id}: take mrcnn_lite.files.DATA instead of {relative[0]}"
