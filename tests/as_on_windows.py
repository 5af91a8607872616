"""Runs tests with what Windows lacks taken away: python -m pytest -p tests.as_on_windows ...

So a part of what only Windows would show is seen on Linux, too: no fcntl, no fork, no anonymous
copy-on-write map, a console of one byte a character. It holds for pytest's own process and for all
that it starts.
"""

import os
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "without_posix"

paths = [str(FOLDER), os.environ.get("PYTHONPATH", "")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
os.environ["PYTHONIOENCODING"] = "cp1252"
if hasattr(os, "fork"):  # else this is a process of pytest-xdist, which Python began with the file
    runpy.run_path(str(FOLDER / "sitecustomize.py"))


# Tests of what cannot be there.
SKIPPED = {
    "test_pixels_outside_the_boxes_take_no_memory": "only copy-on-write maps take none",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip them, with the reason."""
    for item in items:
        if item.name in SKIPPED:
            item.add_marker(pytest.mark.skip(reason=SKIPPED[item.name]))


def pytest_report_header() -> str:
    """Say so at the top of pytest's report."""
    return "as on Windows: without fcntl, fork and anonymous copy-on-write maps, console in cp1252"
