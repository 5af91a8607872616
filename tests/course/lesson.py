"""A lesson read for the tests: its header, parts, exercises, and what its code defines."""

import ast
import contextlib
import copy
import linecache
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.lessons import number_of
from mrcnn_lite.course.minutes import PART
from mrcnn_lite.course.student import CHECK, EXERCISE_TITLE, SOLUTION
from mrcnn_lite.files import NOTEBOOKS

_UNCHECKED = re.compile(r"^### \S+ (?P<title>[^(]+) \((?P<minutes>\d+) minutes\)$", re.MULTILINE)
Function = ast.FunctionDef
# Where lessons say the package comes from.
REPOSITORY = "https://github.com/mrcnn-lite/mrcnn-lite"
IMPORTS = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Part:
    """What the header says of a part."""

    title: str
    reading: int
    exercises: int


@dataclass(frozen=True)
class Lesson:
    """One notebook."""

    path: Path

    @property
    def number(self) -> str:
        return number_of(self.path)

    @cached_property
    def cells(self) -> list[nbformat.NotebookNode]:
        return nbformat.read(self.path, as_version=4).cells

    @cached_property
    def code_cells(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @property
    def header(self) -> str:
        return self.cells[0].source

    @cached_property
    def text(self) -> str:
        """All prose."""
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")

    @cached_property
    def parts(self) -> list[Part]:
        return [
            Part(f"Part {match[1]} · {match[2]}", int(match[3]), int(match[4]))
            for match in PART.finditer(self.header)
        ]

    @cached_property
    def exercise_minutes_by_part(self) -> dict[str, int]:
        """Of the headings, under each part's own."""
        minutes, part = {}, ""
        for line in self.text.splitlines():
            if line.startswith("# Part "):
                part = line.removeprefix("# ")
                minutes[part] = 0
            elif match := EXERCISE_TITLE.match(line) or _UNCHECKED.match(line):
                minutes[part] = minutes.get(part, 0) + int(match["minutes"])
        return minutes

    @cached_property
    def solution_cells(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.code_cells if SOLUTION.search(cell.source)]

    @cached_property
    def check_cells(self) -> list[nbformat.NotebookNode]:
        return [
            cell
            for cell in self.code_cells
            if (match := CHECK.fullmatch(cell.source)) and match[1] not in ("hint", "predict")
        ]

    def is_exercise(self, cell: nbformat.NotebookNode) -> bool:
        return cell in self.solution_cells or cell in self.check_cells

    @cached_property
    def _definitions(self) -> dict:
        namespace = {}
        for cell in self.code_cells:
            if self.is_exercise(cell):
                continue
            for node in ast.parse(cell.source).body:
                is_definition = isinstance(node, IMPORTS | ast.FunctionDef | ast.ClassDef)
                if is_definition or _is_constant(node) or _is_guarded_import(node):
                    # A default that is computed is not there; no exercise needs such a function.
                    with contextlib.suppress(NameError):
                        module = ast.Module([node], type_ignores=[])
                        exec(compile(module, self.path.name, "exec"), namespace)
        return namespace

    def definitions(self) -> dict:
        """What its cells import, define and set, as far as that needs no drawing or training."""
        return dict(self._definitions)

    @cached_property
    def functions(self) -> dict[str, Function]:
        """What it defines at top level, exercises included."""
        return _functions(cell.source for cell in self.code_cells)

    @cached_property
    def readers_functions(self) -> dict[str, Function]:
        """What its exercises define."""
        return _functions(cell.source for cell in self.solution_cells)


def _is_constant(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and all(isinstance(target, ast.Name) for target in node.targets)
    )


def _is_guarded_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Try) and all(isinstance(part, IMPORTS) for part in node.body)


def _functions(sources: Iterable[str]) -> dict[str, Function]:
    return {
        node.name: node
        for source in sources
        for node in ast.parse(source).body
        if isinstance(node, Function)
    }


LESSONS = [Lesson(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]


def define(source: str, namespace: dict) -> None:
    """Run a cell's source so that its functions know it, as a notebook does."""
    name = f"<cell {len(linecache.cache)}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    exec(compile(source, name, "exec"), namespace)


def is_named(exercise: Exercise, reply: str) -> bool:
    """Whether a check's reply says what is wrong, beyond numbers that are."""
    words = ("it is a constant", "a part of it is a constant", "all is right but for one place")
    return any(text in reply for text in (*exercise.mistakes, *words))


def normalise(function: Function) -> str:
    """A function's code, whatever it and its variables are called and its docstring says."""
    function = copy.deepcopy(function)
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:]
    own = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    own |= {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    names = {name: f"name{number}" for number, name in enumerate(sorted(own, key=_order(function)))}
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg, node.annotation = names[node.arg], None
        elif isinstance(node, Function):
            node.name, node.returns = "function", None
    return ast.unparse(function)


def _order(function: Function) -> Callable[[str], int]:
    """Names by where they occur first."""
    text = ast.unparse(function)
    return lambda name: re.search(rf"\b{name}\b", text).start()
