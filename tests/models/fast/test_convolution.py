"""The pyramid's convolution gives an ordinary one's numbers and gradients, to 1e-10."""

import pytest
import torch
from torch import nn
from torch.autograd import gradgradcheck

from mrcnn_lite.models.fast import convolution
from mrcnn_lite.models.fast.convolution import LargeMapConv2d


def make_both(bias: bool = True) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    ours = LargeMapConv2d(3, 4, bias).double()
    plain = nn.Conv2d(3, 4, 3, padding=1, bias=bias).double()
    ours.load_state_dict(plain.state_dict(), strict=True)
    return ours, plain


@pytest.mark.parametrize("size", [(70, 5), (5, 70), (32, 3), (33, 2), (1, 1)])
@pytest.mark.parametrize("images", [0, 1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_an_ordinary_convolution(size, images, layout, bias):
    x = torch.randn(images, 3, *size, dtype=torch.float64).to(memory_format=layout)
    results = []
    for module in make_both(bias):
        leaf = x.clone().requires_grad_()
        output = module(leaf)
        inputs = [leaf, *module.parameters()]
        results.append((output, *torch.autograd.grad(output.sin().sum(), inputs)))
    torch.testing.assert_close(*results, atol=1e-10, rtol=1e-10)


def test_only_what_is_wanted(monkeypatch):
    ours, _ = make_both()
    x = torch.randn(1, 3, 4, 5, dtype=torch.float64)
    ours(x).sum().backward()
    assert ours.weight.grad.abs().sum() > 0
    monkeypatch.setattr(convolution, "weight_gradient", None)
    ours.weight.requires_grad_(False)
    leaf = x.clone().requires_grad_()
    ours(leaf).sum().backward()
    with torch.no_grad():
        ours(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours.float()(x.float()).dtype == torch.bfloat16


def test_second_derivatives():
    ours, _ = make_both()
    x = torch.randn(1, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    parameters = [p.detach().requires_grad_() for p in ours.parameters()]
    assert gradgradcheck(convolution._Convolution.apply, (x, *parameters))
