"""The page's first screen, and the five steps from the grid to RoIAlign."""

from .by_hand import DESK, settle, wait_until

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
