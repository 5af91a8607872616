import ast
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SOLUTION = re.compile(r"^ *### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="session")
def functions_of():
    """What a lesson imports and defines, by name, without running anything else of it.

    With `solved=False` the exercises are as a learner finds them, without their solutions.
    """

    def read(lesson, solved=True):
        namespace = {}
        for cell in nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4).cells:
            if cell.cell_type != "code":
                continue
            source = cell.source if solved else SOLUTION.sub("", cell.source)
            module = ast.parse(source)
            kept = (ast.Import, ast.ImportFrom, ast.FunctionDef)
            module.body = [node for node in module.body if isinstance(node, kept)]
            exec(compile(module, lesson, "exec"), namespace)
        return namespace

    return read
