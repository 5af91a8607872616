"""How long a reader waits: from a drag to the picture in the page, and from a slider to a panel.

    python benchmarks/explorer.py            # needs `pip install -e '.[browser]'` and a Chromium
    python benchmarks/explorer.py --picture  # only draws docs/explorer.png and docs/site's picture

In the page: from the event of the pointer to the end of the frame that shows its effect, in
headless Chromium without a GPU. Panels: in the kernel, from a slider's new value to the encoded
picture; in JupyterLab, from a key pressed on the slider to the end of the frame that shows the new
picture, decoded, with the messages to the kernel and back. It writes docs/explorer_timings.md.
"""

import argparse
import io
import json
import platform
import shutil
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

import nbformat
import torch
from PIL import Image, ImageOps
from playwright.sync_api import sync_playwright

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.experiments.pages import markdown_table
from mrcnn_lite.experiments.turns import seconds_of
from mrcnn_lite.explore.explorer.page import write_page
from mrcnn_lite.explore.panels import (
    anchors_panel,
    competition_panel,
    levels_panel,
    move_panel,
    paste_panel,
)
from mrcnn_lite.files import SHIPPED_WEIGHTS, write_atomically, write_text

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
# What a link to the site shows elsewhere, in the size that is usual there; the README's first.
LINK_PICTURE = DOCS / "site" / "static" / "social.png"
LINK_SIZE = (1200, 630)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
DRAGS = 120
PRESSES = 16
# Of the page: settings that are usual, and the costliest.
COSTLY = {"stride": 4, "bins": 14}
CASES = {
    "RoIPool, stride 16, 7 bins": {"operation": "pool", "stride": 16, "bins": 7},
    "RoIAlign, stride 16, 7 bins": {"operation": "align", "stride": 16, "bins": 7},
    "RoIPool, stride 4, 14 bins": {"operation": "pool", **COSTLY},
    "RoIAlign, stride 4, 14 bins, 6 samples": {"operation": "align", **COSTLY, "sampling_ratio": 6},
}
# Resolves after the frame that is drawn next.
END_OF_FRAME = """window.endOfFrame = () => new Promise((done) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = done;
  port2.postMessage(0);
}))"""
# Moves a handle by a pixel or so at a time, and waits for the end of the frame each time.
DRAG = """async ([name, number]) => {
  const handle = document.querySelector(name);
  handle.setPointerCapture = () => {};
  const at = (kind, x, y) => handle.dispatchEvent(new PointerEvent(kind,
    { clientX: x, clientY: y, pointerId: 1, button: 0, buttons: 1, bubbles: true }));
  const times = [];
  at("pointerdown", 400, 400);
  for (let i = 1; i <= number; i++) {
    const start = performance.now();
    at("pointermove", 400 + 60 * Math.sin(i / 9), 400 + 40 * Math.sin(i / 7));
    await endOfFrame();
    times.push(performance.now() - start);
  }
  at("pointerup", 400, 400);
  return times;
}"""
# Presses are the browser's own; the page notes when each arrives and when its picture is seen.
WATCH = """(panel) => {
  const picture = panel.querySelector("img");
  let start;
  window.elapsed = null;
  panel.addEventListener("keydown", (event) => { start = event.timeStamp; }, true);
  new MutationObserver(async () => {
    await picture.decode();
    await endOfFrame();
    window.elapsed = performance.now() - start;
  }).observe(picture, { attributeFilter: ["src"] });
}"""
PANELS_NOTEBOOK = "panels.ipynb"
MAKE_PANELS = "from benchmarks.explorer import make_panels\n\npanels = make_panels()"
SHOW_PANEL = """\
panel, control, values = panels[{name!r}]
panel.controls[control].value = values[0]
panel"""


def open_page(browser, folder, place="#scene=photograph&causes=%22all%22", **options):
    """Open the stand-alone page: with all controls, or at another place of it."""
    write_page(Path(folder) / "misalignment.html")
    page = browser.new_context(offline=True, **options).new_page()
    page.add_init_script(END_OF_FRAME)
    page.goto((Path(folder) / "misalignment.html").as_uri() + place)
    page.wait_for_selector(".handle.body", state="attached")
    page.wait_for_timeout(500)
    return page


def time_drags(browser, folder):
    """Rows of (what, median, 95th percentile) in milliseconds."""
    page = open_page(browser, folder, viewport={"width": 1280, "height": 1000})
    rows = []
    for name, settings in CASES.items():
        page.evaluate(f"explorer.set({json.dumps(settings)})")
        page.wait_for_timeout(600)
        for what, handle in (("moved", ".handle.body"), ("resized", ".handle.se")):
            times = page.evaluate(DRAG, [handle, DRAGS])[10:]
            rows.append((f"{name}, box {what}", times))
    return rows


def make_panels():
    """All panels by name, each with the name of the control to move and values for it."""
    loaded = load_model(SHIPPED_WEIGHTS)
    model = loaded.model
    image, target = ShapesDataset(100, seed=115)[3]
    with torch.no_grad():
        batch, _ = model.transform([image])
        features = model.backbone(batch.tensors)
        logits = model.roi_heads.predict_masks(batch, features[:-1], [target["boxes"]])[0]
    label, twentieths = int(target["labels"][0]), [i / 20 for i in range(20)]
    return {
        "move the object": (move_panel(), "shift", range(1, 21)),
        "anchors and suppression": (anchors_panel(model, image), "threshold", twentieths),
        "level against size": (
            levels_panel(ShapesDataset(2, seed=115, image_size=256)[1][0]),
            "size",
            range(20, 220, 10),
        ),
        "sigmoid against softmax": (
            competition_panel(logits, label, loaded.categories),
            "boost",
            [i / 2 for i in range(1, 20)],
        ),
        "threshold and paste": (
            paste_panel(image, logits[label].sigmoid(), target["boxes"][0], target["masks"][0]),
            "threshold",
            twentieths[1:],
        ),
    }


def time_in_kernel(panels):
    """Rows as above, for the panels without a page."""
    rows = []
    for name, (panel, control, values) in panels.items():
        times = []
        for value in values:
            move = partial(setattr, panel.controls[control], "value", value)
            times.append(1000 * seconds_of(move))
        rows.append((f"panel: {name}, in the kernel", times[1:]))
    return rows


def time_in_jupyterlab(browser, folder, panels):
    """Rows as above, for the panels in a notebook, by the right arrow key on their sliders."""
    # The tests' own JupyterLab; a script's folder is on the path, the repository's root is not.
    sys.path.insert(0, str(ROOT))
    from tests.browser.jupyterlab import VIEWPORT, read_outputs, run_all_cells, start_jupyterlab

    sources = [MAKE_PANELS, *(SHOW_PANEL.format(name=name) for name in panels)]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    # Without a kernel's name JupyterLab would ask for one.
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.write(notebook, Path(folder) / PANELS_NOTEBOOK)
    rows = []
    with start_jupyterlab(Path(folder)) as address:
        page = browser.new_context(viewport=VIEWPORT).new_page()
        page.add_init_script(END_OF_FRAME)
        page.set_default_timeout(30_000)
        page.goto(f"{address}/lab/tree/{PANELS_NOTEBOOK}?reset")
        run_all_cells(page)
        for outputs in read_outputs(page):
            assert all(output["output_type"] != "error" for output in outputs), outputs
        for cell, (name, (panel, control, _)) in enumerate(panels.items(), start=1):
            shown = page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")
            shown = shown.filter(has=page.locator(".widget-slider"))
            slider = shown.locator(".widget-slider", has_text=panel.controls[control].description)
            shown.evaluate(WATCH)
            times = []
            for _ in range(PRESSES):
                page.wait_for_timeout(200)
                page.evaluate("window.elapsed = null")
                slider.locator(".noUi-handle").press("ArrowRight")
                page.wait_for_function("window.elapsed !== null")
                times.append(page.evaluate("window.elapsed"))
            rows.append((f"panel: {name}, in JupyterLab", times[1:]))
        page.context.close()
    return rows


def write_table(rows) -> None:
    """Write the medians and 95th percentiles to docs/explorer_timings.md, and print them."""
    cells = []
    for name, times in rows:
        high = statistics.quantiles(times, n=20, method="inclusive")[-1]
        cells.append([name, f"{statistics.median(times):.0f}", f"{high:.0f}"])
    lines = [
        "# The explorer's timings",
        "",
        f"`python benchmarks/explorer.py`, {platform.machine()}, headless Chromium without a GPU, "
        f"torch {torch.__version__}. In milliseconds: from the pointer's event to the end of the "
        "frame that shows it; for panels in the kernel from the slider's value to the encoded "
        "picture, and in JupyterLab from the key press on the slider to the end of the frame that "
        "shows the picture.",
        "",
        markdown_table(["what", "median", "95 %"], cells),
    ]
    write_text(DOCS / "explorer_timings.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


def draw_picture(browser, folder) -> None:
    """Take docs/explorer.png, the README's picture."""
    page = open_page(
        browser, folder, viewport={"width": 1120, "height": 760}, device_scale_factor=1.5
    )
    explorer = page.locator(".roi-explorer")
    clip = explorer.bounding_box()
    plot = page.locator(".roi-explorer .plot").bounding_box()
    clip["height"] = plot["y"] + plot["height"] - clip["y"]
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip, full_page=True))).convert("RGB")
    with write_atomically(DOCS / "explorer.png") as temporary:
        shot.quantize(256).save(temporary, optimize=True)
    print(f"wrote {DOCS / 'explorer.png'}")


def draw_link_picture(browser, folder) -> None:
    """Take the page's first picture: the scene, and what the network is given of it."""
    page = open_page(
        browser, folder, "#step=0", viewport={"width": 1120, "height": 1000}, device_scale_factor=2
    )
    shot = Image.open(io.BytesIO(page.locator(".roi-explorer").screenshot())).convert("RGB")
    shot = ImageOps.pad(shot, LINK_SIZE, Image.Resampling.LANCZOS, color="white")
    with write_atomically(LINK_PICTURE) as temporary:
        shot.quantize(256).save(temporary, optimize=True)
    print(f"wrote {LINK_PICTURE}")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", action="store_true", help="only draw the pictures")
    options = parser.parse_args()
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        if options.picture:
            draw_picture(browser, folder)
            draw_link_picture(browser, folder)
        else:
            panels = make_panels()
            in_kernel = time_in_kernel(panels)
            in_jupyterlab = time_in_jupyterlab(browser, folder, panels)
            beside = [row for pair in zip(in_kernel, in_jupyterlab) for row in pair]
            write_table(time_drags(browser, folder) + beside)
        browser.close()


if __name__ == "__main__":
    main()
