"""The RoI operations on GPUs that are not there; Apple's has no float64."""

import pytest
import torch

from mrcnn_lite.ops import ps_roi_align, ps_roi_pool, roi_align, roi_pool, roi_warp
from tests.fake_device import FakeDevice

SCALE = 1 / 8
# Each with its arguments beyond the scale; those that sample have a gradient to the boxes.
OPERATIONS = {
    "pool": (roi_pool, {}),
    "ps_pool": (ps_roi_pool, {}),
    **{
        f"{name}_{reduce}_{sampling}": (op, {"reduce": reduce, "sampling_ratio": sampling})
        for name, op in (("align", roi_align), ("warp", roi_warp))
        for reduce in ("mean", "max")
        for sampling in (-1, 2)
    },
    "align_aligned": (roi_align, {"aligned": True}),
    **{f"ps_align_{n}": (ps_roi_align, {"sampling_ratio": n}) for n in (-1, 2)},
}


def run(op, x, rois, settings):
    """The output, the gradient to the map, and, where there is one, that to the boxes."""
    inputs = [x.requires_grad_()]
    if settings:
        inputs.append(rois.requires_grad_())
    output = op(x, rois, (2, 3), SCALE, **settings)
    return output, *torch.autograd.grad(output.square().sum(), inputs)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("channels", [1, 48])
@pytest.mark.parametrize(("op", "settings"), OPERATIONS.values(), ids=OPERATIONS)
def test_values_and_gradients_are_those_of_the_cpu(
    op, settings, channels, layout, kind, random_rois
):
    if op in (ps_roi_pool, ps_roi_align):
        channels *= 6
    x = torch.randn(3, channels, 9, 11).to(memory_format=layout)
    rois = random_rois(40, 3, torch.float32, inverted=True)
    expected = run(op, x.clone(), rois.clone(), settings)
    device = torch.device(kind, 0)
    with FakeDevice(kind):
        found = run(op, x.to(device), rois.to(device), settings)
    for value, of_cpu in zip(found, expected, strict=True):
        assert value.device == device
        torch.testing.assert_close(value.detach().value, of_cpu.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("op", [roi_warp, roi_align, ps_roi_align])
def test_more_samples_than_can_be_numbered(op):
    box = [[0.0, -1e12, 0.0, 1e12, 1e12]]
    with FakeDevice("mps"), pytest.raises(ValueError, match=r"would read [0-9,]+ cells"):
        op(torch.zeros(1, 4, 9, 11).to("mps:0"), torch.tensor(box).to("mps:0"), 2)
