"""What was left out of a file or mended in it: collected while it is read, then said in a line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mrcnn_lite.errors import InputError

MOST_NAMES = 20


class Notes:
    """For each kind of fault the annotations that have it."""

    def __init__(self) -> None:
        self._faults: dict[str, dict[int, int]] = {}

    def add(self, fault: str, annotation_id: int) -> None:
        """Note a fault of an annotation, which may have it several times."""
        times = self._faults.setdefault(fault, {})
        times[annotation_id] = times.get(annotation_id, 0) + 1

    def lines(self) -> list[str]:
        """A line for each kind of fault: how often, and the ids of the first twenty annotations."""
        return [
            f"{fault}: {sum(times.values())} (annotations {listed(list(times))})"
            for fault, times in self._faults.items()
        ]


def listed(names: Sequence[object], most: int = MOST_NAMES) -> str:
    """The first names, with commas, and how many more there are."""
    more = len(names) - most
    return ", ".join(map(str, names[:most])) + (f" and {more} more" if more > 0 else "")


def short(value: object, most: int = 60) -> str:
    """Write a value as it stands in a file, cut off where it is long."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


@contextmanager
def naming(annotation: Mapping[str, Any]) -> Iterator[None]:
    """Let an InputError within say which annotation it is about."""
    try:
        yield
    except InputError as error:
        raise InputError(f"annotation {annotation['id']} {error}") from None
