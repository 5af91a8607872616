"""A few tests once more with what Windows lacks taken away; for more: make test-windows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUN = "test_second_run_in_the_same_folder_is_refused_before_it_touches_anything"
CHOSEN = (
    f"tests/engine/test_lock.py::{RUN}",
    "tests/engine/test_survival.py::test_kill_9_during_a_checkpoint_write[before renaming]",
    "tests/models/test_paste.py",
)


@pytest.mark.once
@pytest.mark.skipif(os.name == "nt", reason="all tests run as on Windows there")
def test_training_surviving_and_detecting_need_nothing_that_windows_lacks():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.as_on_windows", *CHOSEN]
    # Not as a worker of pytest-xdist, which this process may be.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=600)
    assert run.returncode == 0, run.stdout.decode()


@pytest.mark.skipif(os.name == "nt", reason="it is so there")
@pytest.mark.parametrize(
    "code",
    [
        "import fcntl",
        "import os; os.fork()",
        "import mmap; mmap.mmap(-1, 4096, access=mmap.ACCESS_COPY)",
        "import multiprocessing; multiprocessing.get_context('fork').Process(target=print).start()",
        "print('→')",
    ],
)
def test_it_is_taken_away_from_every_process(code):
    paths = {"PYTHONPATH": str(ROOT / "tests" / "without_posix"), "PYTHONIOENCODING": "cp1252"}
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, **paths})
    assert run.returncode != 0
