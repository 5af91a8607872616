"""The page's first screen, the six steps from the grid to the mask, and the masks."""

import matplotlib

from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.explore.explorer.masks import slide_masks
from mrcnn_lite.explore.explorer.page import write_page
from mrcnn_lite.explore.explorer.widget import BOX
from mrcnn_lite.files import SHIPPED_WEIGHTS

from .by_hand import DESK, root, settle, wait_until
from .shown import assert_shown

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
    for number in range(1, 7):
        page.locator("[data-do=next]").click()
        settle(page)
        sentences.append(page.locator(".guide li:visible").text_content())
        assert page.locator("[data-do=number]").text_content() == f"{number} of 6"
    assert len(set(sentences)) == 6
    assert not page.locator("[data-do=next]").is_visible()
    wait_until(page, "location.hash === '#step=6'")
    page.locator("[data-do=back]").click()
    settle(page)
    assert page.locator("[data-do=number]").text_content() == "5 of 6"
    linked = open_page(f"{address}#step=3", **DESK)
    linked.wait_for_selector(".handle.body")
    assert linked.locator("[data-do=number]").text_content() == "3 of 6"
    linked.locator("[data-do=all]").click()
    settle(linked)
    assert linked.locator(".controls").is_visible()
    assert not linked.locator(".guide").is_visible()


def test_masks_by_rounding_jump_and_by_roialign_do_not(open_page, address):
    """What the page shows at each place is what the package computes there."""
    page = open_page(f"{address}#step=6", **DESK)
    wait_until(page, "document.querySelectorAll('.masks figure').length === 4")
    assert not page.locator(".roi-explorer").is_visible()
    assert not page.locator("[data-mask=align_unaligned]").is_visible()
    slid = slide_masks(load_model(SHIPPED_WEIGHTS).model)
    slider = page.locator("#shift-of-box")
    slider.focus()
    page.keyboard.press("Home")
    middle = len(slid.shifts) // 2
    for place in range(len(slid.shifts)):
        for name, ious in slid.ious.items():
            shown = page.locator(f"[data-mask={name}] figcaption b").text_content()
            assert abs(float(shown) - ious[place].item()) < 0.0051
        if place == middle:
            assert page.locator(".shift").text_content() == "0 pixels"
        page.keyboard.press("ArrowRight")
    steps = {name: ious.diff().abs().max() for name, ious in slid.ious.items()}
    assert min(steps["pool"], steps["warp"]) > 2 * steps["align"]


def test_masks_follow_a_drag(open_page, address):
    page = open_page(f"{address}#step=6", **DESK)
    canvas = page.locator("[data-mask=pool] canvas")
    wait_until(page, "document.querySelector('.masks img, .masks canvas').width > 0")
    before = canvas.evaluate("canvas => canvas.toDataURL()")
    place = canvas.bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + place["width"] / 12, y, steps=4)
    page.mouse.up()
    assert page.locator(".shift").text_content().startswith("+")
    assert canvas.evaluate("canvas => canvas.toDataURL()") != before


def test_page_without_the_photograph_speaks_of_the_star(open_page, tmp_path, monkeypatch):
    """Debian's matplotlib comes without its sample data."""
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    path = tmp_path / "misalignment.html"
    write_page(path)
    page = open_page(path.as_uri(), **DESK)
    page.wait_for_selector(".handle.body")
    for number in range(6):
        settle(page)
        text = page.locator(".guide li:visible").text_content()
        assert "head" not in text
        assert "71" not in text
        if number == 2:
            assert "61 / 16 = 3.81" in text
        page.locator("[data-do=next]").click()
    page.locator("[data-do=all]").click()
    page.locator("[data-do=reset]").click()
    settle(page)
    assert_shown(root(page), BOX)
    assert page.locator("[data-scene]").all_text_contents() == ["shapes"]
    assert "Hopper" not in page.content()
