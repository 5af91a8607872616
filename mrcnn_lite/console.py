"""Printing where the console, or the file that output goes to, lacks a sign (cp1252, ASCII).

There Python ends the program for a "±" or for the name of a class; here the sign's code is shown.
"""

import os
import shlex
import subprocess
import sys
from io import TextIOWrapper


def allow_every_sign() -> None:
    """Let this process print anything, by its own `print` or a library's."""
    for stream in (sys.stdout, sys.stderr):
        # A notebook's streams are of another class, and know every sign.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Print a text without a change to the process's streams, which are the caller's."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def quoted(path: str | os.PathLike) -> str:
    """Write a path as one word of a command for the user to copy: blanks need quotation marks."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))
