"""The stand-alone page's explorer, used by hand: what every test of it does."""

import json

from .shown import shown_box

DESK = {"viewport": {"width": 1280, "height": 1000}, "offline": True}
AFTER_A_FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


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
