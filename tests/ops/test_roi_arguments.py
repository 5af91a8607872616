from types import SimpleNamespace

import pytest
import torch
import torchvision
from torch._subclasses import FakeTensorMode

from mrcnn_lite.ops import (
    ps_roi_align,
    ps_roi_pool,
    roi_align,
    roi_align_bags,
    roi_pool,
    roi_warp,
)
from mrcnn_lite.ops.arguments import as_rois
from mrcnn_lite.ops.fast.sparse import _WeightedSum
from tests.fake_device import FakeDevice

OPS = [roi_pool, roi_warp, roi_align, ps_roi_pool, ps_roi_align]
EACH_OP = pytest.mark.parametrize("op", OPS)
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


@EACH_OP
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=FAKE_CUDA)])
def test_fake_tensors(op, device):
    with FakeTensorMode():
        x = torch.randn(2, 8, 6, 7, device=device, requires_grad=True)
        rois = torch.zeros(5, 5, device=device, requires_grad=op in (roi_warp, roi_align))
        for extra in ({}, {"sampling_ratio": 2}, {"reduce": "max"}):
            if set(extra) - set(op.__code__.co_varnames[: op.__code__.co_argcount]):
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
