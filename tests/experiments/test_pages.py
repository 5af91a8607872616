"""The committed pages are what the code makes of the committed numbers, to the byte."""

import json

import pytest

from benchmarks import busy_core, model, roi_ops, training_settings
from mrcnn_lite.experiments import (
    alignment,
    bf16_training,
    cells,
    crowded,
    fine_tuning,
    keypoints,
    pages,
    paste,
    penn_fudan,
    results,
    scaling_tables,
    segment_first,
)
from mrcnn_lite.files import RESULTS

TABLES = ("2a", "2b", "2c", "2d", "2e", "text", "fcis")
PAGES = {
    **dict.fromkeys(TABLES, results.page),
    "alignment": alignment.page_of_alignment,
    "cells": cells.page_of_cells,
    "overlap": crowded.page_of_overlap,
    "bf16_training": bf16_training.page_of_bf16,
    "fine_tuning": fine_tuning.page_of_fine_tuning,
    "keypoints": keypoints.page_of_keypoints,
    "paste": paste.page_of_paste,
    "penn_fudan": penn_fudan.page_of_penn_fudan,
    "segment_first": segment_first.page_of_segment_first,
    "busy_core": busy_core.page_of_busy_core,
    "model": model.page_of_model,
    "roi_ops": roi_ops.page_of_roi_ops,
    "training_settings": training_settings.page_of_settings,
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_come_from_the_numbers_beside_them(name):
    result = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    assert PAGES[name](result) == (RESULTS / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_what_is_said_of_a_tables_runs_follows_from_them(name):
    """Means, gains, and the paper's figures as they stand in `mrcnn_lite.experiments.tables`."""
    summary = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    runs = [run for row in summary["rows"] for run in row["runs"]]
    assert rounded(json.loads(json.dumps(results.put_together(name, runs)))) == rounded(summary)


def rounded(value):
    """JSON without the last digits of its numbers, which differ between versions of NumPy."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return (
        {name: rounded(part) for name, part in value.items()} if isinstance(value, dict) else value
    )


def test_the_tables_of_scaling_come_from_the_numbers_beside_them():
    result = json.loads((RESULTS / "scaling.json").read_text("utf-8"))
    document = (RESULTS.parent / "scaling.md").read_text("utf-8")
    for name, part in scaling_tables.make_tables(result).items():
        assert f"<!-- begin {name} -->\n{part}\n<!-- end {name} -->\n" in document


def test_a_document_is_filled_in_between_its_markers_only(tmp_path):
    document = tmp_path / "page.md"
    document.write_text(
        "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y -->\nkept\n<!-- end y -->\n",
        encoding="utf-8",
    )
    pages.fill_in(document, {"x": "new\nlines"})
    assert document.read_text("utf-8") == (
        "a\n<!-- begin x -->\nnew\nlines\n<!-- end x -->\nb\n"
        "<!-- begin y -->\nkept\n<!-- end y -->\n"
    )
