"""What every lesson has, so that readers find their way and students' editions can be made."""

import ast
import itertools
import re
import sys
from pathlib import Path

import pytest

import mrcnn_lite
from mrcnn_lite import check
from mrcnn_lite.course.minutes import OPTIONAL_PART
from mrcnn_lite.course.student import EXERCISE_TITLE
from mrcnn_lite.files import NOTEBOOKS
from tests.course.lesson import LESSONS, REPOSITORY, Lesson

NAMES = {
    "00": "Start here",
    "01": "Instances and COCO",
    "02": "RoIPool",
    "03": "RoIWarp",
    "04": "RoIAlign",
    "05": "ResNet and ResNeXt",
    "06": "FPN",
    "07": "RPN and Faster R-CNN",
    "08": "Heads",
    "09": "The decoupled mask loss",
    "10": "FCIS",
    "11": "Mask R-CNN, trained",
    "11b": "From shapes to people",
    "12": "The paper's tables in miniature",
    "13": "Full training on GPUs",
    "14": "The misalignment lab",
    "15": "Keypoints",
}
LONGEST_PART_MINUTES = 30
PACKAGE = Path(mrcnn_lite.__file__).parent


@pytest.fixture(params=LESSONS, ids=lambda lesson: lesson.path.stem)
def lesson(request) -> Lesson:
    return request.param


def one_line(text: str) -> str:
    return " ".join(text.split())


# The top


def test_title_asks_a_question(lesson):
    title = lesson.header.splitlines()[0]
    assert re.fullmatch(rf"# {lesson.number} · .+\?", title)


def neighbours(number: str) -> tuple[str | None, str | None]:
    """The numbers of the lessons before and after one."""
    numbers = [None, *NAMES, None]
    place = numbers.index(number)
    return numbers[place - 1], numbers[place + 1]


def test_links_to_the_neighbours(lesson):
    by_number = {other.number: other.path.name for other in LESSONS}
    before, after = neighbours(lesson.number)
    opening = one_line(lesson.header.split("\n\n")[1])
    assert opening.startswith(f"*Lesson {lesson.number} of the course. ")
    assert "[glossary](glossary.md)" in opening
    for phrase, neighbour in (("Before it", before), ("After it", after)):
        if neighbour is None:
            assert phrase not in opening
            continue
        name = f"{neighbour} · {NAMES[neighbour]}"
        link = f"[{name}]({by_number[neighbour]})" if neighbour in by_number else name
        assert f"{phrase}: {link}." in opening
    if after in by_number:
        ending = lesson.text.split("**The next question:**")[1]
        assert f"]({by_number[after]})" in ending


def test_a_link_to_a_lesson_has_its_name(lesson):
    for text, number in re.findall(r"\[([^]]+)\]\((\d\d[a-z]?)_\w+\.ipynb\)", lesson.text):
        text, name = one_line(text), NAMES[number]
        assert text in (f"{number} · {name}", f"lesson {number}", f"Lesson {number}"), text


def test_the_map_links_every_lesson():
    for lesson in LESSONS:
        link = f"[{lesson.number} · {NAMES[lesson.number]}]({lesson.path.name})"
        assert f"| {link} |" in LESSONS[0].text


def test_header_says_what_is_needed_and_learnt(lesson):
    assert "**You need** " in lesson.header
    assert lesson.parts
    goals = lesson.header.split("You will be able to")[1:]
    assert len(goals) == len(lesson.parts)
    assert all(re.search(r"^- \w", part, re.MULTILINE) for part in goals)


def test_minutes_add_up(lesson):
    for part in lesson.parts:
        assert part.reading + part.exercises <= LONGEST_PART_MINUTES, part
    by_part = {part.title: part.exercises for part in lesson.parts}
    assert lesson.exercise_minutes_by_part == by_part
    obliged = [part for part in lesson.parts if not part.title.endswith(OPTIONAL_PART)]
    total = sum(part.reading + part.exercises for part in obliged)
    exercises = sum(part.exercises for part in obliged)
    count = f"in {len(lesson.parts)} parts" if len(lesson.parts) > 1 else "in one part"
    stated = f"**Time:** {total} minutes {count}, {exercises} of them for the exercises."
    assert stated in one_line(lesson.header)


def test_sections_are_numbered(lesson):
    numbers = re.findall(r"^## (\d+) · ", lesson.text, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert len(numbers) == len(re.findall(r"^## ", lesson.text, re.MULTILINE))


def test_the_guide_says_how_long_it_takes(lesson):
    """`python benchmarks/lesson_times.py` measures it and writes the table."""
    guide = (NOTEBOOKS.parent / "docs" / "instructor.md").read_text("utf-8")
    assert f"\n| {lesson.path.stem.replace('_', ' ')} | " in guide


def test_without_the_package_one_line_says_what_to_run(lesson, monkeypatch):
    monkeypatch.setitem(sys.modules, "mrcnn_lite", None)  # what an import of it then raises
    with pytest.raises(SystemExit) as stopped:
        exec(lesson.code_cells[0].source, {})
    assert stopped.value.code == f"Run %pip install git+{REPOSITORY}"


# What they lead to


def test_the_repository_is_the_projects():
    project = (NOTEBOOKS.parent / "pyproject.toml").read_text("utf-8")
    assert f'\nRepository = "{REPOSITORY}"\n' in project


def test_links_lead_to_what_goes_along_or_to_the_repository(lesson):
    """`mrcnn-lite lessons` writes a folder of its own: a path out of it would lead nowhere."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", lesson.text):
        if target.startswith(REPOSITORY):
            inside = re.match(rf"{REPOSITORY}/(blob|tree)/main/(.+)", target)
            path = NOTEBOOKS.parent / inside[2]
            assert path.is_dir() if inside[1] == "tree" else path.is_file(), target
        elif not re.match("https?://", target):
            assert (NOTEBOOKS / target).is_file(), target
            assert Path(target).name == target, target


def test_a_file_of_the_repository_is_a_link(lesson):
    """Whoever has the lessons alone finds it there."""
    named = re.findall(r"`[^`\n]*\b(?:docs|tests|benchmarks)/[^`\n]*`", lesson.text)
    assert not named


# Exercises and predictions


def test_exercises(lesson):
    titles = EXERCISE_TITLE.findall(lesson.text)
    assert len(titles) >= 3
    assert len(lesson.solution_cells) == len(lesson.check_cells) == len(titles)
    assert lesson.text.count("**To expect:**") == len(titles)
    assert 'check.hint("' in lesson.text


def test_a_check_stands_alone_after_its_solution(lesson):
    cells = lesson.cells
    for solution, following in itertools.pairwise(cells):
        if solution in lesson.solution_cells:
            assert following in lesson.check_cells
            name = re.search(r"\((\w+)\)", following.source)[1]
            assert name in {node.name for node in ast.parse(solution.source).body}
            assert solution.id.startswith("solution-")
            assert following.id.startswith("check-")
            assert not solution.outputs


def test_a_solution_defines_and_does_nothing_else(lesson):
    """So its cell runs whatever stands in the bodies, and whoever has not solved it can go on."""
    for cell in lesson.solution_cells:
        for node in ast.parse(cell.source).body:
            assert isinstance(node, ast.FunctionDef | ast.ClassDef), ast.unparse(node)


def test_only_checks_use_what_readers_write(lesson):
    """A cell that did would fail, or give the answer away, in the students' edition.

    `check.NAME.working` hands on what is right, else the package's.
    """
    written = {
        node.name
        for cell in lesson.solution_cells
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    for cell in lesson.code_cells:
        if cell not in lesson.solution_cells and cell not in lesson.check_cells:
            source = re.sub(r"check\.\w+\.working\(\w+\)", "check", cell.source)
            used = {node.id for node in ast.walk(ast.parse(source)) if hasattr(node, "id")}
            assert not used & written, cell.source


def test_every_check_is_used_by_its_lesson():
    used = {
        (re.match(r"check\.(\w+)", cell.source)[1], lesson.number)
        for lesson in LESSONS
        for cell in lesson.check_cells
    }
    there = {
        (exercise.name, re.match(r"lesson(\d\d[a-z]?)", path.stem)[1])
        for path in (PACKAGE / "course" / "checks").glob("lesson*.py")
        for name in re.findall(r"^(\w+) = Exercise\(", path.read_text("utf-8"), re.MULTILINE)
        for exercise in [check.EXERCISES[name]]
    }
    assert used == there


def test_predictions(lesson):
    assert "> **Predict" not in lesson.text
    asked = [
        cell for cell in lesson.code_cells if re.fullmatch(r"check\.predict\(.*\)", cell.source)
    ]
    assert asked
    assert all(cell.id.startswith("predict-") for cell in asked)
    # Nothing else stands in a cell that asks.
    assert sum("check.predict(" in cell.source for cell in lesson.code_cells) == len(asked)


# The end


def test_ends_with_what_is_known_and_comes_next(lesson):
    sections = re.split(r"^## \d+ · ", lesson.text, flags=re.MULTILINE)
    ending = sections[-1]
    assert ending.startswith("What you know now\n")
    assert re.search(r"^- \w", ending, re.MULTILINE)
    if neighbours(lesson.number)[1]:
        assert "**The next question:** " in ending
    assert "**Read more:** " in ending
    if neighbours(lesson.number)[0]:
        recall = ending.split("**Do you remember** (lesson")[1]
        questions, answers = recall.split("<details><summary>Answers</summary>")
        asked = re.findall(r"^\d\. (.+?)(?=^\d\. |\Z)", questions, re.MULTILINE | re.DOTALL)
        assert 2 <= len(asked) <= 3
        assert all("?" in question for question in asked)
        given = re.findall(r"^\d\. ", answers.split("</details>")[0], re.MULTILINE)
        assert len(given) == len(asked)


@pytest.mark.parametrize("lesson", LESSONS[2:], ids=lambda lesson: lesson.path.stem)
def test_ends_by_opening_the_packages_file_for_what_was_built(lesson):
    """What it tells readers to look for stands in a file that it links."""
    ending = re.split(r"^## \d+ · ", lesson.text, flags=re.MULTILINE)[-1]
    before, opening = ending.split("**In the package:**")
    assert re.search(r"^- \w", before, re.MULTILINE)
    opening, after = opening.split("\n\n", 1)
    assert after.startswith("**Do you remember**")
    links = re.findall(rf"\[([^]]+)\]\({REPOSITORY}/blob/main/([^)]+)\)", opening)
    assert [name for name, path in links] == [path for name, path in links]
    files = [path for name, path in links if path.startswith("mrcnn_lite/")]
    assert files
    source = "\n".join((NOTEBOOKS.parent / path).read_text("utf-8") for path in files)
    named = [name for span in re.findall(r"`([^`]+)`", opening) for name in span.split(".")]
    assert [name for name in named if not re.search(rf"\b{name}\b", source)] == []
    assert 2 <= len(re.findall(r"[.?](?=\s|$)", opening)) <= 4


# Words


def glossary_anchors() -> set[str]:
    text = (NOTEBOOKS / "glossary.md").read_text("utf-8")
    return {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^### (.+)$", text, re.MULTILINE)
    }


def test_words_are_in_the_glossary(lesson):
    anchors = re.findall(r"\]\(glossary\.md#([^)]+)\)", lesson.text)
    assert len(set(anchors)) >= 3
    assert set(anchors) <= glossary_anchors()


def test_glossary_is_sorted_and_its_links_lead_somewhere():
    text = (NOTEBOOKS / "glossary.md").read_text("utf-8")
    titles = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert titles == sorted(titles, key=str.lower)
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= glossary_anchors()
    for name in re.findall(r"\]\((\d\d[a-z]?_\w+\.ipynb)\)", text):
        assert (NOTEBOOKS / name).is_file()
    # Where a word is at home is a link as soon as the lesson is there.
    unlinked = {n for home in re.findall(r"\*\(Lessons? [^*]*", text) for n in bare(home)}
    assert not unlinked & {lesson.number for lesson in LESSONS}


def bare(text: str) -> list[str]:
    """Lesson numbers that are no links."""
    return re.findall(r"\b\d\d[a-z]?\b", re.sub(r"\[[^]]*\]\([^)]*\)", "", text))
