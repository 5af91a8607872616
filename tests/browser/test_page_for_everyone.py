"""The page without a mouse, without eyes, in other colours, and at any width."""

import pytest

from .by_hand import DESK, enter, wait_until


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["", "#step=3", "#scene=photograph"])
def test_layout_fits_every_width_and_theme(open_page, address, place, scheme):
    page = open_page(address + place, color_scheme=scheme, offline=True)
    page.wait_for_selector(".handle.body", state="attached")
    for width in (320, 390, 768, 1280, 1900):
        page.set_viewport_size({"width": width, "height": 800})
        # The box's handles follow with the next frame.
        fits = "document.documentElement.scrollWidth <= innerWidth"
        wait_until(page, f"innerWidth === {width} && {fits}")
    background = page.evaluate(
        "getComputedStyle(document.querySelector('.roi-explorer')).backgroundColor"
    )
    dark = sum(map(int, background.removeprefix("rgb(").removesuffix(")").split(","))) < 200
    assert dark == (scheme == "dark")


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
