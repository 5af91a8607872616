"""One run per folder: a lock that its process holds for as long as it lives."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mrcnn_lite.engine import distributed
from mrcnn_lite.errors import InputError

# Not just ".lock", which may be another program's.
LOCK_NAME = ".mrcnn-lite.lock"
# Where the lock is a file with its owner's name, the first try clears away a dead process's file.
PATIENCE = 1.0


@contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder for as long as the block lasts; a job's first process does.

    However the process ends, the next may have the folder. filelock sees to this on every system:
    by `flock` (and a forked worker does not inherit it), by Windows' `LockFileEx`, and where a
    system or a disk has neither, by a file that names its owner, which is asked whether it lives.
    It follows no link that somebody else has put in the lock's place.

    Raises:
        InputError: another process has the folder, or the lock cannot be made.
    """
    if not distributed.is_first():
        yield
        return
    lock = FileLock(folder / LOCK_NAME)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise InputError(
            f"another process is training in {folder}: end it first (or, if there is none on any "
            f"machine, delete {lock.lock_file})"
        ) from None
    except OSError as error:
        raise InputError(f"cannot lock {lock.lock_file}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
