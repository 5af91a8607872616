"""The references of lesson 01's checks against pycocotools and torchvision."""

import numpy as np
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_mask

from mrcnn_lite.course.checks.lesson01 import area_under_envelope, box_iou, rle_encode


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 1)))
def test_rle_encode_is_pycocotools(mask):
    counts = rle_encode.reference(mask)
    encoding = coco_mask.frPyObjects({"size": mask.shape, "counts": counts}, *mask.shape)
    assert encoding == coco_mask.encode(np.asfortranarray(mask))
    # Not only the same mask, but no run of length 0 where COCO has none.
    assert all(counts[1:])


def test_box_iou_is_torchvisions():
    torch.manual_seed(0)
    corners = torch.rand(12, 4) * 10
    boxes = torch.cat([corners[:, :2], corners[:, :2] + corners[:, 2:]], dim=1)
    expected = torchvision.ops.box_iou(boxes[:7], boxes[7:])
    assert torch.allclose(box_iou.reference(boxes[:7], boxes[7:]), expected)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 3))
def test_area_under_envelope_is_the_limit_of_sampling(is_correct, missed):
    found = np.cumsum(is_correct)
    num_objects = found[-1] + missed
    if num_objects == 0:
        return
    recall = found / num_objects
    precision = found / np.arange(1, len(is_correct) + 1)
    levels = (np.arange(1000) + 0.5) / 1000
    envelope = [precision[recall >= level].max(initial=0) for level in levels]
    assert abs(area_under_envelope.reference(precision, recall) - np.mean(envelope)) < 0.01
