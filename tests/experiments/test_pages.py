"""The committed pages are what the code makes of the committed numbers, to the byte."""

import json

import pytest

from mrcnn_lite.experiments import (
    alignment,
    bf16_training,
    crowded,
    paste,
    results,
    scaling,
    segment_first,
)
from mrcnn_lite.files import RESULTS

PAGES = {
    **dict.fromkeys(("2a", "2b", "2c", "2d", "2e", "text", "fcis"), results.page),
    "alignment": alignment.page_of_alignment,
    "overlap": crowded.page_of_overlap,
    "bf16_training": bf16_training.page_of_bf16,
    "paste": paste.page_of_paste,
    "segment_first": segment_first.page_of_segment_first,
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_come_from_the_numbers_beside_them(name):
    result = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    assert PAGES[name](result) == (RESULTS / f"{name}.md").read_text("utf-8")


def test_the_tables_of_scaling_come_from_the_numbers_beside_them():
    result = json.loads((RESULTS / "scaling.json").read_text("utf-8"))
    document = (RESULTS.parent / "scaling.md").read_text("utf-8")
    for name, part in scaling.make_tables(result).items():
        assert f"<!-- begin {name} -->\n{part}\n<!-- end {name} -->\n" in document
