"""The lessons' panels in a browser, beside each other as in a notebook, against the package."""

import json

import pytest
import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.explore.panels import (
    anchors_panel,
    competition_panel,
    levels_panel,
    move_panel,
    paste_panel,
)
from mrcnn_lite.explore.panels.web_sources import module_source, style_source
from mrcnn_lite.files import SHIPPED_WEIGHTS

from .axe import faults
from .by_hand import DESK, settle, wait_until

HEAD = """<!doctype html><html lang="en"><title>Panels</title>
<meta name="viewport" content="width=device-width"><style>"""
# A notebook loads the module once for each of its panels.
SHOW = """<script type="module">{module}
const state = {state};
const model = {{ get: (key) => state[key], set: (key, value) => (state[key] = value),
  on() {{}}, off() {{}}, save_changes() {{}} }};
const el = document.createElement("div");
document.querySelector("main").append(el);
render({{ model, el }});</script>"""
PLAIN = module_source().replace("export default { render };", "")


@pytest.fixture(scope="module")
def panels():
    """All kinds of panels, and a second one of the first kind."""
    loaded = load_model(SHIPPED_WEIGHTS)
    image, target = ShapesDataset(100, seed=115)[3]
    box, truth = target["boxes"][0], target["masks"][0]
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(len(loaded.categories) + 1, 14, 14, generator=generator)
    return [
        levels_panel(image),
        levels_panel(image, size=20),
        anchors_panel(loaded.model, image),
        competition_panel(logits, 2, loaded.categories, boost=4),
        paste_panel(image, logits[2].sigmoid(), box, truth),
        move_panel(shift=5),
    ]


@pytest.fixture(scope="module")
def address(panels, tmp_path_factory):
    path = tmp_path_factory.mktemp("panels") / "panels.html"
    states = [json.dumps(panel.state()).replace("</", "<\\/") for panel in panels]
    shown = "".join(SHOW.format(module=PLAIN, state=state) for state in states)
    page = f"{HEAD}{style_source()}</style><main><h1>Panels</h1></main>{shown}"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


def open_all(open_it, address, **options):
    page = open_it(address, **{**DESK, **options})
    wait_until(page, "document.querySelectorAll('.mrcnn-panel .status:not(:empty)').length === 6")
    return page


@pytest.fixture(scope="module")
def opened(module_pages, address):
    return open_all(module_pages, address)


@pytest.fixture
def page(opened):
    """The panels as at the beginning; opened once for all tests."""
    for button in opened.locator("[data-do=reset]").all():
        button.click()
    settle(opened)
    return opened


def shown(page, number) -> dict[str, str]:
    """What stands above the figures of a panel, by their names."""
    figures = page.locator(".mrcnn-panel").nth(number).locator("figure")
    pairs = "figures => figures.map(f => [f.dataset.figure, f.firstChild.textContent])"
    return dict(figures.evaluate_all(pairs))


def slider(page, number, name):
    return page.locator(".mrcnn-panel").nth(number).locator(f"[data-slider={name}]")


def press(page, number, name, key, times=1):
    slider(page, number, name).focus()
    for _ in range(times):
        page.keyboard.press(key)
    settle(page)


def wanted(panel, values) -> dict[str, str]:
    """The same from the package's functions: the parts of it that are computed."""
    found = panel.compute(**values)
    if panel.kind == "levels":
        return {"box": f"Level P{found.level}: stride {2**found.level}"}
    if panel.kind == "anchors":
        return {"kept": f"Kept at an IoU of {values['threshold']:g}: {len(found.kept)}"}
    if panel.kind == "competition":
        return {"rival": f"Rival: {found.names[1]} (sigmoid)"}
    if panel.kind == "paste":
        return {"overlap": f"IoU with the truth: {round(found.iou, 2):g}"}
    return {"pool": f"RoIPool: change {found.change['pool']:.3f}"}


def assert_shown(page, panels, number, **values) -> None:
    panel = panels[number]
    expected = wanted(panel, {**panel.values, **values})
    assert shown(page, number).items() >= expected.items()


def pictures(page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('canvas')].map(c => c.toDataURL())")


def test_each_shows_what_the_package_computes(page, panels):
    for number in range(len(panels)):
        assert_shown(page, panels, number)
    widths = page.locator(".mrcnn-panel canvas").evaluate_all("all => all.map(c => c.width)")
    assert min(widths) >= 100


def test_keys_move_one_and_leave_the_others_alone(page, panels):
    moves = {0: ("size", 1), 2: ("threshold", 0.05), 4: ("threshold", 0.05), 5: ("shift", 1)}
    for number, (name, step) in moves.items():
        before = [shown(page, other) for other in range(len(panels))]
        press(page, number, name, "ArrowRight", 3)
        value = round(panels[number].values[name] + 3 * step, 6)
        field = page.locator(".mrcnn-panel").nth(number).locator(f"[data-field={name}]")
        assert float(field.input_value()) == value
        assert_shown(page, panels, number, **{name: value})
        after = [shown(page, other) for other in range(len(panels))]
        changed = [other for other in range(len(panels)) if before[other] != after[other]]
        assert changed == [number]
        assert slider(page, number, name).get_attribute("aria-valuetext").startswith(f"{value:g}")


def test_mouse_and_typing_do_the_same(page, panels):
    anchors = page.locator(".mrcnn-panel").nth(2)
    track = slider(page, 2, "level")
    track.scroll_into_view_if_needed()
    place = track.bounding_box()
    track.click(position={"x": place["width"] - 3, "y": place["height"] / 2})
    field = anchors.locator("[data-field=threshold]")
    field.fill("0,3")
    field.press("Enter")
    settle(page)
    assert_shown(page, panels, 2, level=3, threshold=0.3)
    field.fill("1.7")
    field.press("Enter")
    assert "1.7 was changed to 1" in anchors.get_by_role("alert").text_content()
    field.fill("much")
    field.press("Enter")
    assert "must be a number" in anchors.get_by_role("alert").text_content()
    settle(page)
    assert_shown(page, panels, 2, level=3, threshold=1.0)
    anchors.get_by_role("button", name="Reset").click()
    settle(page)
    assert_shown(page, panels, 2)


def test_choices_by_keys_and_by_mouse(page, panels):
    rivals = page.locator(".mrcnn-panel").nth(3).locator("[data-choice=rival]")
    rivals.first.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    second = panels[3].controls[0]["options"][1][1]
    assert_shown(page, panels, 3, rival=second)
    # The radio button lies, unseen, over its words.
    page.locator(".mrcnn-panel [data-choice=stride][value='32']").click()
    settle(page)
    assert_shown(page, panels, 5, stride=32)
    assert rivals.nth(1).is_checked()


def test_every_control_changes_a_picture_and_reset_brings_it_back(page, panels):
    before = pictures(page)
    for number, panel in enumerate(panels):
        for control in panel.controls:
            name = control["name"]
            if "options" not in control:
                key = "ArrowLeft" if panel.values[name] > control["low"] else "ArrowRight"
                earlier = pictures(page)
                press(page, number, name, key, 2)
                assert pictures(page) != earlier, (panel.kind, name)
    for button in page.locator("[data-do=reset]").all():
        button.click()
    settle(page)
    assert pictures(page) == before


def test_beside_each_other_no_two_names_are_the_same(page):
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids)) > 6
    labels = page.locator(".mrcnn-panel").nth(1).get_by_text("size of the box (pixels)")
    labels.click()
    field = page.locator(".mrcnn-panel").nth(1).locator("[data-field=size]")
    assert field.evaluate("field => field === document.activeElement")


def test_a_burst_of_keys_is_announced_at_most_twice(page):
    page.wait_for_timeout(800)
    page.evaluate(
        "() => { window.said = 0; for (const node of"
        " document.querySelectorAll('[role=status], [role=alert]')) new MutationObserver("
        "() => said++).observe(node, {childList: true, characterData: true, subtree: true}); }"
    )
    press(page, 0, "size", "ArrowRight", 20)
    page.wait_for_timeout(1200)
    assert 1 <= page.evaluate("said") <= 2
    status = page.locator(".mrcnn-panel .status").first.text_content()
    assert status.startswith("A box of 84 pixels is read from level P2")


def test_the_script_asks_for_one_layout_a_frame(page):
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def layouts() -> int:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "LayoutCount")

    before, presses = layouts(), 30
    for number in range(presses):
        press(page, 2, "threshold", "ArrowRight" if number % 2 else "ArrowLeft")
    # One that the script asks for, and the browser's own.
    assert layouts() - before <= 2 * presses + 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, address, scheme):
    page = open_all(open_page, address, color_scheme=scheme)
    assert faults(page) == []
    ground = page.evaluate("getComputedStyle(document.querySelector('.mrcnn-panel')).color")
    assert (sum(map(int, ground[4:-1].split(","))) > 380) == (scheme == "dark")


def test_forced_colors_show_every_choice(open_page, address):
    page = open_all(open_page, address, forced_colors="active")
    unlike = page.evaluate(
        """() => [...document.querySelectorAll(".choice")].map(choice => {
          const ground = (input) => getComputedStyle(input.nextElementSibling).backgroundColor;
          const [chosen] = choice.querySelectorAll("input:checked");
          const [other] = choice.querySelectorAll("input:not(:checked)");
          return ground(chosen) !== ground(other);
        })"""
    )
    assert unlike == [True, True]


def test_phone_and_zoom_need_no_sideways_scroll(open_page, address):
    page = open_all(open_page, address)
    for width in (390, 320, 640, 1024):
        page.set_viewport_size({"width": width, "height": 800})
        fits = "document.documentElement.scrollWidth <= innerWidth"
        wait_until(page, f"innerWidth === {width} && {fits}")
