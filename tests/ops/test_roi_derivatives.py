"""Derivatives of derivatives: right, whoever asks and however."""

from functools import partial

import pytest
import torch

from mrcnn_lite import ops

OPERATIONS = {
    "roi_pool": ops.roi_pool,
    "roi_warp": ops.roi_warp,
    "roi_warp, maximum": partial(ops.roi_warp, reduce="max"),
    "roi_align": ops.roi_align,
    "roi_align, aligned, two samples": partial(ops.roi_align, aligned=True, sampling_ratio=2),
    "roi_align, maximum": partial(ops.roi_align, reduce="max", sampling_ratio=2),
    "ps_roi_pool": ops.ps_roi_pool,
    "ps_roi_align": ops.ps_roi_align,
    "ps_roi_align, two samples": partial(ops.ps_roi_align, sampling_ratio=2),
}
READS_BOXES = [name for name in OPERATIONS if "align" in name]


@pytest.fixture(params=[1, 3], ids=["one channel", "three channels"])
def features(request):
    return torch.randn(2, 4 * request.param, 6, 7, dtype=torch.float64)


def make_boxes():
    boxes = torch.tensor([[1.1, 0.4, 5.3, 4.6], [0.2, 1.3, 3.9, 4.4], [20, 20, 30, 30]])
    image = torch.tensor([[0.0], [1], [0]])
    return torch.cat([image, boxes], dim=1).double()


def channels(name, features):
    """One channel for `rows_then_columns`, for each bin of a position-sensitive one."""
    return features if name.startswith("ps") else features[:, ::4]


@pytest.mark.parametrize("name", OPERATIONS)
def test_second_derivative_with_respect_to_the_map(name, features):
    features = channels(name, features).clone().requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda x: OPERATIONS[name](x, make_boxes(), 2), features, fast_mode=True
    )


@pytest.mark.parametrize("name", READS_BOXES)
def test_second_derivative_with_respect_to_map_and_boxes(name, features):
    features = channels(name, features).clone().requires_grad_()
    boxes = make_boxes()[:, 1:].requires_grad_()

    def read(x, b):
        return OPERATIONS[name](x, torch.cat([make_boxes()[:, :1], b], dim=1), 2)

    assert torch.autograd.gradgradcheck(read, (features, boxes), fast_mode=True)


@pytest.mark.parametrize("name", READS_BOXES)
def test_no_term_is_dropped_where_the_gradient_that_comes_in_is_a_constant(name, features):
    """The gradient at the boxes is a sum over the map, whose gradient is not zero."""
    features = channels(name, features).clone().requires_grad_()
    boxes = make_boxes().requires_grad_()
    (at_boxes,) = torch.autograd.grad(
        OPERATIONS[name](features, boxes, 2).sum(), boxes, create_graph=True
    )
    (found,) = torch.autograd.grad(at_boxes[:, 1].sum(), features)

    step = 1e-6 * torch.randn_like(features)

    def slope(x):
        b = make_boxes().requires_grad_()
        OPERATIONS[name](x, b, 2).sum().backward()
        return b.grad[:, 1].sum()

    with torch.no_grad():
        ahead, behind = features + step, features - step
    expected = (slope(ahead) - slope(behind)) / 2
    assert expected.abs() > 1e-9
    torch.testing.assert_close((found * step).sum(), expected, rtol=1e-5, atol=1e-14)
