"""How long a session takes, by the minutes that the lessons name in their headers.

    python -m mrcnn_lite.course.minutes "00, 01 parts A and B" "02 to read; 04"

One text is one session: lessons by number, whole or some of their parts; those "to read" without
their exercises. A whole lesson is one without its optional parts.
"""

import argparse
import re
import sys
from collections.abc import Sequence

from mrcnn_lite.course.lessons import find_lessons
from mrcnn_lite.course.notebooks import read_notebook
from mrcnn_lite.errors import InputError

# A part's line in a lesson's header.
PART = re.compile(
    r"^\*\*Part (?P<letter>[A-Z]) · (?P<name>.+)\*\* \((?P<reading>\d+) \+ (?P<exercises>\d+) "
    r"minutes\)\. You will be able to$",
    re.MULTILINE,
)
# How the name of a part ends that is not counted with the whole lesson.
OPTIONAL_PART = " (optional)"
_LETTERS = r"[A-Z](?:(?:, | and )[A-Z])*"
_ITEM = re.compile(
    rf"(?P<number>\d\d[a-z]?)(?: parts? (?P<letters>{_LETTERS}))?(?P<read> to read)?"
)
_SESSION = re.compile(rf"{_ITEM.pattern}(?:[,;] {re.sub(r'[?]P<.+?>', '?:', _ITEM.pattern)})*")


def session_minutes(session: str) -> tuple[int, int]:
    """Add up the minutes of a session.

    Args:
        session: such as "01 parts C, D and E, 02 part A" or "09; 11; 12 to read".

    Returns:
        minutes in all, and of them minutes of exercises.

    Raises:
        InputError: it reads otherwise, or there is no such lesson or part.
    """
    if not _SESSION.fullmatch(session):
        raise InputError(f'expected lessons as "00, 01 parts A and B; 12 to read", got "{session}"')
    reading = exercises = 0
    for item in _ITEM.finditer(session):
        (path,) = find_lessons([item["number"]])
        parts = {
            part["letter"]: part for part in PART.finditer(read_notebook(path).cells[0].source)
        }
        letters = re.findall("[A-Z]", item["letters"] or "") or [
            letter for letter, part in parts.items() if not part["name"].endswith(OPTIONAL_PART)
        ]
        for letter in letters:
            if letter not in parts:
                raise InputError(
                    f"lesson {item['number']} has the parts {', '.join(parts)}, and no {letter}"
                )
            reading += int(parts[letter]["reading"])
            exercises += 0 if item["read"] else int(parts[letter]["exercises"])
    return reading + exercises, exercises


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the minutes of each session and their sum; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mrcnn_lite.course.minutes",
        description="Add up the minutes that sessions take.",
        epilog='example: python -m mrcnn_lite.course.minutes "00, 01 parts A and B" "02; 03"',
    )
    parser.add_argument("sessions", nargs="+", metavar="SESSION", help="lessons and parts")
    sessions = parser.parse_args(arguments).sessions
    try:
        minutes = [session_minutes(session) for session in sessions]
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    for session, (whole, exercises) in zip([*sessions, "all"], [*minutes, _sum(minutes)]):
        print(f"{session}: {whole} minutes, {exercises} of them exercises")
    return 0


def _sum(minutes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(whole for whole, _ in minutes), sum(exercises for _, exercises in minutes)


if __name__ == "__main__":
    sys.exit(main())
