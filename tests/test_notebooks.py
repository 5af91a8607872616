"""The committed lessons: executed, in order, and free of traces of the machine that ran them."""

import re
from pathlib import Path

import nbformat
import pytest

from mrcnn_lite.course.lessons import number_of
from mrcnn_lite.course.notebooks import METADATA

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
MAX_BYTES = 1_500_000
MACHINE_PATH = re.compile(r"/(?:home|root|Users|tmp|work|usr|opt|var)/\w|[A-Za-z]:\\\w")


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def output_text(output):
    if output.output_type == "stream":
        return output.text
    data = output.get("data", {})
    return "\n".join(text for kind, text in data.items() if kind.startswith("text/"))


def test_there_are_lessons_numbered_from_zero():
    assert LESSONS
    numbers = [number_of(path) for path in LESSONS]
    assert len(set(numbers)) == len(numbers)
    assert numbers[0] == "00"


def test_name(lesson):
    assert re.fullmatch(r"\d\d[a-z]?(_[a-z0-9]+)+", lesson.stem)


def test_every_cell_was_executed_in_order(lesson):
    counts = [cell.execution_count for cell in code_cells(lesson)]
    assert counts == list(range(1, len(counts) + 1))


def test_no_cell_failed(lesson):
    for cell in code_cells(lesson):
        assert all(output.output_type != "error" for output in cell.outputs), cell.source


def test_outputs_name_no_path_of_a_machine(lesson):
    for cell in code_cells(lesson):
        for output in cell.outputs:
            assert not MACHINE_PATH.search(output_text(output)), cell.source


def test_metadata_is_the_stable_one(lesson):
    notebook = read(lesson)
    assert notebook.metadata == METADATA
    folded = {"jupyter", "jp-MarkdownHeadingCollapsed"}
    for cell in notebook.cells:
        assert set(cell.metadata) - folded <= {"tags"}
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_size(lesson):
    assert lesson.stat().st_size < MAX_BYTES


def test_images_in_text_have_a_description(lesson):
    for cell in read(lesson).cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]\(", cell.source), cell.source
            for tag in re.findall(r"<img\b[^>]*>", cell.source):
                assert re.search(r'\balt="[^"]+"', tag), tag


def test_links_between_lessons_lead_somewhere(lesson):
    for cell in read(lesson).cells:
        if cell.cell_type == "markdown":
            for link in re.findall(r"\]\(([^)#]+\.ipynb)", cell.source):
                assert (FOLDER / link).is_file(), link


def test_exercises_have_marked_solutions(lesson):
    """A student edition leaves out what stands between the markers."""
    for cell in read(lesson).cells:
        begins = [m.start() for m in re.finditer("### BEGIN SOLUTION", cell.source)]
        ends = [m.start() for m in re.finditer("### END SOLUTION", cell.source)]
        assert len(begins) == len(ends), cell.source
        assert all(begin < end for begin, end in zip(begins, ends)), cell.source


def test_skipped_comparisons_assert_something(lesson):
    """Where outputs may differ from run to run, the cell itself says what must hold."""
    for cell in code_cells(lesson):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            assert "assert " in cell.source, cell.source


def test_figures_have_a_description(lesson):
    """`python -m mrcnn_lite.course.notebooks` writes it beside each picture."""
    for cell in code_cells(lesson):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                description = output.metadata.get("image/png", {}).get("alt", "")
                # More than "Figure, ." of one without any title or label.
                assert len(description) > len("Figure, x."), f"{cell.id} has no description"
