"""The references of lesson 08's checks against the package; other right and wrong answers."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mrcnn_lite.course.checks.lesson08 import count_mask_branch, deltas_of_labels, mask_branch
from mrcnn_lite.course.checks.lesson08_detect import detect
from mrcnn_lite.explore.measure.layer_cost import cost_of
from mrcnn_lite.models import mini_config
from mrcnn_lite.models.heads import MaskHead, MaskPredictor
from mrcnn_lite.models.second_stage import SecondStage
from mrcnn_lite.ops import batched_nms, clip_boxes_to_image


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 99))
def test_deltas_of_labels_are_where_a_loop_finds_them(num_rois, num_classes, seed):
    generator = torch.manual_seed(seed)
    deltas = torch.randn(num_rois, 4 * num_classes, generator=generator)
    labels = torch.randint(0, num_classes, (num_rois,), generator=generator)
    expected = [
        row[4 * label : 4 * label + 4] for row, label in zip(deltas.tolist(), labels.tolist())
    ]
    assert torch.equal(deltas_of_labels.reference(deltas, labels), torch.tensor(expected))


@pytest.mark.parametrize("num_convolutions", [1, 3])
def test_mask_branch_is_the_packages(num_convolutions):
    torch.manual_seed(0)
    head = MaskHead(6, (6,) * num_convolutions)
    predictor = MaskPredictor(6, 6, 4)
    for parameter in (*head.parameters(), *predictor.parameters()):
        torch.nn.init.normal_(parameter, std=0.3)
    features = torch.randn(3, 6, 7, 7)
    convolutions = [(layer[0].weight, layer[0].bias) for layer in head]
    upsampling, last = (
        (layer.weight, layer.bias) for layer in (predictor.conv5_mask, predictor.mask_fcn_logits)
    )
    result = mask_branch.reference(features, convolutions, upsampling, last)
    assert torch.allclose(result, predictor(head(features)), atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "number", "num_masks", "side"), [(8, 3, 5, 6), (256, 4, 81, 14), (16, 0, 1, 7)]
)
def test_count_mask_branch_is_what_is_counted(channels, number, num_masks, side):
    branch = torch.nn.Sequential(
        MaskHead(channels, (channels,) * number), MaskPredictor(channels, channels, num_masks)
    )
    cost = cost_of(branch, (1, channels, side, side))
    expected = cost.parameters, cost.multiply_adds
    assert count_mask_branch.reference(channels, number, num_masks, side) == expected


def test_detect_is_the_packages():
    torch.manual_seed(0)
    config = mini_config(5, box_score_thresh=0.15, box_detections_per_img=9)
    heads = SecondStage(config)
    start = 60 * torch.rand(12, 2)
    proposals = torch.cat([start, start + 10 + 40 * torch.rand(12, 2)], dim=1)
    logits, deltas = 2 * torch.randn(12, 5), torch.randn(12, 20)
    (expected,) = heads.select_detections(logits, deltas, [proposals], [(90, 80)])
    masks = torch.randn(9, 5, 4, 4)
    found = detect.reference(
        *(logits, deltas, proposals, (90, 80), lambda boxes: masks[: len(boxes)], 0.15, 0.5, 9)
    )
    for part, name in zip(found, ("boxes", "labels", "scores")):
        assert torch.equal(part, expected[name])
    own = masks[torch.arange(len(found[1])), found[1]].sigmoid()
    assert torch.allclose(found[3], own)


def by_loops(
    class_logits,
    deltas,
    proposals,
    image_size,
    branch,
    score_threshold,
    iou_threshold,
    number,
    masks_first=False,
    divide=True,
):
    """Detections pair by pair, without the package's decoder."""
    scores = class_logits.softmax(dim=1)
    candidates = []
    for roi, (x1, y1, x2, y2) in enumerate(proposals.tolist()):
        width, height = x2 - x1, y2 - y1
        for k in range(1, class_logits.shape[1]):
            if scores[roi, k] <= score_threshold:
                continue
            dx, dy, dw, dh = deltas[roi, 4 * k : 4 * k + 4].tolist()
            if divide:
                dx, dy, dw, dh = dx / 10, dy / 10, dw / 5, dh / 5
            x, y = x1 + width / 2 + dx * width, y1 + height / 2 + dy * height
            w, h = (width, height) * torch.tensor([dw, dh]).exp().numpy()
            box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
            candidates.append((roi, k, box, scores[roi, k].item()))
    boxes = torch.tensor([c[2] for c in candidates], dtype=torch.float32).view(-1, 4)
    boxes = clip_boxes_to_image(boxes, image_size)
    labels = torch.tensor([c[1] for c in candidates], dtype=torch.int64)
    rois = torch.tensor([c[0] for c in candidates], dtype=torch.int64)
    its_scores = torch.tensor([c[3] for c in candidates])
    keep = batched_nms(boxes, its_scores, labels, iou_threshold)[:number]
    logits = branch(proposals)[rois[keep]] if masks_first else branch(boxes[keep])
    masks = torch.sigmoid(logits[torch.arange(len(keep)), labels[keep]])
    return boxes[keep], labels[keep], its_scores[keep], masks


def slow_mask_branch(features, convolutions, upsampling, last, slope=0.0, final=lambda x: x):
    """The branch with the upsampling written out."""
    hidden = features
    for weight, bias in convolutions:
        padded = F.pad(hidden, (1, 1, 1, 1))
        hidden = F.leaky_relu(F.conv2d(padded, weight, bias), slope)
    weight, bias = upsampling
    num_rois, _, height, width = hidden.shape
    output = torch.zeros(num_rois, weight.shape[1], 2 * height, 2 * width)
    for k in range(2):
        for m in range(2):
            part = torch.einsum("rcyx,co->royx", hidden, weight[:, :, k, m])
            output[:, :, k::2, m::2] = part + bias[:, None, None]
    return final(F.conv2d(F.relu(output), *last))


@pytest.mark.parametrize(
    ("exercise", "right", "wrong", "expected"),
    [
        (
            detect,
            by_loops,
            lambda *case: by_loops(*case, masks_first=True),
            "reads the proposals here",
        ),
        (detect, by_loops, lambda *case: by_loops(*case, divide=False), "weights are missing"),
        (
            mask_branch,
            slow_mask_branch,
            lambda *case: slow_mask_branch(*case, slope=1.0),
            "a ReLU comes after each 3 x 3 convolution",
        ),
        (
            mask_branch,
            slow_mask_branch,
            lambda *case: slow_mask_branch(*case, final=torch.sigmoid),
            "these are probabilities",
        ),
        (
            deltas_of_labels,
            lambda deltas, labels: torch.stack(
                [row.view(-1, 4)[label] for row, label in zip(deltas, labels)]
            ),
            lambda deltas, labels: torch.stack(
                [row.view(4, -1)[:, label] for row, label in zip(deltas, labels)]
            ),
            "yours takes all dx to come first",
        ),
        (
            count_mask_branch,
            count_mask_branch.reference,
            lambda *case: count_mask_branch.reference(*case)[::-1],
            "value 1 of 2",
        ),
    ],
)
def test_answers_of_another_make(exercise, right, wrong, expected):
    assert exercise.verdict(right).passed
    verdict = exercise.verdict(wrong)
    assert not verdict.passed
    assert expected in verdict.message
