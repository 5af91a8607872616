"""Headless Chromium, driven by Playwright; tests are skipped where either is missing."""

import shutil
from collections.abc import Callable

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="session")
def browser():
    """A Chromium for the whole session."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright: pip install -e '.[browser]'"
    )
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        except sync_api.Error as error:
            reason = str(error).splitlines()[0]
            pytest.skip(f"no Chromium: install the package `chromium` ({reason})")
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser) -> Callable:
    """Open an address in a context of its own; at the end the test must have left no complaint.

    That is: no error and no warning in the console, no uncaught exception, and no request to any
    other host than 127.0.0.1 (to none at all from a file).
    """
    contexts, complaints = [], []

    def note_request(request):
        if not request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1", "ws://127")):
            complaints.append(f"request to {request.url}")

    def open_it(address: str, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("request", note_request)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.on(
            "console",
            lambda message: (
                complaints.append(f"console: {message.text}") if message.type == "error" else None
            ),
        )
        page.goto(address)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
