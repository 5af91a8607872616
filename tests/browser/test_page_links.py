"""What the page keeps in its address, brings back, and takes from its readers."""

import json

from PIL import Image

from mrcnn_lite.explore.explorer.widget import BOX

from .by_hand import DESK, choose, enter, root, settle, wait_until
from .shown import assert_shown, shown_box


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
    # The last of them reaches beyond the map.
    assert_shown(root(page), (-32, 72, 80, 184))


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


def take_own_picture(page, tmp_path, size=(1200, 600)):
    own = tmp_path / "own.png"
    Image.new("RGB", size, "navy").save(own)
    page.locator("input[type=file]").set_input_files(own)
    wait_until(page, "document.querySelector('[role=alert]').textContent.includes('Your picture')")
    return page.evaluate("explorer.get('picture')")


def test_a_preset_keeps_the_readers_picture_and_offers_its_own_scene(page, tmp_path):
    own = take_own_picture(page, tmp_path)
    page.locator("button[data-set]").first.click()
    settle(page)
    assert page.evaluate("explorer.get('picture')") == own
    assert shown_box(root(page)) == (64, 72, 176, 184)
    offer = page.locator(".offer")
    assert "This is your own picture; the text speaks of shapes." in offer.text_content()
    offer.get_by_role("button", name="Show shapes").click()
    settle(page)
    assert page.evaluate("explorer.get('picture')") != own
    assert_shown(root(page), (64, 72, 176, 184))
    # And back again.
    offer.get_by_role("button", name="Show it again").click()
    settle(page)
    assert page.evaluate("explorer.get('picture')") == own
    assert not offer.is_visible()


def test_the_guide_and_reset_keep_the_readers_picture_at_hand(page, tmp_path):
    own = take_own_picture(page, tmp_path)
    page.locator("[data-do=guide]").click()
    page.locator("[data-do=next]").click()
    settle(page)
    assert page.evaluate("explorer.get('picture')") == own
    offer = page.locator(".offer")
    assert "the steps speak of the photograph" in offer.text_content()
    offer.get_by_role("button", name="Show the photograph").click()
    settle(page)
    assert page.evaluate("explorer.get('scene_size')") == [256, 256]
    assert page.evaluate("explorer.get('picture')") != own
    page.locator("[data-do=all]").click()
    offer.get_by_role("button", name="Show it again").click()
    settle(page)
    page.locator("[data-do=reset]").click()
    settle(page)
    assert page.evaluate("explorer.get('picture')") != own
    assert offer.is_visible()
    page.locator("[data-scene=shapes]").click()


def test_button_copies_the_link_to_what_is_set(open_page, shapes):
    page = open_page(shapes, **DESK)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.wait_for_selector("[data-field=x]")
    enter(page, "x", "33")
    # At once: the address is written only after a pause.
    page.get_by_role("button", name="Copy link").click()
    wait_until(page, "document.querySelector('.said').textContent === 'Link copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url
    assert "roi=%5B33%2C" in copied
    again = open_page(copied, **DESK)
    again.wait_for_selector("[data-field=x]")
    assert shown_box(root(again))[0] == 33


def test_copying_says_what_to_do_where_a_page_may_not(open_page, address):
    page = open_page(address, **DESK)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.get_by_role("button", name="Copy link").click()
    wait_until(page, "document.querySelector('.said').textContent === 'Copy the address above'")
