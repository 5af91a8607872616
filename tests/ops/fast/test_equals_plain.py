"""Each fast operation gives its definition's numbers and gradients, whatever the RoIs are.

The definitions themselves are held to torchvision and to loops in tests/ops/test_roi.py.
"""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn_lite import ops
from mrcnn_lite.ops import ps_roi, roi

SCALE = 1 / 8
SIZE = (2, 3)
# Each with its definition; those that sample have a gradient to the boxes.
SAMPLED = {
    f"{name} {reduce} {sampling}{' aligned' if 'aligned' in extra else ''}": [
        partial(getattr(module, name), sampling_ratio=sampling, reduce=reduce, **extra)
        for module in (ops, roi)
    ]
    for name, extra in (("roi_warp", {}), ("roi_align", {}), ("roi_align", {"aligned": True}))
    for reduce in ("mean", "max")
    for sampling in (-1, 2)
} | {
    f"ps_roi_align {sampling}": [
        partial(module.ps_roi_align, sampling_ratio=sampling) for module in (ops, ps_roi)
    ]
    for sampling in (-1, 2)
}
WHOLE_CELLS = {
    "roi_pool": [ops.roi_pool, roi.roi_pool],
    "ps_roi_pool": [ops.ps_roi_pool, ps_roi.ps_roi_pool],
}
PAIRS = SAMPLED | WHOLE_CELLS
EACH_PAIR = pytest.mark.parametrize("name", PAIRS)
# In pixels, around a map of 72 x 88: on and beyond its borders, on and between cells.
COORDINATE = st.one_of(st.floats(-60, 160, width=32), st.integers(-6, 40).map(lambda i: i * 4))
BOXES = st.lists(st.tuples(*[COORDINATE] * 4), max_size=5)


def as_rois(boxes):
    boxes = torch.tensor(boxes, dtype=torch.float64).view(-1, 4)
    return torch.cat([torch.arange(len(boxes))[:, None] % 2, boxes], dim=1)


def run(operation, features, rois, differentiable_boxes):
    """The output, and the gradients to the features and, where there is one, to the RoIs."""
    inputs = [features.clone().requires_grad_()]
    if differentiable_boxes:
        inputs.append(rois.clone().requires_grad_())
    output = operation(inputs[0], inputs[-1] if differentiable_boxes else rois, SIZE, SCALE)
    return output, *torch.autograd.grad((output * weights_of(output)).sum(), inputs)


def weights_of(output):
    return torch.linspace(1, 2, output.numel(), dtype=output.dtype).view(output.shape)


def assert_equal_to_plain(name, features, rois):
    fast, plain = PAIRS[name]
    for value, expected in zip(
        run(fast, features, rois, name in SAMPLED),
        run(plain, features, rois, name in SAMPLED),
        strict=True,
    ):
        torch.testing.assert_close(value, expected, atol=1e-10, rtol=1e-10)


def make_features(channels, layout=torch.contiguous_format):
    features = torch.randn(2, channels * SIZE[0] * SIZE[1], 9, 11, dtype=torch.float64)
    return features.relu().to(memory_format=layout)  # many equal values, as after a ReLU


@EACH_PAIR
@settings(max_examples=25)
@given(boxes=BOXES)
def test_any_boxes(name, boxes):
    torch.manual_seed(0)
    features, rois = make_features(1), as_rois(boxes)
    if " max " not in name:
        assert_equal_to_plain(name, features, rois)
        return
    # Two samples may be equal but for rounding. Then either may have the gradient, but only one:
    # it is that of a sum that gives the output.
    fast, plain = PAIRS[name]
    output, gradient, _ = run(fast, features, rois, differentiable_boxes=True)
    torch.testing.assert_close(output, plain(features, rois, SIZE, SCALE), atol=1e-10, rtol=1e-10)
    total = (output * weights_of(output)).sum()
    torch.testing.assert_close((gradient * features).sum(), total, atol=1e-9, rtol=1e-9)


@EACH_PAIR
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_many_rois_in_either_layout(name, layout, random_rois):
    rois = random_rois(60, 2, torch.float64, inverted=True)
    assert_equal_to_plain(name, make_features(7, layout), rois)


@pytest.mark.parametrize("name", [name for name in PAIRS if not name.startswith("ps_")])
def test_one_channel(name, random_rois):
    features = torch.randn(2, 1, 9, 11, dtype=torch.float64)
    assert_equal_to_plain(name, features, random_rois(60, 2, torch.float64, inverted=True))


NOTHING_TO_READ = {
    "no RoIs": [],
    "all off the map": [(900, 900, 990, 990), (-900, -900, -800, -800)],
    "off the map on one side": [(200, 0, 300, 50), (0, -300, 50, -200)],
    "inverted": [(60, 50, 10, 9), (60, 9, 10, 50)],
    "without area": [(20, 20, 20, 20)],
}


@EACH_PAIR
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("boxes", NOTHING_TO_READ.values(), ids=NOTHING_TO_READ)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_nothing_to_read(name, boxes, dtype, layout):
    features = make_features(2, layout).to(dtype)
    rois = as_rois(boxes).to(dtype)
    fast, plain = PAIRS[name]
    for value, expected in zip(
        run(fast, features, rois, name in SAMPLED),
        run(plain, features, rois, name in SAMPLED),
        strict=True,
    ):
        assert value.isfinite().all()
        torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_roi_pool_off_the_map_gives_0_and_no_gradient(layout):
    features = make_features(2, layout).requires_grad_()
    output = ops.roi_pool(features, as_rois(NOTHING_TO_READ["all off the map"]), SIZE, SCALE)
    (grad,) = torch.autograd.grad(output.sum(), features)
    assert not output.any()
    assert not grad.any()
