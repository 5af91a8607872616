"""Lesson 14 as a reader works through it in JupyterLab: run, drag, read back, drive from code."""

import json

import pytest

from .jupyterlab import VIEWPORT, copy_lesson, read_outputs, run_all_cells, run_last_cell
from .jupyterlab import start_jupyterlab as start
from .shown import PARTS, assert_shown, measured_error, shown_box

LESSON = "14_misalignment_lab"
READ_BACK = """\
import json

names = ("operation", "roi", "stride", "bins", "sampling_ratio", "error")
print(json.dumps({name: getattr(explorer, name) for name in names}))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory, browser):
    folder = tmp_path_factory.mktemp("lab")
    copy_lesson(LESSON, folder, READ_BACK)
    with start(folder) as address:
        yield address


def read_back(page, first_line="") -> dict:
    """The traits of the explorer, as the kernel knows them."""
    page.wait_for_timeout(500)
    (output,) = run_last_cell(page, first_line)
    return json.loads("".join(output["text"]))


def agree(page, explorer, **settings) -> None:
    """Page, kernel and operations must say the same, once the messages between them are through."""
    for _ in range(20):
        known = read_back(page)
        roi = tuple(known["roi"])
        if roi == shown_box(explorer) and all(known[n] == v for n, v in settings.items()):
            break
    for name in {"bins", "sampling_ratio"} & set(settings):
        assert float(explorer.locator(f"[data-field={name}]").input_value()) == settings[name]
    assert_shown(explorer, roi, **settings)
    assert {name: known[name] for name in settings} == settings
    measured = measured_error(roi, **settings)
    for part in PARTS:
        assert known["error"][part] == pytest.approx(measured[part], abs=1e-9)


def enter(page, explorer, name: str, text: str) -> None:
    """Type into a number field, key by key, once JupyterLab has left the focus alone."""
    page.wait_for_timeout(500)
    field = explorer.locator(f"[data-field={name}]")
    field.click(click_count=3)
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def is_drawn_in_ink(explorer) -> bool:
    """Whether the trace has pixels of the colour that the style sheet calls ink at the moment."""
    return explorer.locator(".plot canvas").evaluate(
        "(canvas) => { const ink = getComputedStyle(canvas).getPropertyValue('--ink').trim();"
        " const [r, g, b] = [1, 3, 5].map((i) => parseInt(ink.slice(i, i + 2), 16));"
        " const { width, height } = canvas;"
        " const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;"
        " for (let i = 0; i < pixels.length; i += 4)"
        " if (pixels[i] === r && pixels[i + 1] === g && pixels[i + 2] === b) return true;"
        " return false; }"
    )


def test_lesson_14(open_page, address):
    page = open_page(f"{address}/lab/tree/notebooks/{LESSON}.ipynb?reset", viewport=VIEWPORT)
    run_all_cells(page)
    for outputs in read_outputs(page):
        assert all(output["output_type"] != "error" for output in outputs), outputs

    page.evaluate("() => window.jupyterapp.shell.currentWidget.content.scrollToItem(2, 'start')")
    explorer = page.locator(".roi-explorer").first
    explorer.locator("[data-do=reset]").click()
    explorer.locator("[data-choice=operation][value=pool]").check(force=True)
    explorer.locator("[data-choice=stride][value='16']").check(force=True)
    agree(page, explorer, operation="pool", stride=16)

    # By mouse.
    x1, y1, x2, y2 = shown_box(explorer)
    body = explorer.locator(".handle.body")
    body.scroll_into_view_if_needed()
    place = body.bounding_box()
    zoom = place["width"] / (x2 - x1)
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 10 * zoom, y + 5 * zoom, steps=6)
    page.mouse.up()
    agree(page, explorer, operation="pool", stride=16)
    assert shown_box(explorer) == (x1 + 10, y1 + 5, x2 + 10, y2 + 5)

    # By keyboard, which JupyterLab must not take for its own.
    body.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowRight")
    explorer.locator("[data-slider=bins]").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    agree(page, explorer, bins=5)
    assert shown_box(explorer)[0] == x1 + 25

    # A slider by mouse; a number; a wrong number.
    slider = explorer.locator("[data-slider=sampling_ratio]")
    slider.scroll_into_view_if_needed()
    place = slider.bounding_box()
    slider.click(position={"x": place["width"] - 3, "y": place["height"] / 2})
    explorer.locator("[data-choice=operation][value=warp]").check(force=True)
    enter(page, explorer, "x", "40,5")
    agree(page, explorer, operation="warp", bins=5, sampling_ratio=6)
    assert shown_box(explorer)[0] == 40.5
    enter(page, explorer, "y", "forty")
    assert "must be a number" in explorer.locator("[role=alert]").text_content()

    # From code.
    read_back(page, "explorer.stride = 32; explorer.operation = 'pool'")
    agree(page, explorer, operation="pool", stride=32, bins=5, sampling_ratio=6)
    assert explorer.locator("[data-choice=stride]:checked").get_attribute("value") == "32"

    # In the dark, where canvases must be drawn again.
    assert is_drawn_in_ink(explorer)
    page.evaluate(
        "() => window.jupyterapp.commands.execute('apputils:change-theme',"
        " { theme: 'JupyterLab Dark' })"
    )
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    page.wait_for_timeout(1500)
    assert is_drawn_in_ink(explorer)
