"""The page without a mouse, without eyes, in other colours, and at any width."""

import pytest

from .by_hand import DESK, enter, settle, wait_until


def test_everything_can_be_reached_by_tab(page):
    reached = set()
    page.locator("body").press("Tab")
    for _ in range(60):
        reached.add(
            page.evaluate(
                "() => { const e = document.activeElement; return e.dataset.handle !== undefined ?"
                " 'handle ' + e.dataset.handle : e.dataset.field || e.dataset.slider && 'slider ' +"
                " e.dataset.slider || e.dataset.choice || e.dataset.switch || e.dataset.do ||"
                " e.type || ''; }"
            )
        )
        page.keyboard.press("Tab")
    wanted = {"operation", "handle ", "handle se", "x", "slider bins", "stride", "axis", "view"}
    assert wanted | {"causes", "slide", "reset", "file"} <= reached


def test_values_are_announced_once_the_box_rests(page):
    page.locator(".handle.body").focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, "document.querySelector('.status').textContent.includes('62 to 174')")
    status = page.locator(".status").text_content()
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


def test_rounding_leads_and_the_switch_says_what_it_adds(open_page, shapes):
    page = open_page(shapes, **DESK)
    page.wait_for_selector("[data-field=x]")
    settle(page)
    visible = lambda part: page.locator(part).first.is_visible()  # noqa: E731
    more = ("tr.half_pixel", "tr.maximum", "tr.total", "label:has([value=align_unaligned])")
    assert visible("tr.rounding")
    assert not any(map(visible, more))
    # Rounding alone, in the table, beside each operation and in words.
    assert page.locator("[data-error=pool]").text_content() == "+3 px"
    wait_until(page, "document.querySelector('.status').textContent !== ''")
    assert "rounding moves it by +3 pixels" in page.locator(".status").text_content()
    switch = page.get_by_role("switch", name="More: half pixel and maximum")
    words = page.locator(f"#{switch.get_attribute('aria-describedby')}")
    assert "half a stride, always" in words.text_content()
    switch.check()
    settle(page)
    assert all(map(visible, more))
    assert page.locator("[data-error=pool]").text_content() == "+19 px"
    wait_until(page, "location.hash.includes('causes=%22all%22')")


THEMED = """() => {
  const { body, documentElement: page } = document;
  body.dataset.vscodeThemeKind = "vscode-dark";
  body.className = "vscode-dark";
  page.style.setProperty("--vscode-editor-background", "#123456");
  page.style.setProperty("--vscode-editor-foreground", "#fedcba");
}"""


def test_theme_of_vs_code_is_read(open_page, shapes):
    page = open_page(shapes, **DESK, color_scheme="light")
    page.wait_for_selector("[data-field=x]")
    page.evaluate(THEMED)
    # Canvases are drawn again once the theme has changed.
    page.wait_for_timeout(900)
    ground, ink, accent = page.evaluate(
        """() => { const style = getComputedStyle(document.querySelector(".roi-explorer"));
        return [style.backgroundColor, style.color, style.getPropertyValue("--accent")]; }"""
    )
    assert (ground, ink) == ("rgb(18, 52, 86)", "rgb(254, 220, 186)")
    # What the theme does not say is the dark one's.
    assert accent == "#6cb6f5"
    assert page.locator(".plot canvas").evaluate(
        """canvas => { const { data } = canvas.getContext("2d")
          .getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.length; i += 4)
          if (data[i] === 254 && data[i + 1] === 220 && data[i + 2] === 186) return true;
        return false; }"""
    )


PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
# At 200 % a window of 1,280 x 1,000 pixels has half as many of the page's.
ZOOMED = {"viewport": {"width": 640, "height": 500}, "device_scale_factor": 2}


@pytest.mark.parametrize("screen", [PHONE, ZOOMED], ids=["phone", "200 %"])
@pytest.mark.parametrize("place", ["", "#step=2", "#step=6", "#scene=shapes&roi=[150,10,288,90]"])
def test_phone_and_zoom_need_no_sideways_scroll(open_page, address, place, screen):
    page = open_page(address + place, offline=True, **screen)
    page.wait_for_selector(".handle.body", state="attached")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("visualViewport.scale") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, address, scheme):
    """The rules of axe-core on every step of the guide, and on all controls."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(address, **DESK, color_scheme=scheme)
    page.wait_for_selector(".handle.body", state="attached")
    found = {}
    for place in range(8):
        settle(page)
        violations = axe.run(page).response["violations"]
        found[place] = [
            (rule["id"], [node["target"] for node in rule["nodes"]]) for rule in violations
        ]
        if place < 6:
            page.locator("[data-do=next]").click()
        elif place == 6:
            page.locator("[data-do=all]").click()
            page.locator("[data-switch=causes]").check()
    assert found == {place: [] for place in range(8)}
