"""What the pictures of tables, of their gains and of seeds show."""

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mrcnn_lite.experiments.draw_seeds import draw_intervals, draw_pairs
from mrcnn_lite.experiments.draw_tables import VERDICT_STYLES, figure_of_gains
from mrcnn_lite.experiments.verdicts import CANNOT_TELL, CONTRADICTS, SAME_DIRECTION


def claim(low: float, high: float, paper: float | None) -> dict:
    found = {"gain": (low + high) / 2, "low": low, "high": high}
    figures = {} if paper is None else {"AP": paper, "AP75": paper}
    names = {"better": "A", "base": "B", "kind": "segm", "claim": "gain", "paper": figures}
    return {**names, "AP": found, "AP75": found}


@pytest.fixture
def gains() -> Figure:
    claims = [claim(0.1, 0.3, 0.2), claim(-0.3, 0.1, None), claim(-0.3, -0.1, 0.2)]
    return figure_of_gains([{"table": "2x", "comparisons": claims}], ("AP",))


def test_gains_are_drawn_with_interval_paper_and_verdict(gains):
    (axes,) = gains.axes
    said = [text.get_text().strip() for text in axes.texts]
    assert said == [f"{SAME_DIRECTION}, as large", CANNOT_TELL, CONTRADICTS]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2][:3]
    assert lines[0].get_xdata() == pytest.approx([10, 30])
    papers = [line for line in axes.lines if line.get_marker() == "|"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in papers] == [
        (pytest.approx(20), 0),
        (pytest.approx(20), 2),
    ]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "2x: A, mask AP\nover B"


def test_a_contradiction_has_a_colour_and_a_marker_of_its_own(gains):
    for key in ("color", "marker"):
        styles = [style[key] for name, style in VERDICT_STYLES.items() if name != CONTRADICTS]
        assert VERDICT_STYLES[CONTRADICTS][key] not in styles
    drawn = [line.get_marker() for line in gains.axes[0].lines if len(line.get_xdata()) == 1]
    assert drawn == ["o", "|", "o", "X", "|"]


def test_an_interval_that_misses_is_dashed():
    axes = Figure().subplots()
    draw_intervals(axes, [(0.0, 1.0), (0.4, 0.6), (-2.0, -1.0)], truth=0.5)
    inside, also, outside, _ = axes.lines
    assert inside.get_linestyle() == also.get_linestyle() == "-"
    assert outside.get_linestyle() != "-"
    assert to_hex(outside.get_color()) != to_hex(inside.get_color())


def test_pairs_are_joined_seed_by_seed():
    axes = Figure().subplots()
    draw_pairs(axes, {"A": [1.0, 2.0], "B": [3.0, 1.0]})
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[1.0, 3.0], [2.0, 1.0]]
    assert [list(line.get_ydata()) for line in axes.lines[2:]] == [[1.5, 1.5], [2.0, 2.0]]
