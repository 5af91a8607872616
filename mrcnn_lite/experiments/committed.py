"""What was measured and committed in docs/results: reading it."""

import json
from typing import Any

from mrcnn_lite.errors import InputError
from mrcnn_lite.files import RESULTS


def read_results(name: str) -> dict[str, Any]:
    """Read committed results, such as those of table "2b".

    Raises:
        InputError: there are none of this name.
    """
    path = RESULTS / f"{name}.json"
    if not path.exists():
        known = ", ".join(sorted(known.stem for known in RESULTS.glob("*.json")))
        raise InputError(f"no results are called {name!r}; there are {known}")
    return json.loads(path.read_text("utf-8"))


def seeds_of(
    summary: dict[str, Any], row: str, kind: str = "segm", measure: str = "AP"
) -> list[float]:
    """List what a row of a table came to, seed by seed.

    Args:
        summary: see `mrcnn_lite.experiments.results.summarise`.
        row: its name.
        kind: "segm" or "bbox".
        measure: one of pycocotools' twelve, such as "AP75" or "AP_small".
    """
    (runs,) = (entry["runs"] for entry in summary["rows"] if entry["name"] == row)
    return [run["metrics"][kind][measure] for run in sorted(runs, key=lambda run: run["seed"])]
