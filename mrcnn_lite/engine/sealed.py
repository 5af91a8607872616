"""Files that tell whether a bit of them has changed since they were written.

Each carries the SHA-256 of all that it holds besides. In a checkpoint, which is a zip file, that is
the zip's comment; in a safetensors file it stands among the metadata. Other readers (`torch.load`,
safetensors) take no notice of either. Files from before there were digests are read, too; of those,
zip files have a CRC for each member, which PyTorch writes and does not read.
"""

import hashlib
import io
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import write_atomically

CHUNK = 2**20
# What a zip file ends with: a record of this size and first bytes, whose last two bytes are the
# length of the comment that follows it.
END_SIZE, END_MARK, NO_COMMENT = 22, b"PK\5\6", b"\0\0"
DIGEST_KEY = "sha256"
NO_DIGEST = "0" * 64
# The metadata of safetensors files that have no digest.
OLDER_METADATA = {"method", "model_config", "categories"}


class DamagedFileError(InputError):
    """A file is not whole: cut off, overwritten, or something else altogether."""


def save_sealed(path: str | Path, content: Any) -> None:
    """Do what `torch.save` does, atomically, and add the digest."""
    with write_atomically(path) as temporary, open(temporary, "wb") as file:
        writer = _DigestingWriter(file)
        try:
            torch.save(content, writer)
        except RuntimeError:
            # PyTorch says that it is not where it should be in the file, and not why.
            if writer.error is not None:
                raise writer.error from None
            raise
        comment = _comment(writer.digest.hexdigest())
        file.seek(-len(NO_COMMENT), io.SEEK_END)
        file.write(comment)


def check_sealed(path: str | Path) -> None:
    """Make sure that a file which `save_sealed` or `torch.save` has written is as it was.

    Raises:
        DamagedFileError: it is not.
        OSError: it cannot be read.
    """
    comment_size = len(_comment(NO_DIGEST))
    with open(path, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - END_SIZE, 0))
        end = file.read()
        if end.startswith(END_MARK) and end.endswith(NO_COMMENT):
            _check_members(path)
            return
        file.seek(0)
        digest = _digest(file, size - comment_size)
        digest.update(NO_COMMENT)
        comment = file.read()
    if comment != _comment(digest.hexdigest()):
        raise DamagedFileError(
            f"{path} cannot be read as a checkpoint: it has been cut off, or changed since it was "
            "written"
        )


def save_sealed_tensors(
    path: str | Path, tensors: dict[str, Tensor], metadata: dict[str, str]
) -> None:
    """Write a safetensors file, atomically, with the digest among its metadata."""
    content = save(tensors, {**metadata, DIGEST_KEY: NO_DIGEST})
    end = _header_end(content)
    digest = hashlib.sha256(content).hexdigest()
    header = content[:end].replace(NO_DIGEST.encode(), digest.encode(), 1)
    # Not save_file, which makes a file that only its owner may read.
    with write_atomically(path) as temporary, open(temporary, "wb") as file:
        file.write(header)
        file.write(memoryview(content)[end:])


def load_sealed_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file, and make sure that it is as it was written.

    Returns:
        tensors by name, and the metadata without the digest.

    Raises:
        DamagedFileError: it has changed, or is none.
        OSError: it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            _check_digest(path, metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (InputError, OSError, MemoryError):
        raise
    # What safetensors makes of a header that is none, or of a type that PyTorch lacks.
    except Exception as error:
        raise DamagedFileError(f"{path} cannot be read as safetensors: {error}") from error
    metadata.pop(DIGEST_KEY, None)
    return tensors, metadata


class _DigestingWriter:
    """Digests what is written to a file, and keeps the error if that fails."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.digest = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: memoryview) -> int:
        try:
            written = self.file.write(data)
        except OSError as error:
            self.error = error
            raise
        self.digest.update(data)
        return written

    def flush(self) -> None:
        self.file.flush()


def _comment(digest: str) -> bytes:
    """The length of a zip file's comment, and the comment."""
    text = f"{DIGEST_KEY} {digest}".encode()
    return struct.pack("<H", len(text)) + text


def _check_members(path: str | Path) -> None:
    """Compare the members of a zip file with their CRCs."""
    try:
        with zipfile.ZipFile(path) as file:
            changed = file.testzip()
    except (OSError, MemoryError):
        raise
    # What a damaged directory leads to: BadZipFile, NotImplementedError, zlib.error and others.
    except Exception as error:
        raise DamagedFileError(f"{path} cannot be read as a checkpoint: {error}") from error
    if changed is not None:
        raise DamagedFileError(
            f"{path} cannot be read as a checkpoint: {changed} has changed since it was written"
        )


def _check_digest(path: str | Path, metadata: dict[str, str]) -> None:
    """Compare a safetensors file with the digest among its metadata."""
    digest = metadata.get(DIGEST_KEY)
    if digest is None:
        # With a changed bit in its name a digest is not found.
        if not set(metadata) <= OLDER_METADATA:
            raise DamagedFileError(
                f"{path} is damaged, or no file of mrcnn-lite: there is no digest among its "
                f"metadata ({', '.join(sorted(metadata))})"
            )
        return
    with open(path, "rb") as file:
        length = file.read(8)
        header = file.read(_header_end(length) - len(length))
        # The digest is that of the file with zeros in the digest's place.
        header = header.replace(digest.encode(), NO_DIGEST.encode(), 1)
        found = _digest(file, begun=length + header)
    if digest != found.hexdigest():
        raise DamagedFileError(
            f"{path} cannot be read as safetensors: it has changed since it was written"
        )


def _header_end(content: bytes) -> int:
    """Where the header of a safetensors file ends: its length is in the first 8 bytes."""
    return 8 + int.from_bytes(content[:8], "little")


def _digest(file: BinaryIO, size: int | None = None, begun: bytes = b"") -> "hashlib._Hash":
    """Digest `begun` and the next `size` bytes of a file, or all that are left."""
    digest = hashlib.sha256(begun)
    left = sys.maxsize if size is None else max(size, 0)
    while chunk := file.read(min(CHUNK, left)):
        digest.update(chunk)
        left -= len(chunk)
    return digest
