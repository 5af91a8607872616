"""Where the project's own data is, and writing files so that a reader never sees half of one."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from mrcnn_lite.errors import InputError


def _find_shipped() -> Path:
    """The folder that holds data/, docs/ and notebooks/: in a clone, or in an installed wheel."""
    package = Path(str(files("mrcnn_lite"))).resolve()
    # The wheel carries them inside the package; see [tool.hatch.build.targets.wheel.sources].
    inside = package / "shipped"
    return inside if inside.is_dir() else package.parent


_SHIPPED = _find_shipped()
# What data/README.md describes. Lessons name it, because a notebook may lie in any folder.
DATA = _SHIPPED / "data"
# The mini model that `mrcnn-lite predict` takes if none is named.
SHIPPED_WEIGHTS = DATA / "weights" / "mini.safetensors"
NOTEBOOKS = _SHIPPED / "notebooks"
# What was measured, each with the command that measured it.
RESULTS = _SHIPPED / "docs" / "results"
# What strict nbval leaves out of its comparison.
NBVAL_SETTINGS = _SHIPPED / "tests" / "nbval_sanitize.cfg"

# What a temporary file is known by as one of ours, and the whole of its name.
TEMPORARY_MARK = ".mrcnn-lite.tmp"
_TEMPORARY_NAME = re.compile(
    r"\..*\.[0-9a-f]{8}" + re.escape(TEMPORARY_MARK) + r"(\..*)?", re.DOTALL
)
# A disk that is full, over its quota, bounded in the size of a file, read-only or failing.
_DISK_ERRORS = {
    getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO")
} - {None}


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it over `path` once the block has succeeded.

    The temporary file is synced to disk before the rename and the folder after it, so that after a
    crash, or without power, `path` is either the old file or the whole new one. If the block
    raises, `path` is untouched and the temporary file is gone. The temporary name keeps the suffix,
    because libraries choose formats by it.

    Args:
        path: the file to write; its folder is made if it is missing.

    Raises:
        InputError: the folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{TEMPORARY_MARK}{path.suffix}")
    try:
        with naming_what_is_written(path):
            # A new file, under a name that nobody can guess and point elsewhere by a link.
            open(temporary, "xb").close()
            yield temporary
            # For writing, since Windows syncs no file that is open for reading only.
            with open(temporary, "r+b") as file:
                os.fsync(file.fileno())
            # Windows refuses this while another program has `path` open.
            os.replace(temporary, path)
            _sync_folder(path.parent)
    finally:
        # A writer that failed may still have it open, and Windows then keeps it; what matters is
        # the writer's error, and the next run deletes it.
        with contextlib.suppress(PermissionError):
            temporary.unlink(missing_ok=True)


@contextmanager
def naming_what_is_written(path: str | Path) -> Iterator[None]:
    """Say which file cannot be written, which the system's own error leaves out.

    Raises:
        InputError: the disk is full or read-only, or the file is not the user's to write.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, PermissionError) or error.errno in _DISK_ERRORS:
            raise InputError(f"cannot write {path}: {error.strerror}") from error
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write a text file as `write_atomically` does: in UTF-8, with the same bytes on every system.

    Raises:
        InputError: the folder cannot be made or written.
    """
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def write_new_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` once the block has succeeded.

    If the block raises, nothing is left.

    Args:
        path: the folder to make. It may exist if it is empty; then it stays the same folder, which
            somebody's shell may be in, and gets the content.

    Raises:
        InputError: `path` is not a new or an empty folder, or cannot be written, or the disk is
            full.
    """
    path = Path(path).absolute()
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{path} already holds something; name a new or an empty folder")
    make_folder(path.parent)
    with (
        naming_what_is_written(path),
        tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.tmp.") as beside,
    ):
        folder = Path(beside, path.name)
        folder.mkdir()
        yield folder
        if not path.exists():
            folder.rename(path)
            return
        for child in folder.iterdir():
            # Where the folder is a disk of its own, this copies.
            shutil.move(child, path / child.name)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that `write_atomically` left in a folder when it was killed.

    For whoever has locked the folder: another process's may still be in use.
    """
    for path in folder.iterdir():
        if _TEMPORARY_NAME.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def make_folder(path: str | Path) -> Path:
    """Make the folder `path` (and its parents) and check that files can be made in it.

    Raises:
        InputError: it cannot be made, is not a folder, or is not writable.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise InputError(f"cannot write to the folder {path}: {error.strerror}") from error
    return path


def check_file_can_be_written(path: str | Path) -> None:
    """Find out before long work, not after it, whether its result can be written to `path`.

    Raises:
        InputError: `path` is a folder, or its folder cannot be made or written.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    make_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Write a folder's list of names to disk, where the system can do that."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
