import inspect
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from torch._subclasses import FakeTensorMode

from mrcnn_lite.ops import (
    ps_roi,
    ps_roi_align,
    ps_roi_align_bags,
    ps_roi_pool,
    ps_roi_pool_bags,
    roi,
    roi_align,
    roi_align_bags,
    roi_pool,
    roi_pool_bags,
    roi_warp,
    roi_warp_bags,
)
from mrcnn_lite.ops.arguments import as_rois
from mrcnn_lite.ops.by_name import find_operation
from mrcnn_lite.ops.fast.sparse import _WeightedSum
from tests.fake_device import FakeDevice

OPS = [roi_pool, roi_warp, roi_align, ps_roi_pool, ps_roi_align]
EACH_OP = pytest.mark.parametrize("op", OPS)
DEFINITIONS = [
    roi.roi_pool,
    roi.roi_warp,
    roi.roi_align,
    ps_roi.ps_roi_pool,
    ps_roi.ps_roi_align,
]
BAGS = [roi_pool_bags, roi_warp_bags, roi_align_bags, ps_roi_pool_bags, ps_roi_align_bags]
WRONG_TYPES = {
    "input": (None, "map", [[0.0]]),
    "map_size": (None, "6x7", (6.0, 7.0)),
    "boxes": (None, 7, "all"),
    "output_size": (None, "7", (2, None)),
    "spatial_scale": (None, "1/4", torch.ones(2)),
    "sampling_ratio": (None, 1.5, "2"),
    "aligned": (None, 1, "no"),
    "reduce": (None, 2, ["mean"]),
}
# tests/ops/test_roi_on_devices.py has a device of our own, with numbers, for every version.
FAKE_CUDA = pytest.mark.skipif(
    not torch.cuda.is_available() and not hasattr(torch._C, "_ensureCUDADeviceGuardSet"),
    reason="this version's FakeTensorMode wants a driver for CUDA",
)
X = torch.randn(2, 8, 6, 7)
ROIS = torch.tensor([[0.0, 1.0, 2.0, 9.0, 8.0], [1.0, 0.0, 0.0, 5.0, 9.0]])


def changed(row, column, value):
    rois = ROIS.clone()
    rois[row, column] = value
    return rois


@EACH_OP
@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (ValueError, "boxes must have 5 columns", {"boxes": ROIS[:, :3]}),
        (ValueError, "boxes must have 5 columns", {"boxes": torch.zeros(2, 6)}),
        (ValueError, r"boxes\[1\] must have 4 columns", {"boxes": [ROIS[:, :4], ROIS]}),
        (ValueError, "one Tensor.* per image: got 1 for 2", {"boxes": [ROIS[:, :4]]}),
        (ValueError, "boxes: the image number .* row 1 has 2.0", {"boxes": changed(1, 0, 2)}),
        (ValueError, "boxes: the image number .* row 0 has -1.0", {"boxes": changed(0, 0, -1)}),
        (ValueError, "boxes: the image number .* row 0 has 0.5", {"boxes": changed(0, 0, 0.5)}),
        (ValueError, "boxes must be finite, but row 1", {"boxes": changed(1, 3, float("nan"))}),
        (ValueError, "boxes must be finite, but row 0", {"boxes": changed(0, 2, float("inf"))}),
        (TypeError, "boxes must hold real numbers", {"boxes": ROIS > 0}),
        (TypeError, "boxes must be Tensor", {"boxes": "boxes"}),
        (TypeError, r"boxes\[0\] must be a tensor", {"boxes": [[1, 2, 3, 4], [1, 2, 3, 4]]}),
        (TypeError, "input must be of a floating-point type", {"input": X.int()}),
        (TypeError, "input must be a tensor", {"input": X.numpy()}),
        (ValueError, "input must be Tensor", {"input": X[0]}),
        (ValueError, "input must be Tensor", {"input": X[:, :, :0]}),
        (ValueError, "output_size must be a positive", {"output_size": 0}),
        (ValueError, "output_size must be a positive", {"output_size": (2, -1)}),
        (ValueError, "output_size must be a positive", {"output_size": (2, 2, 2)}),
        (TypeError, "output_size must be an int", {"output_size": 2.0}),
        (TypeError, "output_size must be an int", {"output_size": (2.0, 2.0)}),
        (ValueError, "spatial_scale must be positive", {"spatial_scale": 0.0}),
        (ValueError, "spatial_scale must be positive", {"spatial_scale": float("nan")}),
    ],
)
def test_wrong_argument_is_named(op, error, message, arguments):
    good = {"input": X, "boxes": ROIS, "output_size": 2, "spatial_scale": 0.5}
    with pytest.raises(error, match=message):
        op(**(good | arguments))


def arguments_of(function):
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        pytest.param(function, name, value, id=f"{function.__module__}.{function.__name__}-{name}")
        for function in OPS + DEFINITIONS + BAGS
        for name in arguments_of(function)
        for value in WRONG_TYPES[name]
    ],
)
def test_every_argument_of_a_wrong_type_is_named(function, name, value):
    good = {"input": X, "map_size": (6, 7), "boxes": ROIS, "output_size": 2, "spatial_scale": 0.5}
    good = {key: value for key, value in good.items() if key in arguments_of(function)}
    error = ValueError if name == "reduce" else TypeError
    with pytest.raises(error, match=f"^{name} must be"):
        function(**(good | {name: value}))


@pytest.mark.parametrize("value", [None, 3, ["align"]])
def test_a_name_of_a_wrong_type_is_named(value):
    with pytest.raises(ValueError, match=r"^operation must be one of"):
        find_operation(value)


@EACH_OP
def test_numbers_of_other_libraries_are_numbers(op):
    expected = op(X, ROIS, 2, 0.5)
    assert torch.equal(op(X, ROIS, 2, np.float64(0.5)), expected)
    assert torch.equal(op(X, ROIS, np.array(2).item(), np.float32(0.5)), expected)


@pytest.mark.parametrize("op", [roi_warp, roi_align])
def test_unknown_reduction_is_named(op):
    with pytest.raises(ValueError, match="reduce must be one of 'mean', 'max', got 'sum'"):
        op(X, ROIS, 2, reduce="sum")


@pytest.mark.parametrize("op", [ps_roi_pool, ps_roi_align])
def test_wrong_number_of_channels_is_named(op):
    with pytest.raises(ValueError, match=r"must have a multiple of P_h [*] P_w = 9 channels"):
        op(X, ROIS, 3)


@EACH_OP
@pytest.mark.parametrize("far", [1e4, 1e9, 1e20, 3e38])
def test_nothing_is_read_out_of_bounds(op, far):
    box = [[0.0, -far, -far, far, far], [1.0, far, far, far, far], [0.0, far, far, -far, -far]]
    sampling = {} if op in (roi_pool, ps_roi_pool) else {"sampling_ratio": 2}
    x = X.clone().requires_grad_()
    out = op(x, torch.tensor(box), 2, **sampling)
    assert out.isfinite().all()
    assert out.abs().max() <= X.abs().max()
    out.sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("op", [roi_warp, roi_align, ps_roi_align])
@pytest.mark.parametrize(
    ("far", "message"),
    [
        # Where the numbers are beyond int64 too, so is their sum: the text does not say which.
        (5e9, "boxes: all bins together would read 20,000,000,000 cells"),
        (1e12, "boxes: all bins together would read 3,999,999,"),
        (1e30, "boxes: all bins together would read"),
        (1.5e38, "boxes: all bins together would read"),
        (3e38, "boxes: all bins together would read"),
    ],
)
def test_more_samples_than_can_be_numbered(op, far, message):
    boxes = torch.tensor([[0.0, -far, 0.0, far, 1.0], [1.0, -far, 0.0, far, 1.0]])
    with pytest.raises(ValueError, match=message):
        op(X, boxes, 2)


SAMPLED = {
    "fast": [roi_warp, roi_align, ps_roi_align],
    "definitions": [roi.roi_warp, roi.roi_align, ps_roi.ps_roi_align],
    "bags": [roi_warp_bags, roi_align_bags, ps_roi_align_bags],
}


@pytest.mark.parametrize("far", [1e8, 1e9, 1e20, 3e38])
@pytest.mark.parametrize("op", [op for ops in SAMPLED.values() for op in ops])
def test_more_adaptive_samples_than_memory_are_refused_at_once(op, far):
    """Each box by itself, so that not all are refused for one."""
    first = (6, 7) if op in SAMPLED["bags"] else X
    begin = time.process_time()
    for box in ([-far, 0, far, 1], [0, 0, far, far], [far / 10, 2, far, 3], [0, -far, 1, far]):
        with pytest.raises(ValueError, match="boxes: all bins together would read"):
            op(first, torch.tensor([[0.0, *box]]), 2)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("op", [roi_warp, roi_align])
def test_more_single_samples_than_memory_are_refused_at_once(op):
    box = torch.tensor([[0.0, 0.0, 0.0, 20_000.0, 20_000.0]])
    begin = time.process_time()
    with pytest.raises(ValueError, match="boxes: all bins together would read"):
        op(X, box, 2, reduce="max")
    assert op(X, box, 2).isfinite().all()  # of whose mean only the cells on the map matter
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("op", [op for ops in SAMPLED.values() for op in ops])
def test_more_samples_than_memory_are_refused_if_a_caller_asks_for_them(op):
    first = (6, 7) if op in SAMPLED["bags"] else X
    for ratio in (10**9, 10**15, 2**63):
        with pytest.raises(ValueError, match=r"would read .* or give a smaller sampling_ratio"):
            op(first, ROIS, 2, sampling_ratio=ratio)


@pytest.mark.parametrize("op", OPS + DEFINITIONS)
@pytest.mark.parametrize("far", [1e4, 1e9, 1e20, 3e38])
def test_a_small_box_off_the_map_reads_nothing(op, far):
    boxes = torch.tensor([[0.0, far, far, far, far], [1, -far, 0, -far, 5], [0, 1, far, 2, far]])
    assert not op(X, boxes, 2).any()


@EACH_OP
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=FAKE_CUDA)])
def test_fake_tensors(op, device):
    with FakeTensorMode():
        x = torch.randn(2, 8, 6, 7, device=device, requires_grad=True)
        rois = torch.zeros(5, 5, device=device, requires_grad=op in (roi_warp, roi_align))
        for extra in ({}, {"sampling_ratio": 2}, {"reduce": "max"}):
            if set(extra) - set(arguments_of(op)):
                continue
            out = op(x, rois, 2, 0.5, **extra)
            assert out.shape[0] == 5
            assert out.shape[2:] == (2, 2)
            assert out.device.type == device
            if device == "cpu":  # autograd itself asks for a real device
                out.sum().backward()
                assert x.grad.shape == x.shape


@FAKE_CUDA
def test_backward_on_fake_cuda_tensors():
    with FakeTensorMode():
        grad = torch.randn(5, 3, device="cuda")
        cells, offsets = (torch.zeros(n, dtype=torch.int32, device="cuda") for n in (20, 6))
        context = SimpleNamespace(
            saved_tensors=(None, cells, torch.ones(20, device="cuda"), offsets),
            table_shape=torch.Size([12, 3]),
            needs_input_grad=(True, False, False, False, False),
        )
        grad_table = _WeightedSum.backward(context, grad)[0]
        assert grad_table.shape == (12, 3)
        assert grad_table.device == grad.device


@EACH_OP
def test_boxes_on_another_device_are_named(op):
    with FakeDevice("cuda"):
        x = X.to("cuda:0")
        with pytest.raises(ValueError, match="boxes are on cpu, but input is on cuda"):
            op(x, torch.zeros(5, 5), 2)


@EACH_OP
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rois_stay_whole_in_half_precision(op, dtype):
    # Beyond 256 bfloat16 knows every second pixel only.
    x = torch.randn(1, 8, 6, 160).to(dtype)
    rois = torch.tensor([[0.0, 301.0, 2.0, 309.0, 8.0]])
    if op is roi_warp:  # which torchvision does not have: RoIAlign of RoIPool's box
        box = torch.tensor([[0.0, 151.0, 1.0, 156.0, 5.0]])
        expected = torchvision.ops.roi_align(x.float(), box, 2, 1.0, aligned=True)
    else:
        expected = getattr(torchvision.ops, op.__name__)(x.float(), rois, 2, 0.5)
    found = op(x, rois, 2, 0.5)
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected.to(dtype))


def test_images_beyond_256_keep_their_numbers_in_half_precision():
    boxes = [torch.tensor([[1.0, 2.0, 9.0, 8.0]], dtype=torch.bfloat16)] * 260
    assert torch.equal(as_rois(boxes, images=260)[:, 0], torch.arange(260.0))


def test_bags_check_their_arguments():
    with pytest.raises(ValueError, match="map_size must be a positive"):
        roi_align_bags((0, 4), ROIS, 2)
    with pytest.raises(ValueError, match="boxes: the image number must be a whole number"):
        roi_align_bags((4, 4), changed(0, 0, -1), 2)
