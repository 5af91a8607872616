"""How long a reader waits: from a drag, or a key on a panel's slider, to the picture in the page.

    python benchmarks/explorer.py            # needs `pip install -e '.[browser]'` and a Chromium
    python benchmarks/explorer.py --picture  # only draws docs/explorer.png and docs/site's picture

From the event of the pointer, or of the key, to the end of the frame that shows its effect, in
headless Chromium without a GPU. It writes docs/explorer_timings.md.
"""

import argparse
import io
import json
import platform
import shutil
import statistics
import tempfile
from pathlib import Path

import torch
from PIL import Image, ImageOps
from playwright.sync_api import sync_playwright

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.experiments.pages import markdown_table
from mrcnn_lite.explore.explorer.page import write_page
from mrcnn_lite.explore.panels import (
    anchors_panel,
    competition_panel,
    levels_panel,
    move_panel,
    paste_panel,
)
from mrcnn_lite.explore.panels.web_sources import module_source, style_source
from mrcnn_lite.files import SHIPPED_WEIGHTS, write_atomically, write_text

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
# What a link to the site shows elsewhere, in the size that is usual there; the README's first.
LINK_PICTURE = DOCS / "site" / "static" / "social.png"
LINK_SIZE = (1200, 630)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
# Ten to warm up, and the 200 that count.
DRAGS = 210
PRESSES = 40
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
# Moves a panel's slider there and back by its own event, and waits for the end of the frame.
MOVE_SLIDER = """async ([place, name, number]) => {
  const panel = document.querySelectorAll(".mrcnn-panel")[place];
  const slider = panel.querySelector(`[data-slider="${name}"]`);
  const times = [];
  for (let i = 0; i < number; i++) {
    const start = performance.now();
    if (i % 20 < 10) slider.stepUp();
    else slider.stepDown();
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await endOfFrame();
    times.push(performance.now() - start);
  }
  return times;
}"""
SHOW_PANELS = """{module}
for (const state of {states}) {{
  const model = {{ get: (key) => state[key], set: (key, value) => (state[key] = value),
    on() {{}}, off() {{}}, save_changes() {{}} }};
  render({{ model, el: document.body }});
}}"""


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
    """All panels by name, each with the name of the control to move."""
    loaded = load_model(SHIPPED_WEIGHTS)
    model = loaded.model
    image, target = ShapesDataset(100, seed=115)[3]
    with torch.no_grad():
        batch, _ = model.transform([image])
        features = model.backbone(batch.tensors)
        logits = model.roi_heads.predict_masks(batch, features[:-1], [target["boxes"]])[0]
    label, large = int(target["labels"][0]), ShapesDataset(2, seed=115, image_size=256)[1][0]
    small = logits[label].sigmoid()
    return {
        "move the object": (move_panel(), "shift"),
        "anchors and suppression": (anchors_panel(model, image), "threshold"),
        "level against size": (levels_panel(large), "size"),
        "sigmoid against softmax": (competition_panel(logits, label, loaded.categories), "boost"),
        "threshold and paste": (
            paste_panel(image, small, target["boxes"][0], target["masks"][0]),
            "threshold",
        ),
    }


def time_panels(browser, folder, panels):
    """Rows as above, for the panels on a page of their own."""
    states = json.dumps([panel.state() for panel, _ in panels.values()]).replace("</", "<\\/")
    module = module_source().replace("export default { render };", "")
    script = SHOW_PANELS.format(module=module, states=states)
    path = Path(folder) / "panels.html"
    page_text = f'<style>{style_source()}</style><script type="module">{script}</script>'
    path.write_text(f"<!doctype html><body>{page_text}", encoding="utf-8")
    page = browser.new_context(offline=True, viewport={"width": 860, "height": 1000}).new_page()
    page.add_init_script(END_OF_FRAME)
    page.goto(path.as_uri())
    page.wait_for_timeout(1500)
    rows = []
    for place, (name, (_, control)) in enumerate(panels.items()):
        times = page.evaluate(MOVE_SLIDER, [place, control, PRESSES])[5:]
        rows.append((f"panel: {name}", times))
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
        f"torch {torch.__version__}. In milliseconds: from the event of the pointer, or of a "
        "panel's slider, to the end of the frame that shows it.",
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
            rows = time_drags(browser, folder)
            write_table(rows + time_panels(browser, folder, make_panels()))
        browser.close()


if __name__ == "__main__":
    main()
