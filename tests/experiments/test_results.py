"""What the tables' runs amount to: means, paired gains, and what is never overwritten."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments.ablate import ablate, plan
from mrcnn_lite.experiments.draw_tables import figure_of_gains
from mrcnn_lite.experiments.results import (
    STUDENT_T,
    check_not_larger,
    gain,
    page,
    summarise,
    write_again,
    write_results,
)
from mrcnn_lite.experiments.tables import TABLES

NAMES = ("AP", "AP50", "AP75")


@pytest.fixture
def finished(tmp_path):
    """Runs of table 2b, with made-up results: sigmoid is 0.1 better in every seed."""
    runs = plan("2b", tmp_path / "runs", seeds=3, steps=8)
    for run in runs:
        value = 0.2 + 0.05 * run.seed + (0.1 if run.model == "c4" else 0.0)
        run.path.mkdir(parents=True)
        result = {
            "model": run.model,
            "seed": run.seed,
            "settings": json.loads(json.dumps(run.describe())),
            "metrics": {kind: dict.fromkeys(NAMES, value) for kind in ("bbox", "segm")},
            "seconds": 60.0,
            "training": {"steps": 8, "batch_size": 8, "held_out": 32},
            "versions": {"torch": "0"},
        }
        (run.path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return runs


def test_student_quantiles_bound_95_percent():
    """Against an integral of the density."""
    x = np.linspace(0, 500, 5_000_001)
    for degrees, bound in enumerate(STUDENT_T, start=1):
        density = (1 + x**2 / degrees) ** (-(degrees + 1) / 2)
        density *= math.gamma((degrees + 1) / 2) / math.gamma(degrees / 2)
        density /= math.sqrt(degrees * math.pi)
        inside = density[x <= bound].sum() * (x[1] - x[0]) - density[0] * (x[1] - x[0]) / 2
        assert 2 * inside == pytest.approx(0.95, abs=1e-4)


def test_gain_is_paired():
    """Seeds that differ much, but agree on the difference, give a narrow interval."""
    found = gain([0.31, 0.42, 0.50], [0.21, 0.30, 0.41])
    differences = np.array([0.10, 0.12, 0.09])
    base = (0.21 + 0.30 + 0.41) / 3
    assert found["gain"] == pytest.approx(differences.mean() / base)
    half = 4.303 * differences.std(ddof=1) / math.sqrt(3) / base
    assert (found["low"], found["high"]) == pytest.approx(
        (found["gain"] - half, found["gain"] + half)
    )


@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=8), st.floats(0.1, 3))
def test_a_row_that_is_always_larger_by_one_factor_gains_that(base, factor):
    found = gain([factor * value for value in base], base)
    assert found["gain"] == pytest.approx(factor - 1, abs=1e-9)
    assert found["low"] <= found["gain"] + 1e-12
    assert found["gain"] <= found["high"] + 1e-12


def test_one_seed_has_no_interval_and_a_base_of_zero_no_gain():
    assert gain([0.2], [0.1]) == {"gain": pytest.approx(1), "low": None, "high": None}
    assert gain([0.2, 0.2], [0.0, 0.0]) == {"gain": None, "low": None, "high": None}


@pytest.mark.parametrize("value", [0.0, 0.2])
def test_a_table_of_one_seed_is_written_and_read_by_any_json(finished, tmp_path, value):
    """A quick look trains once, and may find nothing at all."""
    runs = [run for run in finished if run.seed == 0]
    for run in runs:
        result = run.result()
        result["metrics"] = {kind: dict.fromkeys(NAMES, value) for kind in ("bbox", "segm")}
        (run.path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    write_results(tmp_path, "2b", runs)

    def refuse(constant):
        raise AssertionError(constant)

    summary = json.loads((tmp_path / "2b.json").read_text("utf-8"), parse_constant=refuse)
    (claim,) = summary["comparisons"]
    assert claim["AP"] == {"gain": 0.0 if value else None, "low": None, "high": None}
    assert "| cannot tell |" in (tmp_path / "2b.md").read_text("utf-8")
    figure_of_gains([summary])


def test_a_table_is_written_again_from_its_runs(finished, tmp_path):
    write_results(tmp_path, "2b", finished)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("2b.*")}
    summary = json.loads((tmp_path / "2b.json").read_text("utf-8"))
    summary["rows"][0]["paper"], summary["comparisons"] = {}, []
    (tmp_path / "2b.json").write_text(json.dumps(summary), encoding="utf-8")
    write_again(tmp_path, "2b")
    assert {path.name: path.read_bytes() for path in tmp_path.glob("2b.*")} == before


def test_a_summary_has_every_run_means_and_the_paper(finished):
    summary = summarise("2b", finished)
    softmax, sigmoid = summary["rows"]
    assert [result["seed"] for result in sigmoid["runs"]] == [0, 1, 2]
    assert sigmoid["mean"]["segm"]["AP"] == pytest.approx(0.35)
    assert sigmoid["deviation"]["segm"]["AP"] == pytest.approx(0.05)
    assert softmax["paper"]["segm"] == {"AP": 24.8, "AP50": 44.1, "AP75": 25.1}
    (claim,) = summary["comparisons"]
    assert claim["AP"]["gain"] == pytest.approx(0.1 / 0.25)
    assert claim["AP"]["high"] - claim["AP"]["low"] == pytest.approx(0, abs=1e-9)
    assert claim["paper"]["AP"] == pytest.approx(30.3 / 24.8 - 1)
    assert summary["command"] == "mrcnn-lite ablate 2b --seeds 3 --steps 8"


def test_the_page_has_our_figures_beside_the_papers(finished):
    text = page(summarise("2b", finished))
    assert "| sigmoid | 35.0 ± 5.0 | 35.0 ± 5.0 | 35.0 ± 5.0 | 35.0 ± 5.0 |" in text
    assert "30.3 / 51.2 / 31.5 (R50-C4)" in text
    assert (
        "| sigmoid, over softmax | mask AP | +40 % (+40 to +40) | +22 % | same direction | "
        "1.8 times as large |" in text
    )


def test_the_page_says_how_a_claim_without_figures_is_judged(finished):
    summary = summarise("2b", finished)
    note = "Where the paper's column is empty, it has no figure; the direction is then judged by"
    assert note not in page(summary)
    del summary["comparisons"][0]["paper"]["AP75"]
    assert note in page(summary)


def test_a_larger_table_is_not_overwritten(finished, tmp_path):
    out = tmp_path / "out"
    write_results(out, "2b", finished)
    assert {path.name for path in out.iterdir()} == {"2b.json", "2b.md", "2b.png"}
    check_not_larger(out, "2b", plan("2b", tmp_path, seeds=3, steps=8))
    check_not_larger(out, "2b", plan("2b", tmp_path, seeds=5, steps=9))
    for fewer in ({"seeds": 2, "steps": 8}, {"seeds": 3, "steps": 7}):
        with pytest.raises(InputError, match=r"3 seeds of 8 steps.*--out"):
            check_not_larger(out, "2b", plan("2b", tmp_path, **fewer))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("2b.json", "notes"),
        ("2b.json", '{"seeds": null}'),
        ("2b.json", "[]"),
        ("2b.md", "# Mine"),
        ("2b.png", "mine"),
    ],
)
def test_a_file_that_is_no_table_is_not_overwritten(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"{name} is no table's.*--out"):
        ablate(["2b"], tmp_path, tmp_path / "runs", seeds=1, steps=1)
    assert (tmp_path / name).read_text("utf-8") == text


def test_a_result_that_is_no_runs_is_not_taken(finished, tmp_path):
    for text in ("notes", "{}", "[]"):
        (finished[0].path / "result.json").write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"result\.json is no run's"):
            finished[0].result()


def test_results_of_other_settings_are_not_taken(finished):
    path = finished[0].path / "result.json"
    result = json.loads(path.read_text("utf-8"))
    result["settings"]["crowded"] = True
    path.write_text(json.dumps(result), encoding="utf-8")
    with pytest.raises(InputError, match="other settings"):
        summarise("2b", finished)


def test_the_papers_figures_are_percent_and_rows_name_models_once():
    for table in TABLES.values():
        names = [row.name for row in table.rows]
        assert len(set(names)) == len(names)
        assert len({row.model for row in table.rows}) == len(names)
        for claim in table.comparisons:
            assert {claim.better, claim.base} <= set(names)
        for row in table.rows:
            for figures in (row.paper_mask, row.paper_box):
                assert all(15 < figure < 65 for figure in figures)
                assert bool(row.paper_model) or not figures
