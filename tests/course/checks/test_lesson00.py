"""The references of lesson 00's checks against what the model itself does."""

import torch

from mrcnn_lite.course.checks.lesson00 import choose_masks, count_anchors, refine_box
from mrcnn_lite.models import mask_rcnn, mini_config


def test_count_anchors_is_what_the_generator_makes():
    model = mask_rcnn(mini_config(3))
    height, width = 64, 96
    strides = (4, 8, 16, 32)
    features = [torch.zeros(1, 1, height // stride, width // stride) for stride in strides]
    anchors = model.rpn.anchor_generator(features, (height, width))
    expected = sum(len(level) for level in anchors)
    assert count_anchors.reference(height, width, strides, 3) == expected


def test_refine_box_by_the_formula():
    box, deltas = torch.tensor([10.0, 20.0, 14.0, 30.0]), torch.tensor([0.5, -0.1, 0.0, 0.0])
    assert torch.allclose(refine_box.reference(box, deltas), box + torch.tensor([2.0, -1, 2, -1]))
    deltas = torch.tensor([0.0, 0.0, 2.0, 0.5]).log1p()
    expected = torch.tensor([12 - 6.0, 25 - 7.5, 12 + 6, 25 + 7.5])
    assert torch.allclose(refine_box.reference(box, deltas), expected)


def test_choose_masks():
    logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    masks = choose_masks.reference(logits, torch.tensor([2, 1]))
    assert torch.allclose(masks[0], logits[0, 2].sigmoid())
    assert torch.allclose(masks[1], logits[1, 1].sigmoid())
