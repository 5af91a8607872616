"""torchvision's kernels, where they are used, give the definitions' numbers and gradients."""

from itertools import accumulate

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.profiler import ProfilerActivity, profile

from mrcnn_lite import ops
from mrcnn_lite.ops import roi
from mrcnn_lite.ops.fast import few_outputs

SCALE = 1 / 8
OPERATIONS = {
    "align": ("roi_align", {"sampling_ratio": 2, "aligned": True}),
    "align, unaligned": ("roi_align", {"sampling_ratio": 2}),
    "align, adaptive": ("roi_align", {"aligned": True}),
    "pool": ("roi_pool", {}),
}
EACH = pytest.mark.parametrize("name", OPERATIONS)


@pytest.fixture
def calls(monkeypatch):
    """The kernels that were called, by name."""
    called = []
    for kernel in ("roi_align", "roi_pool"):
        own = getattr(few_outputs, kernel)
        monkeypatch.setattr(
            few_outputs, kernel, lambda *args, own=own: (called.append(own.__name__), own(*args))[1]
        )
    return called


@EACH
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_the_definition(name, channels, layout, random_rois, calls):
    function, settings = OPERATIONS[name]
    features = torch.randn(2, channels, 9, 11, dtype=torch.float64).to(memory_format=layout)
    rois = random_rois(60, 2, torch.float64, inverted=False)
    results = []
    for module in (ops, roi):
        leaf = features.clone(memory_format=torch.preserve_format).requires_grad_()
        output = getattr(module, function)(leaf, rois, (2, 3), SCALE, **settings)
        weights = torch.linspace(1, 2, output.numel(), dtype=output.dtype).view(output.shape)
        results.append((output, *torch.autograd.grad((output * weights).sum(), leaf)))
    assert calls == [function]
    torch.testing.assert_close(*results, atol=1e-10, rtol=1e-10)
    assert results[0][0].is_contiguous()  # as the kernels leave it: another layout is a copy


@EACH
def test_first_and_second_derivatives(name, calls):
    function, settings = OPERATIONS[name]
    # Numbers far apart, so that no step of a finite difference changes which one is the largest.
    features = torch.randperm(2 * 2 * 5 * 6, dtype=torch.float64).view(2, 2, 5, 6).requires_grad_()
    rois = torch.tensor(
        [[0, 3.0, 2.0, 30.0, 35.0], [1, -9.0, 4.0, 20.0, 50.0], [1, 90.0, 90.0, 95.0, 95.0]],
        dtype=torch.float64,
    )

    def read(x):
        return getattr(ops, function)(x, rois, 2, SCALE, **settings)

    assert gradcheck(read, features)
    assert gradgradcheck(read, features)
    assert function in calls


@EACH
def test_what_the_kernels_cannot_is_left_to_the_products(name, calls):
    function, settings = OPERATIONS[name]
    features = torch.randn(1, 2, 9, 11)
    upright = torch.tensor([[0, 8.0, 8.0, 40.0, 40.0]])
    for rois in (
        torch.tensor([[0, 40.0, 8.0, 8.0, 40.0]]),  # inverted
        torch.tensor([[0, 8.0, 8.0, 3e8, 40.0]]),  # far off the map
        torch.tensor([[0, -3e8, 8.0, 40.0, 40.0]]),
        upright[:0],
        upright.double(),  # finer than the features
        upright.clone().requires_grad_(),
    ):
        if name == "align, adaptive" and (rois.abs() > 1e6).any():
            continue  # more samples than fit into memory, which is refused
        getattr(ops, function)(features, rois, 2, SCALE, **settings)
    getattr(ops, function)(features.half(), upright, 2, SCALE, **settings)
    assert not calls
    getattr(ops, function)(features, upright, 2, SCALE, **settings)
    assert calls == [function]


def test_memory_of_the_kernels_is_their_outputs(calls):
    features, rois = torch.randn(1, 64, 9, 11), torch.tensor([[0, 8.0, 8.0, 40.0, 40.0]])
    rois = rois.expand(30, 5).contiguous()
    for function, outputs in (("roi_align", 1), ("roi_pool", 2)):  # RoIPool's cells beside it
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            output = getattr(ops, function)(features, rois, 7, SCALE)
        events = profiler.profiler.kineto_results.events()
        changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
        peak = max(accumulate(size for _, size in changes))
        assert peak <= outputs * output.nbytes + rois.nbytes
    assert calls == ["roi_align", "roi_pool"]


def test_many_outputs_are_left_to_the_products(calls):
    features = torch.randn(1, 16, 50, 50)
    rois = torch.tensor([[0, 8.0, 8.0, 40.0, 40.0]])
    for few, many in ((1, 600), (20, 600)):
        ops.roi_align(features, rois.expand(few, 5), 7, SCALE, 2)
        assert len(calls) == 1
        ops.roi_align(features, rois.expand(many, 5), 7, SCALE, 2)
        assert len(calls) == 1
        calls.clear()
    ops.roi_align(features[:, :1], rois.expand(600, 5), 7, SCALE, 2)  # of one channel, however many
    assert calls == ["roi_align"]


def test_pool_is_left_to_the_products_where_bins_cover_many_cells(calls):
    features = torch.randn(1, 64, 32, 32)
    small, large = ([0, 8.0, 8.0, 30.0, 30.0], [0, 8.0, 8.0, 248.0, 248.0])
    for number in (40, 70):  # looked at one by one, and all at once
        for box, by_kernel in ((small, True), (large, False)):
            rois = torch.tensor([box]).expand(number, 5)
            ops.roi_pool(features.requires_grad_(), rois, 7, SCALE)
            assert (calls == ["roi_pool"]) is by_kernel
            calls.clear()
