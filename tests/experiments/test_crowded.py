"""Results by overlap: means, gaps between methods, and pairs told apart."""

import json
import statistics

import pytest

from mrcnn_lite.experiments.ablate import plan
from mrcnn_lite.experiments.crowded import page_of_overlap, summarise_overlap, write_overlap
from mrcnn_lite.experiments.overlap import OVERLAP_BINS


@pytest.fixture
def finished(tmp_path):
    """Runs of table fcis with made-up results: the gap grows by 0.05 from bin to bin."""
    runs = plan("fcis", tmp_path / "runs", seeds=2, steps=8)
    for run in runs:
        overlap = {}
        for place, name in enumerate(OVERLAP_BINS):
            value = 0.5 - 0.1 * place + 0.02 * run.seed
            value -= {"fcis": 0.05 * (place + 1), "fcn": 0.3 * (place > 0)}.get(run.model, 0)
            overlap[name] = {"AP": value, "AP50": value, "AP75": value, "num_instances": 10 + place}
        separated = {"fcn": 0, "fcis": 5, "c4-crowded": 6 + run.seed}[run.model]
        result = {
            "model": run.model,
            "settings": run.describe(),
            "metrics": {"overlap": overlap, "pairs": {"touching": 8, "separated": separated}},
        }
        run.path.mkdir(parents=True)
        (run.path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return runs


def test_gaps_are_those_of_the_means(finished):
    summary = summarise_overlap("fcis", finished)
    for place, name in enumerate(OVERLAP_BINS):
        found = summary["gaps"][name]
        assert found["points"] == pytest.approx(0.05 * (place + 1))
        base = statistics.fmean([0.45 - 0.15 * place, 0.47 - 0.15 * place])
        assert found["gain"] == pytest.approx(0.05 * (place + 1) / base)
    assert summary["num_instances"]["above 0.5"] == 13
    assert [row["separated"] for row in summary["rows"]] == [[0, 0], [5, 5], [6, 7]]


def test_the_page_names_bins_pairs_and_gaps(finished, tmp_path):
    text = page_of_overlap(summarise_overlap("fcis", finished))
    assert "overlap above 0.5 (13 instances)" in text
    assert "told apart, of 8 touching pairs" in text
    assert "| FCIS | 46.0 ± 1.4 |" in text
    assert "| 6, 7 |" in text
    write_overlap(tmp_path / "out", "fcis", finished)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"overlap.json", "overlap.md", "overlap.png"}
