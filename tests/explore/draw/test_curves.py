import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.curves import RECALL_LEVELS, draw_precision_recall, sample_envelope


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 3))
def test_samples_are_the_best_precision_from_there_on(is_right, missed):
    right = np.cumsum(is_right)
    if right[-1] + missed == 0:
        return
    precision, recall = right / np.arange(1, len(right) + 1), right / (right[-1] + missed)
    expected = [
        max((p for p, r in zip(precision, recall) if r >= level), default=0)
        for level in RECALL_LEVELS
    ]
    assert np.allclose(sample_envelope(precision, recall), expected)


def test_the_drawn_points_and_names():
    axes = Figure().subplots()
    draw_precision_recall(axes, [1, 0.5, 2 / 3], [0.25, 0.25, 0.5], names=["a", "b", "d"])
    points, readings = axes.lines
    assert points.get_xydata().tolist() == [[0.25, 1], [0.25, 0.5], [0.5, 2 / 3]]
    assert len(readings.get_xdata()) == 101
    assert [text.get_text() for text in axes.texts] == ["a", "b", "d"]
    expected = (26 * 1 + 25 * 2 / 3) / 101
    assert f"mean {expected:.3f}" in readings.get_label()
