"""A box that reaches beyond the map: where that ends, what is read there, and in which words."""

import pytest

from mrcnn_lite.explore.measure.misalignment import slide
from mrcnn_lite.ops.by_name import OPERATIONS

from .by_hand import choose, drag, enter, root, settle
from .shown import assert_shown, shown_box

GIVEN = "name => document.querySelector(`[value=${name}] + span .given`).toDataURL()"


def empty_bins(operation, roi):
    """How many of the 49 bins read nothing, by the package."""
    bags = OPERATIONS[operation].bags((16, 16), slide(roi), 7, 1 / 16, -1)
    return int((bags.matrix().to_dense().sum(dim=1) == 0).sum())


@pytest.mark.parametrize("operation", ["pool", "warp", "align"])
def test_box_goes_beyond_the_map_by_hand(page, operation):
    choose(page, "operation", operation)
    words = page.locator(".beyond")
    assert words.text_content() == ""
    before = page.locator(".scene canvas").evaluate("canvas => canvas.toDataURL()")
    given = page.evaluate(GIVEN, operation)
    drag(page, ".body", -150, 150)
    roi = shown_box(root(page))
    assert roi == (-32, 181, 80, 288)
    assert_shown(root(page), roi, operation=operation)
    empty = empty_bins(operation, roi)
    assert empty > 0
    assert f"{empty} of 49 bins give 0" in words.text_content()
    assert page.locator(".scene canvas").evaluate("canvas => canvas.toDataURL()") != before
    assert page.evaluate(GIVEN, operation) != given
    # It is said, too, to those who see nothing.
    page.wait_for_timeout(700)
    assert "beyond the map" in page.locator(".status").text_content()


def test_box_goes_beyond_the_map_by_keys_and_numbers(page):
    page.locator(".handle.body").focus()
    for _ in range(8):
        page.keyboard.press("Shift+ArrowLeft")
    settle(page)
    assert shown_box(root(page))[0] == -32
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert shown_box(root(page))[0] == -32
    enter(page, "x", "-20")
    assert shown_box(root(page))[0] == -20
    assert_shown(root(page), shown_box(root(page)))
    page.locator(".handle.nw").focus()
    page.keyboard.press("Shift+ArrowUp")
    settle(page)
    assert_shown(root(page), shown_box(root(page)))


def test_handles_beyond_the_map_make_the_page_no_wider(page):
    enter(page, "x", "176")
    for width in (320, 640, 1280):
        page.set_viewport_size({"width": width, "height": 1000})
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
