"""The stand-alone page, opened from disk without a network: its box and numbers, by hand."""

import pytest

from mrcnn_lite.explore.explorer.widget import BEYOND, BOX

from .by_hand import DESK, choose, drag, enter, pixels_per_pixel, root, settle, wait_until
from .shown import as_number, assert_shown, shown_box, shown_error

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
    "offline": True,
}


def test_at_the_beginning_the_star_is_misread(page):
    assert_shown(root(page), BOX)


def test_box_is_dragged_by_mouse(page):
    x1, y1, x2, y2 = BOX
    drag(page, ".body", 13, -9)
    assert_shown(root(page), (x1 + 13, y1 - 9, x2 + 13, y2 - 9))
    drag(page, ".body", -400, 400)
    end = 256 + BEYOND
    assert_shown(root(page), (-BEYOND, end - (y2 - y1), x2 - x1 - BEYOND, end))


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
        ("x", "99999", "at most 176"),
        ("x", "-50", "at least −32"),
        ("width", "0", "at least 1"),
        ("width", "-40", "at least 1"),
        ("height", "1e300", "at most 207"),
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
        assert -BEYOND <= x1 < x2 <= 256 + BEYOND
        assert -BEYOND <= y1 < y2 <= 256 + BEYOND
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
