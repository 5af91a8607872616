import pytest

from mrcnn_lite.course.student import strip_solution
from mrcnn_lite.files import NOTEBOOKS
from tests.course.lesson import Lesson


@pytest.fixture(scope="session")
def functions_of():
    """What a lesson imports and defines, by name, without running anything else of it.

    With `solved=False` the exercises are as a learner finds them, without their solutions.
    """

    def read(name, solved=True):
        lesson = Lesson(NOTEBOOKS / f"{name}.ipynb")
        namespace = lesson.definitions()
        for cell in lesson.solution_cells:
            exec(cell.source if solved else strip_solution(cell.source), namespace)
        return namespace

    return read
