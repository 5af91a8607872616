"""The references of lesson 07's checks against torchvision; other right and wrong answers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection._utils import BoxCoder, Matcher

from mrcnn_lite.course.checks.lesson07 import anchor_labels, encode_box, proposal_recall
from mrcnn_lite.course.checks.lesson07_proposals import nms_by_level, propose
from mrcnn_lite.explore.measure.given_proposals import recall_by_number
from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.ops import batched_nms, box_iou, clip_boxes_to_image, nms
from mrcnn_lite.ops.boxes import decode_boxes


def random_boxes(number, seed):
    generator = torch.manual_seed(seed)
    start = 60 * torch.rand(number, 2, generator=generator)
    return torch.cat([start, start + 2 + 40 * torch.rand(number, 2, generator=generator)], dim=1)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_recall_is_that_of_the_curves(threshold):
    proposals, boxes = random_boxes(40, 0), random_boxes(7, 1)
    (expected,) = recall_by_number([proposals], [boxes], (99,), threshold)
    assert proposal_recall.reference(proposals, boxes, threshold).item() == expected


@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 99))
def test_anchor_labels_are_torchvisions(num_objects, num_anchors, seed):
    generator = torch.manual_seed(seed)
    # Few different values, so that many are equal to each other and to the thresholds.
    iou = torch.randint(1, 11, (num_objects, num_anchors), generator=generator) / 10
    matches = Matcher(0.7, 0.3, allow_low_quality_matches=True)(iou)
    expected = torch.where(matches >= 0, 1, torch.where(matches == -1, 0, -1))
    assert torch.equal(anchor_labels.reference(iou, 0.7, 0.3), expected)


@given(st.integers(0, 99))
def test_encode_box_is_torchvisions(seed):
    box, anchor = random_boxes(2, seed)
    expected = BoxCoder((1.0, 1.0, 1.0, 1.0)).encode_single(box[None], anchor[None])[0]
    assert torch.allclose(encode_box.reference(box, anchor), expected, atol=1e-5)


@given(st.integers(1, 40), st.integers(0, 99))
def test_nms_by_level_is_torchvisions(number, seed):
    generator = torch.manual_seed(seed)
    boxes, scores = random_boxes(number, seed), torch.rand(number, generator=generator)
    levels = torch.randint(0, 3, (number,), generator=generator)
    kept = []
    for level in range(3):
        of_level = (levels == level).nonzero().squeeze(1)
        kept += of_level[nms(boxes[of_level], scores[of_level], 0.4)].tolist()
    expected = sorted(kept, key=lambda index: -scores[index])
    assert nms_by_level.reference(boxes, scores, levels, 0.4).tolist() == expected


def test_propose_is_the_networks_own_selection():
    config = mini_config(
        3, rpn_pre_nms_top_n_test=30, rpn_post_nms_top_n_test=9, rpn_nms_thresh=0.6
    )
    network = mask_rcnn(config).rpn.eval()
    generator = torch.manual_seed(0)
    anchors = random_boxes(50, 3)
    deltas = 0.4 * torch.randn(50, 4, generator=generator)
    objectness = torch.randn(50, generator=generator)
    decoded = decode_boxes(deltas, anchors, (1.0, 1.0, 1.0, 1.0))
    (expected,) = network.select_proposals(decoded[None], objectness[None], [(64, 80)], [50])
    result = propose.reference(anchors, deltas, objectness, (64, 80), 30, 9, 0.6)
    assert torch.allclose(result, expected)


def test_the_libraries_pass():
    assert nms_by_level.verdict(batched_nms).passed

    def by_matcher(iou, high, low):
        if len(iou) == 0:
            return torch.zeros(iou.shape[1])
        matches = Matcher(high, low, allow_low_quality_matches=True)(iou)
        return torch.where(matches >= 0, 1, matches + 1)

    assert anchor_labels.verdict(by_matcher).passed


def by_loops(iou, high, low, best=max, positive_first=False):
    """Labels anchor by anchor, maybe with one thing done otherwise."""
    rows = iou.tolist()
    labels = []
    for a in range(iou.shape[1]):
        column = [row[a] for row in rows]
        is_best = any(row[a] == best(row) for row in rows)
        label = 0 if max(column, default=0) < low else 1 if max(column, default=0) >= high else -1
        if is_best and (label == -1 or not positive_first):
            label = 1
        labels.append(label)
    return labels


def suppress(boxes, scores, levels, threshold, offset=1000.0, order=None):
    """`batched_nms` by its trick: levels moved apart."""
    moved = boxes + offset * levels[:, None]
    kept = nms(moved, scores, threshold)
    return kept if order is None else order(kept)


def in_another_order(anchors, deltas, objectness, size, pre_nms, post_nms, threshold, clip_at):
    """`propose` without a call of the package's decoder, clipping at one moment or another."""
    best = objectness.argsort(descending=True)[:pre_nms]
    anchors, deltas, scores = anchors[best], deltas[best], objectness[best]
    sizes = anchors[:, 2:] - anchors[:, :2]
    centers = (anchors[:, :2] + anchors[:, 2:]) / 2 + deltas[:, :2] * sizes
    half = sizes * deltas[:, 2:].exp() / 2
    boxes = torch.cat([centers - half, centers + half], dim=1)
    if clip_at == "start":
        boxes = clip_boxes_to_image(boxes, size)
    area = boxes if clip_at == "never" else clip_boxes_to_image(boxes, size)
    alive = (area[:, 2:] > area[:, :2]).all(dim=1)
    boxes, scores = boxes[alive], scores[alive]
    boxes = boxes[nms(boxes, scores, threshold)[:post_nms]]
    return boxes if clip_at == "never" else clip_boxes_to_image(boxes, size)


@pytest.mark.parametrize(
    ("exercise", "right", "wrong", "expected"),
    [
        (
            anchor_labels,
            by_loops,
            lambda *case: by_loops(*case, positive_first=True),
            "yours becomes background again",
        ),
        (anchor_labels, by_loops, lambda *case: by_loops(*case, best=lambda row: 2), "has none"),
        (nms_by_level, suppress, lambda *case: suppress(*case, offset=0), "different levels"),
        (nms_by_level, suppress, lambda *case: suppress(*case, order=sorted), "by falling score"),
        (
            propose,
            lambda *case: in_another_order(*case, "start"),
            lambda *case: in_another_order(*case, "end"),
            "you clip after the suppression",
        ),
        (
            propose,
            lambda *case: in_another_order(*case, "start"),
            lambda *case: in_another_order(*case, "never"),
            "reach beyond the image",
        ),
        (
            encode_box,
            lambda box, anchor: encode_box.reference(box, anchor).tolist(),
            lambda box, anchor: encode_box.reference(anchor, box),
            "box and anchor are swapped",
        ),
        (
            proposal_recall,
            lambda p, b, t: (
                sum(any(i >= t for i in row) for row in box_iou(b, p).tolist()) / len(b)
            ),
            lambda p, b, t: sum(any(i >= t for i in row) for row in box_iou(b, p).tolist()),
            "the share of all objects",
        ),
    ],
)
def test_answers_of_another_make(exercise, right, wrong, expected):
    assert exercise.verdict(right).passed
    verdict = exercise.verdict(wrong)
    assert not verdict.passed
    assert expected in verdict.message
