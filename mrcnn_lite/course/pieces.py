"""The reader's own functions, taken out of the lessons in which they were written.

Lesson 11 builds a model of them (see `assembly`). Where an exercise is not solved yet, or not
right, or its lesson is not there, the package's own function takes its place.
"""

import ast
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mrcnn_lite.console import say
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.lessons import number_of
from mrcnn_lite.course.notebooks import read_notebook
from mrcnn_lite.errors import InputError


def definitions_of(lesson: str | Path) -> dict[str, Any]:
    """Collect what a lesson imports, defines and sets to a constant; nothing else of it runs.

    Args:
        lesson: the notebook file.

    Returns:
        names to modules, functions, classes and constants. What needs a value that is computed,
        such as the default of a drawing function, is not among them.

    Raises:
        InputError: the file is missing or no notebook.
    """
    return _namespace_of(lesson, lambda node: isinstance(node, _DEFINITIONS) or _is_constant(node))


_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (*_IMPORTS, ast.FunctionDef, ast.ClassDef)
# What a constant is written with: `HALF = 1 / 2`, `SIZES = [32, 64]`, `STEP = 2 * HALF`.
_OF_CONSTANTS = (
    *(ast.Constant, ast.Name, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.List, ast.Dict),
    *(ast.operator, ast.unaryop, ast.expr_context),
)


def _is_constant(node: ast.stmt) -> bool:
    """Whether a statement names a value that is written with numbers, texts and other constants."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [part for target in targets for part in ast.walk(target)]
    return all(isinstance(part, _OF_CONSTANTS) for part in [*names, *ast.walk(node.value)])


def _namespace_of(lesson: str | Path, runs: Callable[[ast.stmt], bool]) -> dict[str, Any]:
    """What the statements of a lesson leave behind for which `runs` holds."""
    namespace: dict[str, Any] = {}
    for cell in read_notebook(Path(lesson)).cells:
        if cell.cell_type == "code":
            for node in ast.parse(cell.source).body:
                if runs(node):
                    with contextlib.suppress(NameError):
                        module = ast.Module([node], type_ignores=[])
                        exec(compile(module, str(lesson), "exec"), namespace)
    return namespace


def own_piece(lesson: str | Path, name: str, exercise: Exercise) -> Callable[..., Any]:
    """Take the reader's function if it passes its check, else the package's; say which it is.

    Args:
        lesson: the notebook in which it was to be written.
        name: of the function there. What the lesson only imports is not the reader's.
        exercise: its check.

    Returns:
        the reader's function, or the reference of the check.
    """
    number = number_of(lesson)
    if not Path(lesson).exists():
        say(f"{name}: the package's; yours would be in {lesson}, which is not beside this lesson")
        return exercise.reference
    try:
        own = definitions_of(lesson).get(name)
    except InputError as error:
        say(f"{name}: the package's, since {error}")
        return exercise.reference
    # A half-written cell elsewhere in the lesson; Python's message says where.
    except SyntaxError as error:
        say(f"{name}: the package's, since lesson {number} has an error: {error}")
        return exercise.reference
    # What is imported passes the check, but the reader has not written it.
    imported = _namespace_of(lesson, lambda node: isinstance(node, _IMPORTS))
    if own is not None and any(own is value for value in imported.values()):
        say(f"{name}: the package's, which lesson {number} only imports")
        return exercise.reference
    verdict = exercise.verdict(own)
    if verdict.passed:
        print(f"{name}: yours, from lesson {number}")
        return own
    say(f"{name}: the package's ({verdict.message.removeprefix('✗ ').rstrip('.')})")
    return exercise.reference
