"""Gather the site's sources: lessons, pages and the package guide, in the repository's layout."""

import json
import re
import shutil
from pathlib import Path

import nbformat
from addresses import REPOSITORY, SITE
from api import GROUPS, guide_pages
from markdown import Links, with_even_headings
from panels import with_panels

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PAGES = ("notebooks/*.md", "docs/*.md", "docs/results/*.md")
PICTURES = ("docs/*.png", "docs/results/*.png")
# A row of the README's table of lessons: number, name, file, question.
ROW = re.compile(
    r"^\| (\d\d[a-z]?) \| \[([^\]]+)\]\((notebooks/\w+)\.ipynb\) \| ([^|]+) \|", re.MULTILINE
)
PREDICTION = re.compile(r'check\.predict\("(\w+)", "\?"\)')
SOLUTION = "solution-"
# Under the title of each lesson; the README's addresses.
OPEN = """\
<p class="open-lesson">Open this lesson in
<a href="https://colab.research.google.com/github/{owner}/blob/main/{path}">Colab</a>,
<a href="https://mybinder.org/v2/gh/{owner}/main?urlpath=lab/tree/{path}">Binder</a> or
<a href="https://kaggle.com/kernels/welcome?src={repository}/blob/main/{path}">Kaggle</a>, or
<a href="{download}" download>download it</a>.</p>
"""


def gather(folder: Path) -> None:
    """Write the sources from which Sphinx makes the site to a folder; what was there is deleted."""
    shutil.rmtree(folder, ignore_errors=True)
    texts = {path: (ROOT / path).read_text("utf-8") for path in _paths(PAGES)}
    texts["index.md"] = (HERE / "index.myst").read_text("utf-8").replace("{{lessons}}", _contents())
    texts["docs/results/index.md"] = (HERE / "results.myst").read_text("utf-8")
    lessons, pictures = _paths(("notebooks/*.ipynb",)), _paths(PICTURES)
    modules = {module for group in GROUPS for module in group.modules}
    links = Links(REPOSITORY, SITE, {*texts, *lessons, *pictures}, modules)
    for path, text in texts.items():
        _write(folder / path, *with_even_headings([links.within(text, path)]))
    for path in lessons:
        _write(folder / path, _lesson(path, links))
    for path, text in guide_pages().items():
        _write(folder / path, text)
    for path in pictures:
        shutil.copyfile(ROOT / path, folder / path)


def _paths(patterns: tuple[str, ...]) -> list[str]:
    found = (path for pattern in patterns for path in sorted(ROOT.glob(pattern)))
    return [path.relative_to(ROOT).as_posix() for path in found]


def _contents() -> str:
    """The lessons, each with its question and a line of Sphinx's table of contents."""
    rows = ROW.findall((ROOT / "README.md").read_text("utf-8"))
    shown = [f"| {number} | [{name}]({path}.ipynb) | {ask} |" for number, name, path, ask in rows]
    entries = [f"{number} {name} <{path}>" for number, name, path, _ in rows]
    table = ["| No. | Lesson | Its question |", "|---|---|---|", *shown, ""]
    contents = ["```{toctree}", ":hidden:", ":caption: Lessons", "", *entries, "```"]
    return "\n".join([*table, *contents])


def _lesson(path: str, links: Links) -> str:
    """A lesson as the site shows it: its questions asked in the page, its solutions folded."""
    lesson = nbformat.read(ROOT / path, as_version=4)
    texts = [cell for cell in lesson.cells if cell.cell_type == "markdown"]
    sources = with_even_headings([links.within(c.source, path) for c in texts], is_lesson=True)
    for cell, source in zip(texts, sources):
        cell.source = source
    title, _, rest = texts[0].source.partition("\n")
    texts[0].source = "\n".join([title, "", _ways_to_open(path), rest])
    lesson.cells = [_shown(cell) for cell in lesson.cells]
    return nbformat.writes(lesson)


def _ways_to_open(path: str) -> str:
    owner = REPOSITORY.removeprefix("https://github.com/")
    download = f"../_downloads/{Path(path).name}"
    return OPEN.format(owner=owner, path=path, repository=REPOSITORY, download=download)


def _shown(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if cell.cell_type != "code":
        return cell
    if asked := PREDICTION.fullmatch(cell.source.strip()):
        return nbformat.v4.new_markdown_cell(f"```{{prediction}} {asked[1]}\n```", id=cell.id)
    if cell.id.startswith(SOLUTION):
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        cell.metadata["mystnb"] = {
            "code_prompt_show": "Show a solution",
            "code_prompt_hide": "Hide the solution",
        }
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    cell.outputs = with_panels(cell.outputs)
    return cell


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def alternative_texts(lesson: Path) -> list[str]:
    """What the pictures of a lesson show, in words, in their order."""
    cells = json.loads(lesson.read_text("utf-8"))["cells"]
    outputs = (output for cell in cells for output in cell.get("outputs", []))
    return [
        output["metadata"].get("image/png", {}).get("alt", "")
        for output in outputs
        if "image/png" in output.get("data", {})
    ]
