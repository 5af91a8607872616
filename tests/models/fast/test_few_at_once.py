"""The second stage a few RoIs at a time gives what it gives all at once, to 1e-10."""

import copy

import pytest
import torch

from mrcnn_lite.models import mask_rcnn, mini_config
from mrcnn_lite.models.fast import few_at_once
from mrcnn_lite.models.fast.few_at_once import RoIHeadsFewAtOnce
from mrcnn_lite.models.roi_heads import RoIHeads

EXACT = {"atol": 1e-10, "rtol": 1e-10}


@pytest.mark.parametrize(
    "choices",
    [{}, {"neck": "c4"}, {"class_agnostic_masks": True}, {"mask_loss": "softmax"}],
    ids=str,
)
@pytest.mark.parametrize("numbers", [(7, 0, 5), (0, 0, 0)])
def test_few_at_once_is_all_at_once(choices, numbers, monkeypatch):
    torch.manual_seed(0)
    model = mask_rcnn(mini_config(4, box_score_thresh=0.0, **choices)).double().eval()
    heads = model.roi_heads
    assert type(heads) is RoIHeadsFewAtOnce
    plain = copy.copy(heads)
    plain.__class__ = RoIHeads
    monkeypatch.setattr(few_at_once, "BOXES_AT_ONCE", 3)
    monkeypatch.setattr(few_at_once, "MASKS_AT_ONCE", 2)
    monkeypatch.setattr(few_at_once, "HEADS_AT_ONCE", 5)
    sizes = []
    hook = heads.box_head.register_forward_hook(lambda _, __, hidden: sizes.append(len(hidden)))

    batch, _ = model.transform([torch.rand(3, 128, 128, dtype=torch.float64) for _ in numbers])
    features = [feature.detach().requires_grad_() for feature in model.backbone(batch.tensors)]
    corners = [torch.rand(number, 2, dtype=torch.float64) * 60 for number in numbers]
    boxes = [torch.cat([corner, corner + 40], dim=1) for corner in corners]
    labels = torch.arange(sum(numbers)) % 3 + 1
    read = features[: len(features) - heads.num_rpn_maps]

    results = []
    for one in (heads, plain):
        logits, deltas = one.predict_boxes(batch, read, boxes)
        masks = one.predict_masks_of(batch, read, boxes, labels)
        loss = logits.sin().sum() + deltas.cos().sum() + masks.square().sum()
        of_weights = [p for p in heads.parameters() if p.requires_grad]
        gradients = torch.autograd.grad(loss, [*read, *of_weights])
        results.append((logits, deltas, masks, *gradients))
        hook.remove()
    assert max(sizes) <= 3
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, **EXACT)
    with torch.no_grad():
        found, expected = (one(batch, features, boxes)[0] for one in (heads, plain))
    assert sum(len(detection["scores"]) for detection in found) >= min(sum(numbers), 1)
    torch.testing.assert_close(found, expected, **EXACT)
