"""Grading without nbgrader: checks are found by name, and nothing found is never a pass."""

import nbformat
import pytest

from mrcnn_lite import check
from mrcnn_lite.course.grade import grade, main
from mrcnn_lite.course.student import make_edition
from tests.course.lesson import LESSONS

LESSON = LESSONS[2]
NAMES = ("box_that_is_read", "max_gradient", "roi_pool")
POINTS = [{"one": 1, "two": 2, "three": 3}, {"other": 1}]


def handed_in(**verdicts):
    """Lesson 02, its checks executed as the keywords say: "right", "wrong" or "not run"."""
    notebook = make_edition(nbformat.read(LESSON.path, as_version=4))
    for cell in notebook.cells:
        name = cell.source.removeprefix("check.").partition("(")[0]
        if cell.id.startswith("check-"):
            cell.outputs = outputs_of(name, verdicts.get(name, "right"))
        # Other programs' ids.
        cell.id = nbformat.v4.new_code_cell().id
    return notebook


def outputs_of(name, verdict):
    exercise = check.EXERCISES[name]
    if verdict == "right":
        message = exercise.verdict(exercise.reference).message
        return [nbformat.v4.new_output("stream", text=f"{message}\n")]
    message = exercise.verdict(lambda *_: None).message
    error = {"ename": "CheckFailedError", "evalue": message, "traceback": [message]}
    return [nbformat.v4.new_output("error", **error)] if verdict == "wrong" else []


def write(notebook, path):
    nbformat.write(notebook, path)
    return str(path)


def test_points_are_those_of_the_edition_and_ids_do_not_matter(tmp_path, capsys):
    notebook = handed_in(max_gradient="wrong", roi_pool="not run")
    path = write(notebook, tmp_path / "graded.ipynb")
    assert main([path]) == 0
    assert capsys.readouterr().out.splitlines() == [
        path,
        "  box_that_is_read         passed   1 of 1",
        "  max_gradient             failed   0 of 2",
        "  roi_pool                 not run  0 of 3",
        "  all                               1 of 6",
    ]


def test_a_check_that_was_deleted_is_missing(tmp_path, capsys):
    notebook = handed_in()
    notebook.cells = [cell for cell in notebook.cells if "check.roi_pool(" not in cell.source]
    assert main([write(notebook, tmp_path / "graded.ipynb")]) == 0
    printed = capsys.readouterr().out
    assert "roi_pool                 missing  0 of 3" in printed
    assert "3 of 6" in printed


def test_nothing_to_grade_fails(tmp_path, capsys):
    """And the others are graded all the same."""
    empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("check.predict('x', 'a')")])
    paths = [write(empty, tmp_path / "empty.ipynb"), str(tmp_path / "none.ipynb")]
    assert main([*paths, write(handed_in(), tmp_path / "good.ipynb")]) == 1
    printed = capsys.readouterr()
    assert f"{paths[0]}: no cell calls the check of an exercise" in printed.err
    assert "none.ipynb cannot be read" in printed.err
    assert "6 of 6" in printed.out


def test_one_of_several_tries_is_enough():
    cells = [
        nbformat.v4.new_code_cell("check.one(f)", outputs=[stream("✓ one: right.")]),
        nbformat.v4.new_code_cell("x = 1\ncheck.one(g)", outputs=[stream("✗ one: wrong.")]),
        nbformat.v4.new_code_cell("check.two(f)", outputs=[stream("✗ two: try:\ncheck.two(f)")]),
    ]
    verdicts = grade(nbformat.v4.new_notebook(cells=cells), POINTS)
    assert verdicts == {"one": ("passed", 1), "two": ("failed", 0), "three": ("missing", 0)}
    with pytest.raises(ValueError, match="no cell calls"):
        grade(nbformat.v4.new_notebook(cells=[]), POINTS)


def stream(text):
    return nbformat.v4.new_output("stream", text=text)


def test_every_exercise_of_the_course_has_its_points():
    from mrcnn_lite.course.notebooks import read_notebook
    from mrcnn_lite.course.student import points_of

    names = [name for lesson in LESSONS for name in points_of(read_notebook(lesson.path))]
    assert sorted(names) == sorted(check.EXERCISES)
