"""How the command line reads its options' values; what it cannot read gets a clear word."""

import argparse
import json
import re
from pathlib import Path


def path(text: str) -> Path:
    """Read a path; an empty one, a shell variable that is not set, would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, got an empty text")
    return Path(text)


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    return _whole(text, least=1)


def not_negative(text: str) -> int:
    """Read a whole number from 0 on."""
    return _whole(text, least=0)


def _whole(text: str, least: int) -> int:
    # Seeds are the largest numbers anybody gives; PyTorch takes 64 bits, NumPy any.
    if not text.lstrip("+-").isdigit() or not least <= int(text) < 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, got {text}")
    return int(text)


def rate(text: str) -> float:
    """Read a number that is not negative."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number that is not negative, got {text}")
    return value


def score(text: str) -> float:
    """Read a number from 0 to 1."""
    value = rate(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text}")
    return value


def setting(text: str) -> tuple[str, object]:
    """Read NAME=VALUE, the value in JSON or as it stands."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def lesson_numbers(text: str) -> list[str]:
    """Read the numbers of lessons with commas between them, such as 02,11b; 2 means 02."""
    numbers = text.split(",")
    if not all(re.fullmatch(r"\d\d?[a-z]?", number) for number in numbers):
        raise argparse.ArgumentTypeError(
            f"expected numbers of lessons as 02,03, without blanks, got {text!r}"
        )
    return ["0" + number if len(number) == 1 else number for number in numbers]


def ids(text: str) -> list[int]:
    """Read numbers with commas between them."""
    if not all(number.isdigit() for number in text.split(",")):
        raise argparse.ArgumentTypeError(f"expected ids as 3,14,15, without blanks, got {text!r}")
    return [int(number) for number in text.split(",")]
