"""A neighbour: another program that keeps one core busy, as on a student's laptop."""

import subprocess
import sys
from contextlib import contextmanager

NOTHING = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


@contextmanager
def busy_core():
    """A process that does nothing, as fast as it can, as long as this one is there."""
    process = subprocess.Popen([sys.executable, "-c", NOTHING])
    try:
        yield
    finally:
        process.kill()
        process.wait()
