"""What axe-core finds wrong for people who see, hear or move otherwise."""

import pytest


def faults(page) -> list[str]:
    """Name axe-core's violations in an open page, each with the first element that it names."""
    sync_playwright = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe-core: pip install -e '.[browser]'"
    )
    # Without `preload`, which fetches style sheets: from disk no page may.
    options = {"resultTypes": ["violations"], "preload": False}
    found = sync_playwright.Axe().run(page, options=options).response["violations"]
    return [f"{fault['id']}: {fault['nodes'][0]['html']}" for fault in found]
