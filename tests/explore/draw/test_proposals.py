import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.proposals import (
    draw_anchor_labels,
    draw_recall,
    draw_suppression,
    suppressors,
)
from mrcnn_lite.explore.palette import BINS, GROUND_TRUTH, PREDICTION
from mrcnn_lite.ops import box_iou, nms

ROW = torch.tensor([[10.0 * k, 7 * k, 10 * k + 60, 7 * k + 80] for k in range(4)])
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6])


@pytest.fixture
def axes():
    return Figure().subplots()


def corners(axes, meaning):
    return [p.get_xy() for p in axes.patches if same_color(p.get_edgecolor(), meaning.color)]


def test_anchor_labels(axes):
    anchors = torch.tensor([[0.0, 0, 8, 4], [10, 0, 14, 8], [20, 20, 30, 24], [1, 2, 3, 4]])
    draw_anchor_labels(axes, anchors, torch.tensor([1, 0, -1, 1]), anchors[2:3] + 1)
    assert corners(axes, GROUND_TRUTH) == [(21, 21)]
    assert corners(axes, PREDICTION) == [(0, 0), (1, 2)]
    (centers,) = axes.lines
    assert centers.get_xydata().tolist() == [[25, 22]]


def test_a_suppressed_box_suppresses_nobody(axes):
    assert suppressors(ROW, SCORES, 0.5) == [None, 0, None, 2]
    draw_suppression(axes, ROW, SCORES, 0.5)
    assert corners(axes, PREDICTION) == [(0, 0), (20, 14)]
    assert corners(axes, BINS) == [(10, 7), (30, 21)]
    texts = [text.get_text().strip() for text in axes.texts]
    assert texts == ["0.9", "0.8, by 0.9", "0.7", "0.6, by 0.7"]


@given(st.integers(0, 30), st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]), st.integers(0, 99))
def test_kept_boxes_are_those_of_nms(number, threshold, seed):
    generator = torch.manual_seed(seed)
    start = 40 * torch.rand(number, 2, generator=generator)
    boxes = torch.cat([start, start + 5 + 40 * torch.rand(number, 2, generator=generator)], dim=1)
    scores = torch.rand(number, generator=generator)
    by = suppressors(boxes, scores, threshold)
    kept = [index for index, suppressor in enumerate(by) if suppressor is None]
    assert kept == sorted(nms(boxes, scores, threshold).tolist())
    for index, suppressor in enumerate(by):
        if suppressor is not None:
            assert suppressor in kept
            assert scores[suppressor] > scores[index]
            assert box_iou(boxes, boxes)[suppressor, index] > threshold


def test_recall(axes):
    recalls = {"windows": [0, 0.5, 1], "regions": [0.1, 0.2, 0.3], "RPN": [0.5, 0.8, 1]}
    draw_recall(axes, (1, 10, 100), recalls, "covered")
    assert [line.get_label() for line in axes.lines] == list(recalls)
    for line, values in zip(axes.lines, recalls.values()):
        assert line.get_xydata().tolist() == [[1, values[0]], [10, values[1]], [100, values[2]]]
    looks = {(line.get_linestyle(), line.get_marker()) for line in axes.lines}
    assert len(looks) == 3
    assert axes.lines[2].get_color() == PREDICTION.color
    assert axes.get_xscale() == "log"
