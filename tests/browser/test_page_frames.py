"""What a frame of the explorer costs, and explorers beside each other."""

import json

from mrcnn_lite.explore.explorer.web_sources import SYNCED, module_source, style_source
from mrcnn_lite.explore.explorer.widget import Explorer

from .by_hand import DESK, choose, enter, settle, wait_until


def test_a_long_drag_never_freezes_the_page(page):
    """Frames go on, whatever the pointer does; each of them within a fraction of a second."""
    choose(page, "stride", 4)
    enter(page, "bins", "14")
    slowest = page.evaluate(
        """async () => {
          const handle = document.querySelector(".handle.se");
          const at = (kind, x, y) => handle.dispatchEvent(new PointerEvent(kind,
            { clientX: x, clientY: y, pointerId: 1, button: 0, buttons: 1, bubbles: true }));
          handle.setPointerCapture = () => {};
          let slowest = 0;
          at("pointerdown", 300, 300);
          for (let i = 0; i < 40; i++) {
            const start = performance.now();
            at("pointermove", 300 + 2000 * Math.sin(i), 300 + 2000 * Math.cos(i));
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            slowest = Math.max(slowest, performance.now() - start);
          }
          at("pointerup", 300, 300);
          return slowest;
        }"""
    )
    assert slowest < 2000


def test_a_frame_needs_one_layout(page):
    """The browser itself counts them: those that a script asks for between its changes, too."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def layouts():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "LayoutCount")

    before = layouts()
    page.evaluate(
        """async () => {
          const body = document.querySelector(".handle.body");
          for (let i = 0; i < 50; i++) {
            const key = i % 2 ? "ArrowRight" : "ArrowLeft";
            body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          }
        }"""
    )
    # The browser's own: the script asks for none, nor does a transition.
    assert layouts() - before <= 50 + 5


def test_explorers_beside_each_other_are_apart(open_page, tmp_path):
    """A notebook loads the module once for each of its explorers."""
    explorer = Explorer(causes="all")
    settings = json.dumps({name: getattr(explorer, name) for name in SYNCED})
    script = (
        module_source().replace("export default { render };", "")
        + f"""
      const values = {settings};
      const model = {{ get: (key) => values[key], set: (key, value) => (values[key] = value),
        on() {{}}, off() {{}}, save_changes() {{}} }};
      const el = document.createElement("div");
      document.body.append(el);
      render({{ model, el }});"""
    )
    path = tmp_path / "two.html"
    scripts = "".join(f'<script type="module">{script}</script>' for _ in range(4))
    path.write_text(f"<body><style>{style_source()}</style>{scripts}</body>", encoding="utf-8")
    page = open_page(path.as_uri(), **DESK)
    wait_until(page, "document.querySelectorAll('.roi-explorer').length === 4")
    settle(page)
    explorers = page.locator(".roi-explorer")
    for number, operation in enumerate(("warp", "align", "pool", "align_unaligned")):
        choice = explorers.nth(number).locator(f"[data-choice=operation][value={operation}]")
        choice.check(force=True)
    settle(page)
    chosen = page.locator("[data-choice=operation]:checked")
    values = [one.get_attribute("value") for one in chosen.all()]
    assert values == ["warp", "align", "pool", "align_unaligned"]
    explorers.nth(2).get_by_text("left edge x1", exact=True).click()
    assert (
        explorers.nth(2)
        .locator("[data-field=x]")
        .evaluate("field => field === document.activeElement")
    )
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
