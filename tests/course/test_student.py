"""The students' edition: nothing leaks, exercises fail as they should, and pass once filled in."""

import ast
import json
import re

import nbformat
import pytest
from traitlets.config import Config

from mrcnn_lite import check
from mrcnn_lite.cli import main
from mrcnn_lite.course.exercise import CheckFailedError
from mrcnn_lite.course.lessons import BESIDE_THE_LESSONS
from mrcnn_lite.course.notebooks import CELL_TIMEOUT_SECONDS
from mrcnn_lite.course.student import (
    SOLUTION,
    STUB,
    make_edition,
    strip_solution,
    write_edition,
)
from mrcnn_lite.errors import InputError
from tests.course.lesson import LESSONS, REPOSITORY, Lesson

WITH_EXERCISES = [lesson for lesson in LESSONS if lesson.solution_cells]
# Shorter lines, like `return output`, may well stand elsewhere.
LEAST_CHARACTERS = 20


@pytest.fixture(params=WITH_EXERCISES, ids=lambda lesson: lesson.path.stem)
def lesson(request) -> Lesson:
    return request.param


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    out = tmp_path_factory.mktemp("student") / "edition"
    write_edition(out)
    return out


def cells_of(folder, lesson):
    return nbformat.read(folder / lesson.path.name, as_version=4).cells


def without_outputs(cell):
    return {key: cell[key] for key in cell if key not in ("outputs", "execution_count")}


# What is in it


def test_all_lessons_and_what_they_need(edition):
    names = {path.name for path in edition.iterdir()}
    others = {*BESIDE_THE_LESSONS, "README.md", "nbgrader_config.py"}
    assert names == {lesson.path.name for lesson in LESSONS} | others
    readme = (edition / "README.md").read_text("utf-8")
    assert all(f"]({lesson.path.name})" in readme for lesson in LESSONS)
    assert "check.hint" in readme
    assert "not all the lessons" not in readme
    # Students have no clone whose README they could follow.
    assert f"\n    pip install git+{REPOSITORY}\n" in readme


def test_only_exercises_and_outputs_differ(edition, lesson):
    """So all other cells behave as in the executed lessons, as long as none uses an exercise."""
    given = cells_of(edition, lesson)
    assert len(given) == len(lesson.cells)
    for cell, original in zip(given, lesson.cells):
        assert cell.id == original.id
        if lesson.is_exercise(original):
            assert cell.outputs == []
            assert cell.execution_count is None
        elif cell.get("outputs"):
            assert cell == original
        else:
            assert without_outputs(cell) == without_outputs(original)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path.stem)
def test_no_output_answers_a_question(edition, lesson):
    """From the first question or exercise on there is none; what stands before it is kept."""
    cells = [cell for cell in cells_of(edition, lesson) if cell.cell_type == "code"]
    asks = ["check.predict(" in cell.source or "### BEGIN" in cell.source for cell in cells]
    first = asks.index(True)
    assert [cell.id for cell in cells[first:] if cell.outputs] == []
    assert {cell.execution_count for cell in cells[first:]} == {None}
    assert cells[:first] == lesson.code_cells[:first]


def test_no_solution_leaks(edition, lesson):
    """Neither in what is written, nor in outputs or metadata, of any file."""
    everything = "\n".join(
        path.read_text("utf-8") for path in edition.iterdir() if path.suffix != ".ipynb"
    )
    for other in LESSONS:
        everything += json.dumps(cells_of(edition, other), ensure_ascii=False)
    everything = re.sub(r"\s+", "", everything)
    # What the lesson itself shows, the slow versions say, a solution may say again.
    shown = re.sub(
        r"\s+",
        "",
        "".join(json.dumps(c.source) for c in lesson.cells if not lesson.is_exercise(c)),
    )
    for cell in lesson.solution_cells:
        (answer,) = (match["answer"] for match in SOLUTION.finditer(cell.source))
        lines = [re.sub(r"\s+", "", json.dumps(line)[1:-1]) for line in answer.splitlines()]
        lines = [line for line in lines if len(line) >= LEAST_CHARACTERS and line not in shown]
        assert lines, "nothing of this solution is its own"
        assert not [line for line in lines if line in everything]


def test_the_markers_stay_and_a_friendly_stub_stands_between(edition, lesson):
    for cell in cells_of(edition, lesson):
        if match := SOLUTION.search(cell.source):
            assert match["answer"] == f"{match['indent']}{STUB}\n"
            ast.parse(cell.source)


def test_with_solutions_all_is_as_in_the_lessons(tmp_path, lesson):
    notebook = nbformat.read(lesson.path, as_version=4)
    for cell, original in zip(make_edition(notebook, solutions=True).cells, lesson.cells):
        cell.metadata.pop("nbgrader", None)
        assert cell == original


# nbgrader


def test_metadata_is_nbgraders(edition, lesson):
    """Its schema, version 3: https://nbgrader.readthedocs.io, "The nbgrader metadata"."""
    ids = []
    for cell, original in zip(cells_of(edition, lesson), lesson.cells):
        if not lesson.is_exercise(original):
            assert "nbgrader" not in cell.metadata
            continue
        metadata = dict(cell.metadata["nbgrader"])
        ids.append(metadata.pop("grade_id"))
        points = metadata.pop("points", None)
        is_check = original in lesson.check_cells
        # A cell that is both would have to be graded by hand.
        assert metadata == {
            "grade": is_check,
            "locked": is_check,
            "schema_version": 3,
            "solution": not is_check,
            "task": False,
        }
        assert (points in (1, 2, 3)) if is_check else (points is None)
    assert all(re.fullmatch(r"[a-z0-9-]+", id) for id in ids)
    assert len(set(ids)) == len(ids)


def test_nbgrader_waits_for_lesson_11_and_hands_out_our_stubs(edition):
    """Its settings, as it reads them; that it does so was tried with nbgrader 0.9.6."""
    config = Config()
    exec((edition / "nbgrader_config.py").read_text("utf-8"), {"get_config": lambda: config})
    assert config.ExecutePreprocessor.timeout > CELL_TIMEOUT_SECONDS
    # It puts this in place of a solution and its markers, which are in the lessons' texts.
    stub = config.ClearSolutions.code_stub["python"]
    assert stub == strip_solution("### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION")
    ignored = config.CourseDirectory.ignore.get_value([".ipynb_checkpoints"])
    assert ignored == [".ipynb_checkpoints", "nbgrader_config.py"]


def test_the_readme_is_true_of_nbgraders_release_without_our_settings(edition):
    """It has neither markers nor outputs, but a line that raises NotImplementedError."""
    readme = (edition / "README.md").read_text("utf-8")
    assert "the line that raises `NotImplementedError`" in readme
    assert not re.search("marker|BEGIN|output", readme)


# Hand-outs


def test_some_lessons_only(tmp_path, capsys):
    out = tmp_path / "week 2"
    assert main(["student", "--lessons", "03,02", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"wrote 2 lessons to {out}\n"
    names = sorted(path.name for path in out.glob("*.ipynb"))
    assert names == ["02_roi_pool.ipynb", "03_roi_warp.ipynb"]
    readme = (out / "README.md").read_text("utf-8")
    assert "jupyter lab 02_roi_pool.ipynb" in readme
    assert "04_roi_align" not in readme
    assert "These are not all the lessons" in readme


def test_a_lesson_between_two_others_is_handed_out_by_its_number(tmp_path):
    out = tmp_path / "week 9"
    assert main(["student", "--lessons", "2,11b", "--out", str(out)]) == 0
    names = sorted(path.name for path in out.glob("*.ipynb"))
    assert names == ["02_roi_pool.ipynb", "11b_from_shapes_to_people.ipynb"]


def test_a_lesson_that_is_not_there_is_answered_by_those_that_are(tmp_path, capsys):
    out = str(tmp_path / "new")
    assert main(["student", "--lessons", "02,98,99b", "--out", out]) == 1
    assert "no lesson 98, 99b; there are 00, 01, 02" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    for text in ("two", "", "02, 03", "2-4"):
        with pytest.raises(SystemExit):
            main(["student", "--lessons", text, "--out", out])
        assert "02,03, without blanks" in capsys.readouterr().err


def test_lesson_11_alone_says_which_notebooks_it_wants(tmp_path, monkeypatch, capsys):
    write_edition(tmp_path / "edition", numbers=["11"])
    monkeypatch.chdir(tmp_path / "edition")
    (path,) = (tmp_path / "edition").glob("*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    # The pieces that this lesson itself asks for.
    written = {"loss_of_boxes": "box_loss", "paste": "paste_mask"}
    namespace = {name: check.EXERCISES[piece].reference for name, piece in written.items()}
    for cell in cells:
        if cell.cell_type == "code" and (
            "import own_piece" in cell.source or "own_piece(" in cell.source
        ):
            exec(cell.source, namespace)
    assert namespace["yours"] == []
    assert all(callable(piece) for piece in namespace["pieces"].values())
    printed = capsys.readouterr().out
    assert printed.count("not beside this lesson") == 11
    assert "\n0 of 13 pieces are yours\n" in printed
    for name in ("04_roi_align", "06_fpn", "07_rpn", "08_heads", "09_decoupled_mask_loss"):
        assert f"{name}.ipynb" in printed


# How exercises behave


def test_stubs_fail_with_a_friendly_word(edition, lesson):
    namespace = lesson.definitions()
    failed = []
    for cell, original in zip(cells_of(edition, lesson), lesson.cells):
        if original in lesson.solution_cells:
            exec(cell.source, namespace)
        elif original in lesson.check_cells:
            with pytest.raises(CheckFailedError, match=r"^✗ \w+: not written yet\.$"):
                exec(cell.source, namespace)
            failed.append(cell.id)
    assert len(failed) >= 3


def test_refilled_all_checks_pass(edition, lesson, capsys):
    namespace = lesson.definitions()
    answers = iter([SOLUTION.search(cell.source)["answer"] for cell in lesson.solution_cells])
    for cell, original in zip(cells_of(edition, lesson), lesson.cells):
        if original in lesson.solution_cells:
            exec(
                cell.source.replace(SOLUTION.search(cell.source)["answer"], next(answers)),
                namespace,
            )
        elif original in lesson.check_cells:
            exec(cell.source, namespace)
    printed = capsys.readouterr().out
    assert printed.count("✓") == len(lesson.check_cells)


@pytest.mark.full_edition
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path.stem)
def test_executed_whole_only_checks_fail(tmp_path, lesson):
    """In a kernel, from the first cell to the last, no other lesson there (`make test-student`)."""
    from nbclient import NotebookClient

    edition = tmp_path / "edition"
    write_edition(edition, numbers=[lesson.number])
    notebook = nbformat.read(edition / lesson.path.name, as_version=4)
    NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=600,
        allow_errors=True,
        resources={"metadata": {"path": str(edition)}},
    ).execute()
    failed = [
        cell.id
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert failed == [cell.id for cell in lesson.check_cells]


# The switches


def test_hints_can_be_switched_off(tmp_path, monkeypatch, capsys):
    write_edition(tmp_path / "edition", hints=False)
    assert "check.hint" not in (tmp_path / "edition" / "README.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path / "edition")
    check.hint("count_anchors")
    assert (
        capsys.readouterr().out == "There are no hints in this edition; ask whoever teaches you.\n"
    )


def test_command(tmp_path, capsys):
    for flags in ([], ["--solutions", "--no-hints"]):
        out = tmp_path / f"edition{len(flags)}"
        assert main(["student", "--out", str(out), *flags]) == 0
        assert capsys.readouterr().out == f"wrote {len(LESSONS)} lessons to {out}\n"
        source = (out / LESSONS[0].path.name).read_text("utf-8")
        assert (STUB in source) == (not flags)
        assert (out / check.HINTS_OFF).exists() == bool(flags)


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.ipynb").touch()
    with pytest.raises(InputError, match="already holds something"):
        write_edition(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.ipynb"]


def test_several_regions_and_indentations():
    region = "{0}### BEGIN SOLUTION\n{0}answer = 42\n{0}### END SOLUTION"
    inner, outer = region.format(" " * 8), region.format(" " * 4)
    source = f"def f():\n{outer}\n\n\nclass C:\n    def g(self):\n{inner}"
    stripped = strip_solution(source)
    assert stripped.count(STUB) == 2
    assert "42" not in stripped
    assert f"\n        {STUB}\n" in stripped
    assert strip_solution(stripped) == stripped
