"""A notebook saved with widgets and opened again: in JupyterLab, as HTML, and as a file."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook

from mrcnn_lite.explore.panels import move_panel
from tests.project import ROOT

from .by_hand import settle
from .jupyterlab import VIEWPORT, run_last_cell, start_jupyterlab

SOURCES = (
    "from mrcnn_lite.explore.explorer.widget import Explorer\nExplorer(stride=32)",
    "from mrcnn_lite.explore.panels import move_panel\npanel = move_panel()\npanel",
    "import ipywidgets\nExplorer(stride=8).below(ipywidgets.IntSlider(description='mine'))",
)
# Without an output before it is run again.
LAST = "if panel.values['shift']:\n    print(panel.values)"
SHOWN = """() => [...document.querySelectorAll(".jp-OutputArea-output img")]
  .filter(picture => picture.checkVisibility() && !picture.closest(".jupyter-widgets"))
  .map(picture => picture.clientWidth)"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A folder with a notebook as JupyterLab saves it, once with its signature and once without."""
    folder = tmp_path_factory.mktemp("saved")
    notebook = new_notebook(cells=[new_code_cell(source) for source in (*SOURCES, LAST)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    NotebookClient(notebook, store_widget_state=False).execute()
    for name in ("signed", "unsigned"):
        # The signature is that of what is in it.
        notebook.metadata.title = name
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


@pytest.fixture
def open_notebook(browser, address):
    """Open a notebook. JupyterLab notes in the console that it finds no model, so that may be."""
    contexts = []

    def open_it(name):
        contexts.append(browser.new_context(viewport=VIEWPORT))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{address}/lab/tree/{name}.ipynb?reset")
        page.wait_for_selector(".jp-OutputArea-output img", state="attached")
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def address(saved, browser):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(saved / "data"))
        sign = [sys.executable, "-m", "jupyter", "trust", str(saved / "signed.ipynb")]
        subprocess.run(sign, check=True, env=os.environ, capture_output=True)
        with start_jupyterlab(saved) as address:
            yield address


def test_saved_file_holds_each_picture_once(saved):
    for cell in nbformat.read(saved / "signed.ipynb", as_version=4).cells[: len(SOURCES)]:
        pictures = [output for output in cell.outputs if "image/png" in output.data]
        (picture,) = pictures
        assert picture.metadata["image/png"]["alt"].startswith("Figure, ")
        assert base64.b64decode(picture.data["image/png"]).startswith(b"\x89PNG")
        # First, since some readers show no more than one.
        assert cell.outputs[0] == picture


@pytest.mark.parametrize("name", ["signed", "unsigned"])
def test_jupyterlab_with_a_fresh_kernel_shows_the_pictures(open_notebook, name):
    page = open_notebook(name)
    # By then JupyterLab has given up looking for the widgets.
    page.wait_for_timeout(4000)
    widths = page.evaluate(SHOWN)
    assert len(widths) == len(SOURCES)
    assert min(widths) > 500
    text = page.locator(".jp-OutputArea").all_inner_texts()
    assert "".join(text).strip() == ""


def test_alive_the_widget_stands_alone(open_notebook):
    page = open_notebook("signed")
    page.wait_for_timeout(4000)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_selector(".roi-explorer .handle.body", timeout=90_000)
    page.wait_for_selector(".mrcnn-panel [data-figure=align] canvas", timeout=90_000)
    page.wait_for_selector(".widget-vbox:has(.widget-slider) .roi-explorer", timeout=90_000)
    settle(page)
    assert page.evaluate(SHOWN) == []
    # JupyterLab leaves the keys to the panel, and the kernel knows what is set by them.
    page.wait_for_timeout(1000)
    page.locator(".mrcnn-panel [data-slider=shift]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    change = move_panel(shift=2).computed.change["pool"]
    page.wait_for_function(
        "wanted => document.querySelector('.mrcnn-panel [data-figure=pool] figcaption')"
        ".textContent === wanted",
        arg=f"RoIPool: change {change:.3f}",
    )
    page.wait_for_timeout(500)
    (output,) = run_last_cell(page)
    assert output["text"] == "{'shift': 2, 'stride': 16, 'bins': 7}\n"


def test_html_of_lesson_14_names_no_widget(open_page, tmp_path):
    html, _ = HTMLExporter().from_filename(str(ROOT / "notebooks" / "14_misalignment_lab.ipynb"))
    path = tmp_path / "lesson.html"
    path.write_text(html, encoding="utf-8")
    page = open_page(path.as_uri(), java_script_enabled=False, offline=True)
    text = " ".join(page.locator(".jp-OutputArea").all_inner_texts())
    for words in ("model not found", "VBox(", "IntSlider(", "Explorer(", "Panel("):
        assert words not in text


def test_html_of_nbconvert_shows_each_picture_once(open_page, saved):
    html, _ = HTMLExporter().from_filename(str(saved / "signed.ipynb"))
    # Its mathematics and its script loader come from elsewhere; here nothing does.
    path = saved / "signed.html"
    path.write_text(html, encoding="utf-8")
    page = open_page(path.as_uri(), java_script_enabled=False, offline=True)
    pictures = page.locator(".jp-OutputArea-output img")
    assert pictures.count() == len(SOURCES)
    for picture in pictures.all():
        assert picture.is_visible()
    text = " ".join(page.locator(".jp-OutputArea").all_inner_texts())
    assert text.strip() == ""
    # The other of nbconvert's two templates writes the descriptions, too.
    html, _ = HTMLExporter(template_name="classic").from_filename(str(saved / "signed.ipynb"))
    assert html.count('alt="Figure, ') == len(SOURCES)
