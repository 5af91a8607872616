"""Python imports this first of all; see tests/as_on_windows.py.

It takes away what Windows does not have, or does otherwise, in every process that finds this folder
on its PYTHONPATH. What the package then does on Linux is what it does where these never were.
"""

import mmap
import multiprocessing
import os
import sys

# No module of POSIX locks, and none of limits.
sys.modules["fcntl"] = None
sys.modules["resource"] = None

# No fork; so everything that another process is given has to be pickled.
multiprocessing.set_start_method("spawn", force=True)
multiprocessing.get_all_start_methods = lambda: ["spawn"]
del os.fork


class _RenameToNewName:
    """Renaming replaces nothing; os.replace does.

    No function, which the pathlib of Python 3.10 would take for a method, as it does not os.rename.
    """

    def __init__(self):
        self.rename = os.rename

    def __call__(self, source, target, **options):
        if os.path.lexists(target):
            raise FileExistsError(17, "a file of this name exists", target)
        self.rename(source, target, **options)


os.rename = _RenameToNewName()

# No set of cores that a process may use.
del os.sched_getaffinity


class _Map(mmap.mmap):
    """A map without a file behind it cannot be copied on writing."""

    def __new__(cls, fileno, length, *arguments, **options):
        if fileno == -1 and options.get("access") == mmap.ACCESS_COPY:
            raise OSError(22, "no anonymous copy-on-write map")
        return super().__new__(cls, fileno, length, *arguments, **options)


mmap.mmap = _Map
