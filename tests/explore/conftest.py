"""What the tests of the browser's arithmetic have in common."""

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def node() -> str:
    """A Node to run what the browser computes: the system's, or the one inside Playwright."""
    found = shutil.which("node")
    if found is None:
        try:
            import playwright
        except ImportError:
            pytest.skip("no Node.js: install it, or `pip install -e .[browser]`")
        name = "node.exe" if os.name == "nt" else "node"
        found = str(Path(playwright.__file__).parent / "driver" / name)
    return found
