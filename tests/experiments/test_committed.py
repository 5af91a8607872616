"""Reading committed results."""

import json

import pytest

from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments import committed
from mrcnn_lite.experiments.committed import read_results, seeds_of


def test_read_results(tmp_path, monkeypatch):
    monkeypatch.setattr(committed, "RESULTS", tmp_path)
    (tmp_path / "2b.json").write_text(json.dumps({"table": "2b"}), encoding="utf-8")
    assert read_results("2b") == {"table": "2b"}
    (tmp_path / "text.json").write_text(json.dumps({"table": "text"}), encoding="utf-8")
    with pytest.raises(InputError, match=r"^no results are called '2z'; there are 2b, text$"):
        read_results("2z")


def test_seeds_come_in_their_order():
    runs = [
        {"seed": seed, "metrics": {"segm": {"AP": seed / 10}, "bbox": {"AP75": seed / 5}}}
        for seed in (1, 2, 0)
    ]
    summary = {"rows": [{"name": "other", "runs": []}, {"name": "sigmoid", "runs": runs}]}
    assert seeds_of(summary, "sigmoid") == [0.0, 0.1, 0.2]
    assert seeds_of(summary, "sigmoid", "bbox", "AP75") == [0.0, 0.2, 0.4]
