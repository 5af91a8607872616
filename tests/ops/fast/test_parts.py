"""RoIs read some at a time give what all at once give, gradients and second derivatives too."""

from itertools import accumulate

import pytest
import torch
from torch.autograd import gradgradcheck
from torch.profiler import ProfilerActivity, profile

from mrcnn_lite import ops
from mrcnn_lite.ops.fast import parts

SCALE = 1 / 8
EACH = pytest.mark.parametrize("operation", [ops.roi_align, ops.roi_warp])


@EACH
@pytest.mark.parametrize("reduce", ["mean", "max"])
@pytest.mark.parametrize("wanted", [(True, True), (True, False), (False, True)])
def test_parts_are_the_whole(operation, reduce, wanted, random_rois, monkeypatch):
    features = torch.randn(2, 3, 9, 11, dtype=torch.float64)
    rois = random_rois(50, 2, torch.float64, inverted=True)
    results = []
    for at_once in (2**18, 6 * 7):  # 7 RoIs, and one in the last part
        monkeypatch.setattr(parts, "BINS_AT_ONCE", at_once)
        inputs = [x.clone().requires_grad_(wants) for x, wants in zip((features, rois), wanted)]
        output = operation(*inputs, (2, 3), SCALE, 2, reduce=reduce)
        weights = torch.linspace(1, 2, output.numel(), dtype=output.dtype).view(output.shape)
        leaves = [leaf for leaf in inputs if leaf.requires_grad]
        results.append((output, *torch.autograd.grad((output * weights).sum(), leaves)))
    torch.testing.assert_close(*results, atol=1e-10, rtol=1e-10)


def test_second_derivatives(monkeypatch):
    monkeypatch.setattr(parts, "BINS_AT_ONCE", 4)
    features = torch.randn(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor([[3.0, 2.0, 30.0, 25.0], [-9.0, 4.0, 20.0, 50.0]], dtype=torch.float64)
    boxes.requires_grad_()
    assert gradgradcheck(
        lambda x, image_boxes: ops.roi_align(x, [image_boxes], 2, SCALE, 2), (features, boxes)
    )


def test_memory_is_the_output_and_a_bounded_part(monkeypatch):
    monkeypatch.setattr(parts, "BINS_AT_ONCE", 49 * 20)
    features = torch.randn(1, 32, 20, 20).to(memory_format=torch.channels_last)
    rois = torch.tensor([[0, 8.0, 8.0, 90.0, 90.0]]).expand(1000, 5)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        output = ops.roi_align(features, rois, 7, SCALE, 2)
    events = profiler.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    peak = max(accumulate(size for _, size in changes))
    assert output.nbytes < peak < 1.15 * output.nbytes
