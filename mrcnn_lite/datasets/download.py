"""Fetching a large file: checked, and gone on with where it broke off."""

import hashlib
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import make_folder

BLOCK = 2**20
SECONDS_TO_ANSWER = 60


def download(url: str, file: Path, md5: str) -> None:
    """Download a file with a progress bar, unless it is there; what came in part is kept.

    Args:
        url: of the file.
        file: where it is to lie. Until it is whole it lies beside, with ".part" after its name.
        md5: its checksum.

    Raises:
        InputError: it cannot be had, or what lies there is another file; the message says what to
            do.
    """
    if file.exists():
        if digest_of(file) != md5:
            raise InputError(f"{file} is another file than {url} (its MD5 is not {md5}): move it")
        return
    make_folder(file.parent)
    part = file.with_name(f"{file.name}.part")
    try:
        _fetch(url, part)
        if digest_of(part) != md5:
            part.unlink()
            raise OSError("what came is corrupted")
        part.replace(file)
    except (OSError, HTTPException) as error:
        kept = f"try again, which goes on from {part}, or " if part.exists() else ""
        raise InputError(
            f"cannot download {url} ({error}); {kept}fetch it by other means, put it at {file} "
            f"(MD5 {md5}), and try again"
        ) from error


def digest_of(file: Path) -> str:
    """Compute a file's MD5 sum."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(file, "rb") as content:
        while block := content.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _fetch(url: str, part: Path) -> None:
    """Append to `part` what it lacks, or begin anew where the server cannot go on."""
    done = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urlopen(request, timeout=SECONDS_TO_ANSWER)
    except HTTPError as error:
        # It lacks nothing; whether it is right is for its checksum to say.
        if done and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return
        raise
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            part.unlink(missing_ok=True)
        missing = response.headers["Content-Length"]
        with open(part, "ab") as target:
            before = target.tell()
            total = None if missing is None else before + int(missing)
            how = {"total": total, "initial": before, "unit": "B", "unit_scale": True}
            with tqdm(desc=f"fetching {part.stem}", **how) as progress:
                while block := response.read(BLOCK):
                    target.write(block)
                    progress.update(len(block))
            came = target.tell() - before
    # A connection that breaks off looks like the end.
    if missing is not None and came < int(missing):
        raise OSError(f"it broke off after {before + came:,} of {before + int(missing):,} bytes")
