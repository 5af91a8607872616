"""Headless Chromium, driven by Playwright; tests are skipped where either is missing."""

import contextlib
import shutil
from collections.abc import Callable, Iterator

import pytest

from mrcnn_lite.explore.explorer.page import write_page

from .by_hand import DESK, settle

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


@contextlib.contextmanager
def watched_pages(browser) -> Iterator[Callable]:
    """Open addresses in contexts of their own, none of which may leave a complaint.

    That is: an error in the console, an uncaught exception, or a request to any other host than
    127.0.0.1 (from a file to any at all, since its contexts are offline).
    """
    contexts, complaints = [], []

    def note_request(request):
        if not request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1")):
            complaints.append(f"request to {request.url}")

    def note_message(message):
        if message.type == "error":
            complaints.append(f"console: {message.text}")

    def open_it(address: str, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("request", note_request)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.on("console", note_message)
        page.goto(address)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def open_page(browser):
    """Open watched pages that live as long as a test."""
    with watched_pages(browser) as open_it:
        yield open_it


@pytest.fixture(scope="module")
def module_pages(browser):
    """Open watched pages that live as long as a file of tests."""
    with watched_pages(browser) as open_it:
        yield open_it


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "misalignment.html"
    write_page(path)
    return path.as_uri()


@pytest.fixture(scope="module")
def shapes(address):
    """All controls, on the scene that the explorer has in a notebook, too."""
    return f"{address}#scene=shapes"


@pytest.fixture(scope="module")
def shared_page(module_pages, shapes):
    page = module_pages(shapes, **DESK)
    page.wait_for_selector("[data-field=x]")
    return page


@pytest.fixture
def page(shared_page):
    """The page on a desk, as at the beginning but with all causes; opened once for all tests."""
    shared_page.locator("[data-do=reset]").click()
    settle(shared_page)
    shared_page.locator("[data-switch=causes]").check()
    shared_page.evaluate("scrollTo(0, 0)")
    settle(shared_page)
    return shared_page
