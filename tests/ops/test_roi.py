import contextlib
import math

import pytest
import torch
import torchvision

from mrcnn_lite import ops
from mrcnn_lite.ops import ps_roi, ps_roi_align, ps_roi_pool, roi, roi_align, roi_pool, roi_warp

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
SCALE = 1 / 8
# The operations that the package gives, which are fast, and their definitions.
FAST_AND_PLAIN = pytest.mark.parametrize("module", [ops, roi], ids=["fast", "plain"])
MODULES_AND_DTYPES = pytest.mark.parametrize(
    ("module", "dtype"), [(ops, torch.float64), (ops, torch.float32), (roi, torch.float64)]
)
SIZES = pytest.mark.parametrize("size", [1, 2, 7, 14, (3, 5)])


def feature_map(channels, dtype, requires_grad=True):
    x = torch.randn(3, channels, 9, 11, dtype=dtype).relu()  # many equal values, as after a ReLU
    return x.requires_grad_(requires_grad)


def assert_same(ours, theirs, x, tolerance, gradient=True):
    torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=tolerance)
    if gradient:
        weight = torch.randn_like(theirs)
        grads = [
            torch.autograd.grad(out, x, weight, retain_graph=True)[0] for out in (ours, theirs)
        ]
        torch.testing.assert_close(*grads, atol=tolerance, rtol=tolerance)


def round_away(value):
    return math.copysign(math.floor(abs(value) + 0.5), value)


def pool_box(roi):
    """RoIPool's box in whole cells: (start, size) along y and along x."""
    _, x1, y1, x2, y2 = (round_away(v * SCALE) if i else v for i, v in enumerate(roi.tolist()))
    return (y1, max(y2 - y1 + 1, 1)), (x1, max(x2 - x1 + 1, 1))


def bilinear(plane, y, x):
    height, width = plane.shape[-2:]
    if y < -1 or y > height or x < -1 or x > width:
        return torch.zeros(len(plane), dtype=plane.dtype)
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    top = plane[:, y0, x0] * (1 - x + x0) + plane[:, y0, x1] * (x - x0)
    bottom = plane[:, y1, x0] * (1 - x + x0) + plane[:, y1, x1] * (x - x0)
    return top * (1 - y + y0) + bottom * (y - y0)


def slow_samples(plane, box, bins, sampling, reduce):
    """Bilinear samples of a box ((start, size) along y and x; values at cell centres), by loops."""
    out = torch.zeros(len(plane), *bins, dtype=plane.dtype)
    numbers = [sampling if sampling > 0 else math.ceil(s / p) for (_, s), p in zip(box, bins)]
    for i in range(bins[0]):
        for j in range(bins[1]):
            samples = []
            for a in range(numbers[0]):
                for b in range(numbers[1]):
                    y, x = (
                        start + (p + (k + 0.5) / n) * size / count - 0.5
                        for p, k, n, count, (start, size) in zip((i, j), (a, b), numbers, bins, box)
                    )
                    samples.append(bilinear(plane, y, x))
            if samples:
                stack = torch.stack(samples)
                out[:, i, j] = stack.mean(0) if reduce == "mean" else stack.amax(0)
    return out


@MODULES_AND_DTYPES
@SIZES
def test_roi_pool_equals_torchvision(module, dtype, size, random_rois):
    x, rois = feature_map(5, dtype), random_rois(120, 3, dtype, inverted=True)
    theirs = torchvision.ops.roi_pool(x, rois, size, SCALE)
    assert_same(module.roi_pool(x, rois, size, SCALE), theirs, x, TOLERANCE[dtype])


@MODULES_AND_DTYPES
@SIZES
@pytest.mark.parametrize("sampling", [-1, 1, 2, 3])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("channels", [1, 5])
def test_roi_align_equals_torchvision(
    module, dtype, size, sampling, aligned, channels, random_rois
):
    # torchvision cannot sample an inverted box adaptively: its kernel allocates less than nothing.
    inverted = sampling > 0 or not aligned
    x, rois = feature_map(channels, dtype), random_rois(80, 3, dtype, inverted)
    theirs = torchvision.ops.roi_align(x, rois, size, SCALE, sampling, aligned)
    ours = module.roi_align(x, rois, size, SCALE, sampling, aligned)
    assert_same(ours, theirs, x, TOLERANCE[dtype])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("op", ["roi_pool", "roi_align"])
def test_work_in_many_parts_equals_torchvision(op, layout, random_rois, monkeypatch):
    for name, number in (
        ("channels.CHANNELS", 2),
        ("maximum.BAGS", 60),
        ("sparse.ENTRIES", 1),
    ):
        monkeypatch.setattr(f"mrcnn_lite.ops.fast.{name}_AT_ONCE", number)
    x = torch.randn(3, 5, 9, 11, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    rois = random_rois(121, 3, torch.float64, inverted=False)
    theirs = getattr(torchvision.ops, op)(x, rois, (7, 5), SCALE)
    rois.requires_grad_(op == "roi_align")
    ours = globals()[op](x, rois, (7, 5), SCALE)
    assert_same(ours, theirs, x, 1e-10)
    if op == "roi_align":
        (in_parts,) = torch.autograd.grad(ours.square().sum(), rois)
        monkeypatch.undo()
        at_once = roi_align(x, rois, (7, 5), SCALE).square().sum()
        torch.testing.assert_close(in_parts, torch.autograd.grad(at_once, rois)[0])


def test_inverted_box_sampled_adaptively_reads_nothing():
    x = torch.randn(1, 2, 9, 11)
    rois = torch.tensor([[0.0, 60.0, 60.0, 20.0, 20.0], [0.0, 60.0, 20.0, 20.0, 60.0]])
    assert not roi_align(x, rois, 2, SCALE, -1, aligned=True).any()


@FAST_AND_PLAIN
@pytest.mark.parametrize("size", [(2, 2), (3, 5)])
@pytest.mark.parametrize("sampling", [-1, 2])
@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_roi_warp_equals_loops(module, size, sampling, reduce, random_rois):
    x = feature_map(2, torch.float64, requires_grad=False)
    rois = random_rois(40, 3, torch.float64, inverted=True)
    slow = [slow_samples(x[int(r[0])], pool_box(r), size, sampling, reduce) for r in rois]
    ours = module.roi_warp(x, rois, size, SCALE, sampling, reduce=reduce)
    torch.testing.assert_close(ours, torch.stack(slow), atol=1e-10, rtol=0)


@FAST_AND_PLAIN
@pytest.mark.parametrize("sampling", [-1, 2])
def test_roi_warp_is_roi_align_of_roi_pools_box(module, sampling, random_rois):
    x, rois = feature_map(3, torch.float64), random_rois(80, 3, torch.float64, inverted=True)
    boxes = [pool_box(roi) for roi in rois]
    cells = [[int(r[0]), x1, y1, x1 + w, y1 + h] for r, ((y1, h), (x1, w)) in zip(rois, boxes)]
    theirs = torchvision.ops.roi_align(x, torch.tensor(cells).double(), 7, 1.0, sampling, True)
    assert_same(module.roi_warp(x, rois, 7, SCALE, sampling), theirs, x, 1e-10)


@FAST_AND_PLAIN
@pytest.mark.parametrize("sampling", [-1, 2])
@pytest.mark.parametrize("aligned", [False, True])
def test_roi_align_max_equals_loops(module, sampling, aligned, random_rois):
    x = feature_map(2, torch.float64, requires_grad=False)
    rois = random_rois(40, 3, torch.float64, inverted=False)
    shift = 0.0 if aligned else 0.5
    slow = []
    for image, x1, y1, x2, y2 in rois.tolist():
        sizes = [(end - start) * SCALE for start, end in ((y1, y2), (x1, x2))]
        sizes = sizes if aligned else [max(size, 1) for size in sizes]
        box = [(start * SCALE + shift, size) for start, size in zip((y1, x1), sizes)]
        slow.append(slow_samples(x[int(image)], box, (3, 2), sampling, "max"))
    ours = module.roi_align(x, rois, (3, 2), SCALE, sampling, aligned, reduce="max")
    torch.testing.assert_close(ours, torch.stack(slow), atol=1e-10, rtol=0)


def test_golden_values():
    x = torch.arange(25.0).view(1, 1, 5, 5)
    box = [torch.tensor([[1.0, 1.0, 3.0, 3.0]])]
    assert roi_pool(x, box, 2)[0, 0].tolist() == [[12, 13], [17, 18]]
    assert roi_align(x, box, 2)[0, 0].tolist() == [[9, 10], [14, 15]]
    assert roi_align(x, box, 2, aligned=True)[0, 0].tolist() == [[6, 7], [11, 12]]


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize(
    ("op", "size"),
    [(ps_roi_pool, 3), (ps_roi_pool, (2, 3)), (ps_roi_align, 3), (ps_roi_align, (2, 3))],
)
@pytest.mark.parametrize("module", [ops, ps_roi], ids=["fast", "plain"])
def test_position_sensitive_equals_torchvision(module, op, size, aligned, random_rois):
    bins = size * size if isinstance(size, int) else size[0] * size[1]
    x, rois = feature_map(4 * bins, torch.float64), random_rois(60, 3, torch.float64, False)
    if op is ps_roi_pool:
        # The forward only: torchvision's backward kernel reads the last row, its forward does not.
        theirs = torchvision.ops.ps_roi_pool(x, rois, size, SCALE)
        ours = module.ps_roi_pool(x, rois, size, SCALE)
        assert_same(ours, theirs, x, 1e-10, gradient=False)
        return
    for sampling in (1, 2, -1):
        theirs = torchvision.ops.ps_roi_align(x, rois, size, SCALE, sampling)
        ours = module.ps_roi_align(x, rois, size, SCALE, sampling)
        # Of a bin without samples torchvision makes 0 / 0.
        assert_same(ours, theirs.nan_to_num(0), x, 1e-10)


CALLS = {
    "pool": lambda x, b: roi_pool(x, b, 2, 0.5),
    "warp": lambda x, b: roi_warp(x, b, 2, 0.5, 2),
    "warp max": lambda x, b: roi_warp(x, b, 2, 0.5, 2, reduce="max"),
    "align": lambda x, b: roi_align(x, b, 2, 0.5, 2, True),
    "align, adaptive": lambda x, b: roi_align(x, b, 2, 0.5, -1, True),
    "align, one channel": lambda x, b: roi_align(x[:, :1], b, 2, 0.5, -1),
    "align max": lambda x, b: roi_align(x, b, 2, 0.5, 2, True, reduce="max"),
    "ps pool": lambda x, b: ps_roi_pool(x, b, 2, 0.5),
    "ps align": lambda x, b: ps_roi_align(x, b, 2, 0.5, 2),
}
NO_BOX_GRADIENT = ("pool", "ps pool")
EACH_OP = pytest.mark.parametrize("op", CALLS.values(), ids=CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_gradcheck(name):
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor([[0, 1.3, 0.8, 9.1, 8.3], [1, 3.4, 2.6, 7.7, 11.2]], dtype=torch.float64)
    boxes.requires_grad_(name not in NO_BOX_GRADIENT)
    assert torch.autograd.gradcheck(
        lambda x, coordinates: CALLS[name](x, torch.cat([boxes[:, :1].detach(), coordinates], 1)),
        (x, boxes[:, 1:].detach().requires_grad_(name not in NO_BOX_GRADIENT)),
    )


def test_gradient_to_boxes_is_zero_through_rounding_only():
    x = torch.randn(1, 4, 9, 11)
    for op, moves in ((roi_warp, False), (roi_align, True)):
        rois = torch.tensor([[0.0, 9.0, 11.0, 50.0, 47.0]], requires_grad=True)
        op(x, rois, 2, SCALE, 2).sum().backward()
        assert bool(rois.grad[0, 1:].all()) is moves


@EACH_OP
def test_no_rois(op):
    x = torch.randn(2, 8, 6, 7, requires_grad=True)
    for boxes in (torch.zeros(0, 5), [torch.zeros(0, 4), torch.zeros(0, 4)]):
        out = op(x, boxes)
        assert out.shape[0] == 0
        assert out.shape[2:] == (2, 2)
        (grad,) = torch.autograd.grad(out.sum(), x)
        assert not grad.any()


@EACH_OP
def test_no_images(op):
    assert op(torch.randn(0, 8, 6, 7), []).shape[0] == 0


@EACH_OP
def test_memory_format_and_form_of_boxes_do_not_matter(op):
    x = torch.randn(2, 8, 6, 14)[..., ::2]
    lists = [torch.rand(5, 4) * 12, torch.rand(3, 4) * 12]
    rois = torch.cat(
        [torch.cat([torch.full((len(b), 1), float(i)), b], 1) for i, b in enumerate(lists)]
    )
    expected = op(x.contiguous(), rois)
    torch.testing.assert_close(op(x, lists), expected)
    torch.testing.assert_close(op(x.to(memory_format=torch.channels_last), rois), expected)


@EACH_OP
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_is_computed_in_float32(op, dtype, autocast):
    x = torch.randn(2, 8, 6, 7).to(dtype).requires_grad_()
    rois = torch.cat([torch.randint(2, (9, 1)), torch.rand(9, 4) * 12], dim=1)
    with torch.autocast("cpu", dtype) if autocast else contextlib.nullcontext():
        out = op(x, rois)
    assert out.dtype == dtype
    torch.testing.assert_close(out, op(x.float(), rois).to(dtype))
    out.sum().backward()
    assert x.grad.dtype == dtype
