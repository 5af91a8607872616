"""The course as a site, opened from disk as a reader opens the zip of a classroom."""

import json
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from mrcnn_lite.course.questions import QUESTIONS
from tests.project import ROOT

from .axe import faults
from .by_hand import DESK, settle, wait_until

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MEGABYTE = 1e6
PHONE = {"viewport": {"width": 390, "height": 844}, "offline": True}
PREDICTION = re.compile(r'check\.predict\("(\w+)", "\?"\)')


class Reader(HTMLParser):
    """What a page links to, where it can be linked, its headings, and its pictures."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.places, self.headings, self.pictures = [], set(), [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]
        self.places |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.pictures.append((attributes.get("src", ""), attributes.get("alt")))


def build(folder: Path) -> subprocess.CompletedProcess:
    """Build the site into a folder."""
    pytest.importorskip("furo", reason="no Sphinx: pip install -e '.[site]'")
    command = [sys.executable, ROOT / "docs" / "site" / "build.py", "--out", folder]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


@pytest.fixture(scope="session")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    # A build that needs more than what is installed fails here, as one in a train does.
    built = build(folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="session")
def site(out):
    return out / "html"


@pytest.fixture(scope="session")
def pages(site):
    return {path: Reader(path) for path in sorted(site.rglob("*.html"))}


def lesson_page(site, lesson: Path) -> Path:
    return site / "notebooks" / f"{lesson.stem}.html"


def cells_of(lesson: Path) -> list[dict]:
    return json.loads(lesson.read_text("utf-8"))["cells"]


# --- what was built


def test_every_lesson_and_page_is_there(site):
    assert len(LESSONS) >= 15
    front = (site / "index.html").read_text("utf-8")
    for lesson in LESSONS:
        page = lesson_page(site, lesson)
        assert page.is_file()
        assert f'href="notebooks/{page.name}"' in front
    for name in ("notebooks/glossary", "docs/results/index", "docs/package", "docs/instructor"):
        assert f'href="{name}.html"' in front
    assert "roi_align" in (site / "api" / "mrcnn_lite.ops.html").read_text("utf-8")


def test_site_is_small_and_one_file_for_a_classroom(out, site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 30 * MEGABYTE
    assert (site / "explorer.html").stat().st_size < 0.4 * MEGABYTE
    with zipfile.ZipFile(out / "mrcnn-lite-site.zip") as archive:
        names = set(archive.namelist())
    files = {path.relative_to(out).as_posix() for path in site.rglob("*") if path.is_file()}
    assert files <= names


def test_every_internal_link_holds(site, pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            target, _, place = link.partition("#")
            if re.match(r"(\w+:|//)", link) or (target and not target.partition("?")[0]):
                continue
            to = (path.parent / unquote(target.partition("?")[0])).resolve() if target else path
            to = to / "index.html" if to.is_dir() else to
            there = pages[to].places if to in pages else {unquote(place)}
            if not to.is_file() or (place and unquote(place) not in there):
                broken.append((path.name, link))
    assert broken == []


def test_headings_begin_with_one_and_skip_no_level(pages):
    for path, page in pages.items():
        assert page.headings.count(1) == 1, path
        assert page.headings[0] == 1, path
        assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:])), path


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_pictures_keep_their_descriptions(site, pages, lesson):
    outputs = [output for cell in cells_of(lesson) for output in cell.get("outputs", [])]
    drawn = [output for output in outputs if "image/png" in output.get("data", {})]
    described = [output["metadata"]["image/png"]["alt"] for output in drawn]
    shown = [(source, text) for source, text in pages[lesson_page(site, lesson)].pictures]
    assert [text for source, text in shown if "_images" in source] == described
    assert all(text for _, text in shown)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_is_whole_and_leaves_nothing_raw(site, lesson):
    text = lesson_page(site, lesson).read_text("utf-8")
    asked = [found[1] for cell in cells_of(lesson) for found in _asked(cell)]
    assert re.findall(r'id="prediction-(\w+)"', text) == asked
    for raw in ("VBox(", "HBox(", "Explorer(<", "&lt;IPython", "&lt;Figure"):
        assert raw not in text.replace("<span", ""), raw
    path = f"notebooks/{lesson.name}"
    for address in (
        f"https://colab.research.google.com/github/mrcnn-lite/mrcnn-lite/blob/main/{path}",
        f"https://mybinder.org/v2/gh/mrcnn-lite/mrcnn-lite/main?urlpath=lab/tree/{path}",
    ):
        assert f'href="{address}"' in text
    # The download is the lesson with its own cells, to be run.
    downloaded = cells_of(site / "_downloads" / lesson.name)
    assert [cell["source"] for cell in downloaded] == [cell["source"] for cell in cells_of(lesson)]
    assert not any(cell.get("outputs") for cell in downloaded)


def _asked(cell: dict) -> list[re.Match]:
    found = PREDICTION.match("".join(cell["source"])) if cell["cell_type"] == "code" else None
    return [found] if found else []


@pytest.mark.parametrize("name", ["index.html", "explorer.html", "notebooks/04_roi_align.html"])
def test_link_elsewhere_shows_picture_and_description(site, name):
    text = (site / name).read_text("utf-8")
    tags = dict(re.findall(r'<meta property="(og:\w+)" content="([^"]+)"', text))
    assert len(tags["og:description"]) > 50
    home = "https://mrcnn-lite.github.io/mrcnn-lite/"
    assert tags["og:image"].startswith(home)
    assert (site / tags["og:image"].removeprefix(home)).is_file()


# --- how it is used


@pytest.fixture(scope="module")
def lesson(module_pages, site):
    return module_pages(lesson_page(site, LESSONS[2]).as_uri(), **DESK)


def test_front_page_begins_with_the_explorer(open_page, site):
    page = open_page((site / "index.html").as_uri(), **DESK)
    explorer = page.frame_locator("iframe.explorer")
    explorer.locator(".handle.body").wait_for(state="attached")
    place = page.locator("iframe.explorer").bounding_box()
    assert place["y"] < 450
    # As high as the explorer, so that there is one page to scroll.
    page.wait_for_function(
        "before => document.querySelector('iframe.explorer').clientHeight !== before", arg=736
    )
    frame = page.frames[1]
    assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")


def test_question_gives_its_reply_and_opens_what_follows(lesson):
    question = QUESTIONS["width_that_is_read"]
    asked = lesson.locator(".prediction").first
    answer = lesson.locator("details.answer").first
    assert question.text in asked.text_content()
    assert answer.get_attribute("open") is None
    assert not lesson.get_by_text("box as read:").first.is_visible()
    for letter, choice in question.lettered.items():
        asked.locator(f"button[value={letter}]").click()
        assert asked.locator("[role=status] p:visible").count() == 1
        assert choice.reply in asked.locator("[role=status] p:visible").text_content()
        assert asked.locator("[aria-pressed=true]").get_attribute("value") == letter
        assert answer.get_attribute("open") is not None
    assert lesson.locator("details.answer").nth(1).get_attribute("open") is None


def test_code_of_pictures_and_solutions_is_folded(lesson):
    solution = lesson.locator("details.hide", has_text="Show a solution").first
    code = solution.locator("pre").first
    assert "def " in code.text_content()
    assert not code.is_visible()
    solution.locator("summary").click()
    assert code.is_visible()


def test_mathematics_is_set_without_another_host(lesson):
    lesson.wait_for_selector("mjx-container")
    # Before, what is written down is TeX.
    assert lesson.locator("mjx-container").count() > 10
    assert lesson.locator("mjx-merror").count() == 0
    assert lesson.evaluate("document.fonts.ready.then(() => document.fonts.check('16px MJXTEX'))")


def test_search_finds_a_word_from_disk(open_page, site):
    page = open_page((site / "search.html").as_uri() + "?q=sawtooth", **DESK)
    first = page.locator("#search-results li a").first
    first.wait_for()
    found = page.locator("#search-results li a").evaluate_all("links => links.map(a => a.href)")
    assert any("03_roi_warp" in address for address in found)
    first.click()
    page.wait_for_selector("h1")
    assert "sawtooth" in page.locator("article").text_content()


FIGURES = {"levels": 2, "anchors": 3, "paste": 3, "competition": 4, "move": 5}


@pytest.mark.parametrize(
    ("name", "panel"),
    [
        ("06_fpn", "levels"),
        ("07_rpn", "anchors"),
        ("08_heads", "paste"),
        ("09_decoupled_mask_loss", "competition"),
        ("14_misalignment_lab", "move"),
    ],
)
def test_panels_of_lessons_are_alive(open_page, site, name, panel):
    page = open_page((site / "notebooks" / f"{name}.html").as_uri(), **DESK)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    alive = page.locator(".mrcnn-panel")
    wait_until(page, "document.querySelector('.mrcnn-panel .status:not(:empty)') !== null")
    assert alive.count() == 1
    assert alive.locator("figure").count() == FIGURES[panel]
    # In the place of the still picture, and of the link to it.
    assert alive.locator("xpath=ancestor::a").count() == 0
    cell = page.locator(".cell_output", has=alive)
    assert not cell.locator("img").is_visible()
    before = alive.locator("canvas").last.evaluate("canvas => canvas.toDataURL()")
    alive.locator("input[type=range]").last.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert alive.locator("canvas").last.evaluate("canvas => canvas.toDataURL()") != before


def test_panels_are_pictures_without_scripts(open_page, site):
    address = (site / "notebooks" / "07_rpn.html").as_uri()
    page = open_page(address, java_script_enabled=False, **DESK)
    cell = page.locator(".cell_output", has=page.locator("script.mrcnn-lite-panel"))
    assert cell.locator("img").count() == 1
    assert cell.locator(".mrcnn-panel").count() == 0


LESSONS_SHOWN = ("notebooks/02_roi_pool.html", "notebooks/07_rpn.html", "notebooks/10_fcis.html")
SHOWN = ("index.html", "explorer.html", *LESSONS_SHOWN)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOWN)
def test_axe_finds_nothing(open_page, site, name, scheme):
    # Without motion: what is still fading in has too little contrast.
    page = open_page((site / name).as_uri(), color_scheme=scheme, reduced_motion="reduce", **DESK)
    page.wait_for_selector("h1")
    # Opened, since what is folded is not looked at.
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    # Only then is it known which formulas are wider than the page.
    page.evaluate("window.MathJax?.startup?.promise")
    settle(page)
    assert faults(page) == []


@pytest.mark.parametrize(
    "name", [*SHOWN, "notebooks/12_tables_in_miniature.html", "api/mrcnn_lite.ops.html"]
)
def test_nothing_scrolls_sideways_on_a_phone_on_laptops_or_at_200_percent(open_page, site, name):
    page = open_page((site / name).as_uri(), **PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    # 640 is a screen of 1280 at 200 %, 320 at 400 %.
    for width in (390, 640, 320, 1024, 1280, 1366):
        page.set_viewport_size({"width": width, "height": 800})
        fits = "document.documentElement.scrollWidth <= innerWidth"
        wait_until(page, f"innerWidth === {width} && {fits}")


@pytest.mark.parametrize("name", ["html", "source"])
def test_a_folder_that_is_not_the_sites_is_left_alone(tmp_path, name):
    own = tmp_path / name / "thesis.txt"
    own.parent.mkdir()
    own.write_text("mine", encoding="utf-8")
    built = build(tmp_path)
    assert built.returncode == 1
    assert "choose another folder by --out" in built.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [own]
