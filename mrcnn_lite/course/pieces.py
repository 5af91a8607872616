"""The reader's own functions, taken out of the lessons in which they were written.

Lesson 11 builds a model of them. Where an exercise is not solved yet, or not right, or its lesson
is not there, the package's own part takes its place.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mrcnn_lite.console import say
from mrcnn_lite.course.exercise import Exercise
from mrcnn_lite.course.notebooks import read_notebook
from mrcnn_lite.errors import InputError


def definitions_of(lesson: str | Path) -> dict[str, Any]:
    """Collect what a lesson imports and defines, without running anything else of it.

    Args:
        lesson: the notebook file.

    Returns:
        names to modules, functions and classes.

    Raises:
        InputError: the file is missing or no notebook.
    """
    namespace: dict[str, Any] = {}
    for cell in read_notebook(Path(lesson)).cells:
        if cell.cell_type == "code":
            module = ast.parse(cell.source)
            kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
            module.body = [node for node in module.body if isinstance(node, kept)]
            exec(compile(module, str(lesson), "exec"), namespace)
    return namespace


def own_piece(lesson: str | Path, name: str, exercise: Exercise) -> Callable[..., Any] | None:
    """Take the reader's function if it passes its check, and say whether it was taken.

    Args:
        lesson: the notebook in which it was to be written.
        name: of the function there.
        exercise: its check.

    Returns:
        the function, or None if the package's part is to take its place.
    """
    number = Path(lesson).stem[:2]
    if not Path(lesson).exists():
        say(f"{name}: the package's; yours would be in {lesson}, which is not beside this lesson")
        return None
    try:
        own = definitions_of(lesson).get(name)
    except InputError as error:
        say(f"{name}: the package's, since {error}")
        return None
    # A half-written cell elsewhere in the lesson; Python's message says where.
    except SyntaxError as error:
        say(f"{name}: the package's, since lesson {number} has an error: {error}")
        return None
    verdict = exercise.verdict(own)
    if verdict.passed:
        print(f"{name}: yours, from lesson {number}")
        return own
    say(f"{name}: the package's ({verdict.message.removeprefix('✗ ').rstrip('.')})")
    return None
