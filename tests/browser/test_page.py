"""The stand-alone page, opened from disk without a network, used as its readers use it."""

import json

import pytest
from PIL import Image

from mrcnn_lite.explore.explorer.page import write_page
from mrcnn_lite.explore.explorer.web_sources import SYNCED, module_source, style_source
from mrcnn_lite.explore.explorer.widget import BOX, Explorer

from .shown import as_number, assert_shown, shown_box, shown_error

DESK = {"viewport": {"width": 1280, "height": 1000}, "offline": True}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
    "offline": True,
}
AFTER_A_FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "misalignment.html"
    write_page(path)
    return path.as_uri()


@pytest.fixture(scope="module")
def shapes(address):
    """All controls, on the scene that the explorer has in a notebook, too."""
    return f"{address}#scene=shapes"


@pytest.fixture(scope="module")
def shared_page(module_pages, shapes):
    page = module_pages(shapes, **DESK)
    page.wait_for_selector("[data-field=x]")
    return page


@pytest.fixture
def page(shared_page):
    """The page on a desk, as at the beginning; opened once for all tests."""
    shared_page.locator("[data-do=reset]").click()
    shared_page.evaluate("scrollTo(0, 0)")
    settle(shared_page)
    return shared_page


def root(page):
    return page.locator(".roi-explorer")


def settle(page):
    page.evaluate(AFTER_A_FRAME)


def wait_until(page, condition):
    """Wait for an expression; `wait_for_function` would be barred by the page's policy."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")


def pixels_per_pixel(page):
    """How large an image pixel is on the screen, from the size of the box."""
    x1, _, x2, _ = shown_box(root(page))
    return page.locator(".handle.body").bounding_box()["width"] / (x2 - x1)


def drag(page, handle, dx, dy, steps=8):
    """Drag a handle of the box by whole image pixels."""
    place = page.locator(f".handle{handle}").bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    zoom = pixels_per_pixel(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx * zoom, y + dy * zoom, steps=steps)
    page.mouse.up()
    settle(page)


def enter(page, name, text):
    field = page.locator(f"[data-field={name}]")
    field.fill(text)
    field.press("Enter")
    settle(page)


def choose(page, name, value):
    page.locator(f"[data-choice={name}][value={json.dumps(str(value))}]").check(force=True)
    settle(page)


def test_at_the_beginning_the_star_is_misread(page):
    assert_shown(root(page), BOX)


def test_box_is_dragged_by_mouse(page):
    x1, y1, x2, y2 = BOX
    drag(page, ".body", 13, -9)
    assert_shown(root(page), (x1 + 13, y1 - 9, x2 + 13, y2 - 9))
    drag(page, ".body", -400, 400)
    assert_shown(root(page), (0, 256 - (y2 - y1), x2 - x1, 256))


@pytest.mark.parametrize(
    ("handle", "signs"), [(".se", (0, 0, 1, 1)), (".nw", (1, 1, 0, 0)), (".zone.e", (0, 0, 1, 0))]
)
def test_box_is_resized_by_mouse(page, handle, signs):
    drag(page, handle, 11, 6)
    moves = (11, 6, 11, 6)
    assert_shown(root(page), tuple(e + s * m for e, s, m in zip(BOX, signs, moves)))


def test_box_turned_inside_out_stays_a_pixel_wide(page):
    drag(page, ".se", -200, -200)
    x1, y1, x2, y2 = shown_box(root(page))
    assert (x2 - x1, y2 - y1) == (1, 1)
    assert_shown(root(page), (x1, y1, x2, y2))


def test_box_follows_the_keyboard(page):
    x1, y1, x2, y2 = BOX
    page.locator(".handle.body").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    settle(page)
    assert_shown(root(page), (x1 - 14, y1 - 1, x2 - 14, y2 - 1))
    page.locator(".handle.se").focus()
    page.keyboard.press("Shift+ArrowDown")
    settle(page)
    assert_shown(root(page), (x1 - 14, y1 - 1, x2 - 14, y2 + 15))


def test_everything_can_be_reached_by_tab(page):
    reached = set()
    page.locator("body").press("Tab")
    for _ in range(60):
        reached.add(
            page.evaluate(
                "() => { const e = document.activeElement; return e.dataset.handle !== undefined ?"
                " 'handle ' + e.dataset.handle : e.dataset.field || e.dataset.slider && 'slider ' +"
                " e.dataset.slider || e.dataset.choice || e.dataset.do || e.type || ''; }"
            )
        )
        page.keyboard.press("Tab")
    wanted = {"operation", "handle ", "handle se", "x", "slider bins", "stride", "axis", "view"}
    assert wanted | {"slide", "reset", "file"} <= reached


def test_sliders_by_mouse_and_keyboard(page):
    slider = page.locator("[data-slider=bins]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert_shown(root(page), BOX, bins=8)
    place = slider.bounding_box()
    page.mouse.click(place["x"] + place["width"] - 3, place["y"] + place["height"] / 2)
    settle(page)
    assert_shown(root(page), BOX, bins=14)
    page.locator("[data-slider=x]").focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    x1, y1, x2, y2 = BOX
    assert_shown(root(page), (x1 - 1, y1, x2 - 1, y2), bins=14)


@pytest.mark.parametrize("operation", ["pool", "warp", "align_unaligned", "align"])
@pytest.mark.parametrize("stride", [4, 8, 16, 32])
def test_every_operation_and_stride(page, operation, stride):
    choose(page, "operation", operation)
    choose(page, "stride", stride)
    enter(page, "sampling_ratio", "2")
    enter(page, "row", "0")
    enter(page, "column", "6")
    settings = {"operation": operation, "stride": stride, "sampling_ratio": 2, "bin": (0, 6)}
    assert_shown(root(page), BOX, **settings)


def test_the_trap(page):
    """A box of 112 pixels on a ramp of stride 16: the three causes, apart."""
    enter(page, "width", "112")
    enter(page, "height", "112")
    enter(page, "y", "64")
    whole = {"pool": [], "warp": [], "align_unaligned": [], "align": []}
    for x1, rounding in zip((64, 67, 71, 72, 75, 79), (0, -3, -7, 8, 5, 1)):
        enter(page, "x", str(x1))
        error = shown_error(root(page))
        assert [error[part][0] for part in ("half_pixel", "rounding", "maximum")] == [
            8,
            rounding,
            8,
        ]
        for operation, values in whole.items():
            text = page.locator(f"[data-error={operation}]").text_content()
            values.append(as_number(text))
    assert whole["pool"] == [16, 13, 9, 24, 21, 17]
    assert whole["warp"] == [8, 5, 1, 16, 13, 9]
    assert whole["align_unaligned"] == [8] * 6
    assert whole["align"] == [0] * 6


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x", "left", "must be a number"),
        ("x", "", "must be a number"),
        ("x", "NaN", "must be a number"),
        ("x", "Infinity", "must be a number"),
        ("y", "1e999", "must be a number"),
        ("x", "99999", "at most 144"),
        ("x", "-5", "at least 0"),
        ("width", "0", "at least 1"),
        ("width", "-40", "at least 1"),
        ("height", "1e300", "at most 175"),
        ("bins", "0", "at least 1"),
        ("bins", "1e9", "at most 14"),
        ("bins", "2.5", "must be a whole number"),
        ("sampling_ratio", "1000000", "at most 6"),
        ("row", "7", "at most 6"),
        ("column", "<b>", "must be a number"),
    ],
)
def test_extreme_input_is_answered_in_words(page, name, text, words):
    enter(page, name, text)
    alert = page.get_by_role("alert")
    assert alert.is_visible()
    assert words in alert.text_content()
    if "must be" in words:
        assert page.locator(f"[data-field={name}]").get_attribute("aria-invalid") == "true"
        page.locator("[data-field=height]").focus()
        assert shown_box(root(page)) == BOX
    else:
        x1, y1, x2, y2 = shown_box(root(page))
        assert 0 <= x1 < x2 <= 256
        assert 0 <= y1 < y2 <= 256
        settings = {"bins": {"0": 1, "1e9": 14}.get(text, 7) if name == "bins" else 7}
        if name == "sampling_ratio":
            settings["sampling_ratio"] = 6
        if name == "row":
            settings["bin"] = (6, 3)
        assert_shown(root(page), (x1, y1, x2, y2), **settings)
    # It still answers: a right value is taken, and the words go.
    enter(page, "x", "70")
    assert shown_box(root(page))[0] == 70
    assert alert.text_content() == ""


def test_values_are_announced_once_the_box_rests(page):
    page.locator(".handle.body").focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, "document.querySelector('[role=status]').textContent.includes('62 to 174')")
    status = page.locator("[aria-live=polite]").text_content()
    assert "RoIPool at stride 16" in status
    assert "half pixel" in status


def test_every_control_has_a_name(page):
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('input, button, canvas, [role=slider]')].filter(e =>"
        " !e.closest('[aria-hidden=true]') && e.getAttribute('aria-hidden') !== 'true' &&"
        " !e.getAttribute('aria-label') && !(e.labels && e.labels.length) && !e.textContent.trim())"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
    assert page.get_by_role("slider").count() >= 10
    assert page.get_by_role("heading", level=1).count() == 1


def test_picture_of_the_readers_own(page, tmp_path):
    own, broken = tmp_path / "own.png", tmp_path / "broken.png"
    Image.new("RGB", (1200, 600), "navy").save(own)
    broken.write_text("no picture", encoding="utf-8")
    page.locator("input[type=file]").set_input_files(own)
    wait_until(page, "document.querySelector('[role=alert]').textContent.includes('512 × 256')")
    # The note is there at once, the numbers with the next frame.
    settle(page)
    right, lower = shown_box(root(page))[2:]
    assert right <= 512
    assert lower <= 256
    page.locator("input[type=file]").set_input_files(broken)
    wait_until(page, "document.querySelector('[role=alert]').textContent.includes('broken.png')")
    page.locator("[data-do=reset]").click()
    settle(page)
    assert_shown(root(page), BOX)


def test_buttons_of_the_text_drive_the_explorer(page):
    buttons = page.locator("button[data-set]")
    assert buttons.count() >= 6
    for i in range(buttons.count()):
        buttons.nth(i).click()
        settle(page)
        setting = json.loads(buttons.nth(i).get_attribute("data-set"))
        for name in {"operation", "stride"} & set(setting):
            chosen = page.locator(f"[data-choice={name}]:checked")
            assert chosen.get_attribute("value") == str(setting[name])
    assert_shown(root(page), shown_box(root(page)), stride=4)


def test_address_remembers_the_settings(page, open_page):
    choose(page, "stride", 8)
    enter(page, "x", "33")
    wait_until(page, "location.hash.includes('33')")
    again = open_page(page.url, **DESK)
    again.wait_for_selector("[data-field=x]")
    settle(again)
    assert_shown(root(again), (33, 81, 145, 188), stride=8)
    spoiled = "#scene=shapes&roi=[5,5,-9,1e9]&stride=7&operation=crop&bins=0&view=<b>&bin=[9]&x=1"
    odd = open_page(page.url.split("#")[0] + spoiled, **DESK)
    odd.wait_for_selector("[data-field=x]")
    settle(odd)
    assert_shown(root(odd), BOX)


def test_reset_returns_to_the_beginning_not_to_the_link(open_page, shapes):
    page = open_page(shapes + "&roi=[33,40,90,99]&stride=8&operation=align", **DESK)
    page.wait_for_selector("[data-field=x]")
    settle(page)
    assert shown_box(root(page)) == (33, 40, 90, 99)
    page.locator("[data-do=reset]").click()
    settle(page)
    assert_shown(root(page), BOX)


def test_a_link_leaves_out_the_box_of_a_picture_that_it_cannot_carry(page, tmp_path):
    own = tmp_path / "own.png"
    Image.new("RGB", (1200, 600), "navy").save(own)
    page.locator("input[type=file]").set_input_files(own)
    wait_until(page, "document.querySelector('[role=alert]').textContent.includes('512 × 256')")
    enter(page, "x", "300")
    wait_until(page, "!location.hash.includes('roi')")
    assert "stride" in page.evaluate("location.hash")
    # The text's buttons speak of the page's scene, and bring it back.
    page.locator("button[data-set]").first.click()
    settle(page)
    assert shown_box(root(page)) == (64, 72, 176, 184)
    assert_shown(root(page), (64, 72, 176, 184))


def test_box_slides_by_itself_unless_motion_is_unwanted(page, open_page, shapes):
    page.locator("[data-do=slide]").click()
    wait_until(page, f"Number(document.querySelector('[data-field=x]').value) > {BOX[0] + 3}")
    page.locator("[data-do=slide]").click()
    settle(page)
    assert_shown(root(page), shown_box(root(page)))

    still = open_page(shapes, **DESK, reduced_motion="reduce")
    still.locator("[data-do=slide]").click()
    still.wait_for_timeout(300)
    assert shown_box(root(still))[0] == BOX[0] + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["", "#step=3", "#scene=photograph"])
def test_layout_fits_every_width_and_theme(open_page, address, place, scheme):
    page = open_page(address + place, color_scheme=scheme, offline=True)
    page.wait_for_selector(".handle.body", state="attached")
    for width in (320, 390, 768, 1280, 1900):
        page.set_viewport_size({"width": width, "height": 800})
        wait_until(page, f"innerWidth === {width}")
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    background = page.evaluate(
        "getComputedStyle(document.querySelector('.roi-explorer')).backgroundColor"
    )
    dark = sum(map(int, background.removeprefix("rgb(").removesuffix(")").split(","))) < 200
    assert dark == (scheme == "dark")


def test_box_is_dragged_by_touch(open_page, shapes):
    page = open_page(shapes, **PHONE)
    page.wait_for_selector("[data-field=x]")
    settle(page)
    body = page.locator(".handle.body")
    body.scroll_into_view_if_needed()
    place, zoom = body.bounding_box(), pixels_per_pixel(page)
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    session = page.context.new_cdp_session(page)
    touch = lambda kind, *points: session.send(  # noqa: E731
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": px, "y": py} for px, py in points]},
    )
    touch("touchStart", (x, y))
    for share in (0.25, 0.5, 0.75, 1):
        touch("touchMove", (x + 20 * zoom * share, y + 10 * zoom * share))
    touch("touchEnd")
    settle(page)
    x1, y1, x2, y2 = BOX
    assert_shown(root(page), (x1 + 20, y1 + 10, x2 + 20, y2 + 10))


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


GIVEN = """() => Object.fromEntries(
  [...document.querySelectorAll(".operation .given")].map(canvas => [
    canvas.closest("label").querySelector("input").value, canvas.width && canvas.toDataURL()]))"""


def test_the_first_screen_shows_what_the_network_is_given(open_page, address):
    """Dragged by a pixel within a cell, RoIAlign's picture moves; the rounded ones stand still."""
    page = open_page(address, **DESK)
    page.wait_for_selector(".handle.body")
    wait_until(page, "document.querySelector('.given').width > 0")
    settle(page)
    before = page.evaluate(GIVEN)
    # Hidden in the guide, since it needs words.
    assert (
        before.pop("align_unaligned") == 0
        or not page.locator("label:has([value=align_unaligned])").is_visible()
    )
    for canvas in page.locator(".operation .given").all()[:2]:
        assert canvas.bounding_box()["y"] < DESK["viewport"]["height"]
    page.locator(".handle.body").focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    after = page.evaluate(GIVEN)
    moved = {name for name, picture in before.items() if after[name] != picture}
    assert moved == {"align"}
    page.keyboard.press("Shift+ArrowLeft")
    settle(page)
    later = page.evaluate(GIVEN)
    assert {name for name in before if later[name] != after[name]} == {"pool", "warp", "align"}


def test_the_guide_goes_step_by_step(open_page, address):
    page = open_page(address, **DESK)
    page.wait_for_selector(".handle.body")
    assert not page.locator(".controls").is_visible()
    sentences = []
    for number in range(1, 6):
        page.locator("[data-do=next]").click()
        settle(page)
        sentences.append(page.locator(".guide li:visible").text_content())
        assert page.locator("[data-do=number]").text_content() == f"{number} of 5"
    assert len(set(sentences)) == 5
    assert not page.locator("[data-do=next]").is_visible()
    wait_until(page, "location.hash === '#step=5'")
    page.locator("[data-do=back]").click()
    settle(page)
    assert page.locator("[data-do=number]").text_content() == "4 of 5"
    linked = open_page(f"{address}#step=3", **DESK)
    linked.wait_for_selector(".handle.body")
    assert linked.locator("[data-do=number]").text_content() == "3 of 5"
    linked.locator("[data-do=all]").click()
    settle(linked)
    assert linked.locator(".controls").is_visible()
    assert not linked.locator(".guide").is_visible()


def test_alerts_do_not_linger(page):
    page.clock.install()
    enter(page, "x", "99999")
    assert page.get_by_role("alert").text_content() != ""
    page.clock.run_for(20_000)
    assert page.get_by_role("alert").text_content() == ""


def test_a_burst_of_keys_is_announced_at_most_twice(open_page, shapes):
    page = open_page(shapes, **DESK)
    page.wait_for_selector("[data-field=x]")
    page.wait_for_timeout(800)
    live = "[aria-live], [role=status], [role=alert], [role=log], output"
    page.evaluate(
        "live => { window.said = 0; for (const node of document.querySelectorAll(live))"
        " new MutationObserver(() => said++).observe(node,"
        " {childList: true, characterData: true, subtree: true}); }",
        live,
    )
    page.locator(".handle.body").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1200)
    assert 1 <= page.evaluate("said") <= 2


def test_forced_colors_show_every_choice(open_page, shapes):
    page = open_page(shapes, **DESK, forced_colors="active")
    page.wait_for_selector("[data-field=x]")
    unlike = page.evaluate(
        """() => [...document.querySelectorAll(".choice")].map(choice => {
          const ground = (input) => getComputedStyle(input.nextElementSibling).backgroundColor;
          const [chosen] = choice.querySelectorAll("input:checked");
          const [other] = choice.querySelectorAll("input:not(:checked)");
          return ground(chosen) !== ground(other);
        })"""
    )
    assert len(unlike) == 4
    assert all(unlike)


def test_the_script_asks_for_one_layout_a_frame(page):
    """Layouts that it forces between its changes are counted by the browser itself."""
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
    # One that the script asks for, and the browser's own.
    assert layouts() - before <= 2 * 50 + 10


def test_explorers_beside_each_other_are_apart(open_page, tmp_path):
    """A notebook loads the module once for each of its explorers."""
    explorer = Explorer()
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
