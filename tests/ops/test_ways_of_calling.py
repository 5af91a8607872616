"""Every operation in every way of calling it, also where nothing is to be learnt from the result.

What the operations compute and what their gradients are, test_roi.py asks; here they are called
with gradients enabled and disabled, in inference mode and under autocast, with and without inputs
that want a gradient.
"""

from functools import partial

import pytest
import torch
import torchvision

from mrcnn_lite import ops

SCALE = 1 / 8
ROI_OPS = {
    "roi_pool": ops.roi_pool,
    "roi_warp": ops.roi_warp,
    "roi_warp, maximum": partial(ops.roi_warp, reduce="max"),
    "roi_align": ops.roi_align,
    "roi_align, aligned": partial(ops.roi_align, aligned=True),
    "roi_align, two samples": partial(ops.roi_align, sampling_ratio=2),
    "roi_align, maximum": partial(ops.roi_align, reduce="max"),
    "ps_roi_pool": ops.ps_roi_pool,
    "ps_roi_align": ops.ps_roi_align,
}
BAGS = [
    ops.roi_pool_bags,
    ops.roi_warp_bags,
    ops.roi_align_bags,
    ops.ps_roi_pool_bags,
    ops.ps_roi_align_bags,
]


@pytest.mark.parametrize("wanted", ["", "map", "boxes"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", ROI_OPS)
def test_roi_operation(way, name, layout, wanted, random_rois):
    features = torch.rand(2, 18, 9, 11).to(memory_format=layout)
    rois = random_rois(14, 2, torch.float32, inverted=False)
    with torch.no_grad():
        expected = ROI_OPS[name](features, rois, 3, SCALE)
    features.requires_grad_("map" in wanted)
    rois.requires_grad_("boxes" in wanted)
    with way():
        found = ROI_OPS[name](features, rois, 3, SCALE)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)
    if "map" in wanted and way not in (torch.no_grad, torch.inference_mode):
        found.sin().sum().backward()
        assert features.grad.isfinite().all()
        assert features.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ROI_OPS)
def test_roi_operation_in_other_types(way, name, dtype, random_rois):
    features = torch.rand(2, 18, 9, 11, dtype=dtype, requires_grad=True)
    rois = random_rois(14, 2, torch.float32, inverted=False)
    with way():
        found = ROI_OPS[name](features, rois, 3, SCALE)
    assert found.dtype == dtype
    with torch.no_grad():
        assert torch.equal(found, ROI_OPS[name](features, rois, 3, SCALE))


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("make_bags", BAGS, ids=lambda function: function.__name__)
def test_bags(way, make_bags, wanted, random_rois):
    rois = random_rois(6, 1, torch.float32, inverted=False)
    expected = make_bags((9, 11), rois, 3, SCALE)
    with way():
        found = make_bags((9, 11), rois.requires_grad_(wanted), 3, SCALE)
        assert torch.equal(found.matrix().to_dense(), expected.matrix().to_dense())
        for name in ("cells", "offsets", "box", "bins", "sample_points", "sample_offsets"):
            assert torch.equal(getattr(found, name), getattr(expected, name))
        for part, of_part in zip(found.bin(2, 1, 0), expected.bin(2, 1, 0), strict=True):
            assert torch.equal(part, of_part)


@pytest.mark.parametrize("wanted", [False, True])
def test_operations_on_boxes(way, wanted):
    corner, size = torch.rand(2, 30, 2) * 50
    boxes, scores = torch.cat([corner, corner + size], dim=1), torch.rand(30)
    classes = torch.randint(3, (30,))
    calls = {
        "nms": lambda of: of.nms(boxes, scores, 0.4),
        "batched_nms": lambda of: of.batched_nms(boxes, scores, classes, 0.4),
        "box_iou": lambda of: of.box_iou(boxes, boxes[:7]),
        "clip_boxes_to_image": lambda of: of.clip_boxes_to_image(boxes, (40, 60)),
        "remove_small_boxes": lambda of: of.remove_small_boxes(boxes, 9.0),
    }
    expected = {name: call(torchvision.ops) for name, call in calls.items()}
    boxes.requires_grad_(wanted)
    scores.requires_grad_(wanted)
    with way():
        for name, call in calls.items():
            assert torch.equal(call(ops), expected[name]), name


@pytest.mark.parametrize("name", ROI_OPS)
def test_a_map_made_in_inference_mode_may_be_read_with_gradients_enabled(name, random_rois):
    with torch.inference_mode():
        features = torch.rand(2, 18, 9, 11)
    rois = random_rois(14, 2, torch.float32, inverted=False)
    found = ROI_OPS[name](features, rois, 3, SCALE)
    assert torch.equal(found, ROI_OPS[name](features.clone(), rois, 3, SCALE))
