"""The convolution with fewer multiplications against PyTorch's."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mrcnn_lite.models.fast import winograd
from mrcnn_lite.models.fast.winograd import (
    WinogradConv2d,
    best_cells,
    convolve,
    is_faster,
    transform_matrices,
    use_winograd,
)


def test_matrices_are_the_papers():
    """F(4, 3) of Lavin and Gray 2016, section 4.3, written out."""
    to_values, values_of, to_output = transform_matrices((0.0, 1.0, -1.0, 2.0, -2.0))
    assert to_values.tolist() == [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    assert to_output.tolist() == [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
    expected = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    torch.testing.assert_close(24 * values_of, torch.tensor(expected, dtype=torch.float64))


@given(
    images=st.integers(0, 5),
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    tiles_at_once=st.integers(1, 12),
    kernels_at_once=st.integers(1, 6),
    bias=st.booleans(),
    cells=st.integers(2, 5),
    layout=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_any_map_is_convolved_as_by_pytorch(
    images, height, width, tiles_at_once, kernels_at_once, bias, cells, layout
):
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 5, kernel_size=3, padding=1, bias=bias).double()
    convolution.to(memory_format=layout)
    x = torch.randn(images, 3, height, width, dtype=torch.float64).to(memory_format=layout)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(winograd, "TILES_AT_ONCE", tiles_at_once)
        patch.setattr(winograd, "KERNELS_AT_ONCE", kernels_at_once)
        patch.setattr(winograd, "best_cells", lambda shape: cells)
        output = convolve(x, convolution.weight, convolution.bias)
        torch.testing.assert_close(output, convolution(x), atol=1e-10, rtol=1e-10)
    assert output.is_contiguous(memory_format=torch.channels_last)


def test_rounding_in_float32_is_a_few_times_pytorchs():
    torch.manual_seed(0)
    layer = nn.Conv2d(256, 256, kernel_size=3, padding=1).requires_grad_(False)
    x = torch.randn(2, 256, 14, 14).relu()
    output, expected = convolve(x, layer.weight, layer.bias), layer.double()(x.double())
    assert (output - expected).abs().max() < 1e-4 * expected.std()


def wide_layer() -> WinogradConv2d:
    torch.manual_seed(0)
    return use_winograd(nn.Sequential(nn.Conv2d(128, 130, kernel_size=3, padding=1)))[0]


LARGE_MAP = (1, 128, 31, 36)  # 7 x 8 tiles


@pytest.fixture
def calls(monkeypatch):
    """The shapes of the maps that go through `convolve`."""
    shapes = []

    def record(x, weight, bias):
        shapes.append(tuple(x.shape))
        return convolve(x, weight, bias)

    monkeypatch.setattr(winograd, "convolve", record)
    return shapes


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_no_gradient_is_wanted_it_takes_over(dtype, calls):
    layer, x = wide_layer().to(dtype), torch.randn(LARGE_MAP, dtype=dtype)
    with torch.no_grad():
        output = layer(x)
    assert calls == [LARGE_MAP]
    # With gradients enabled, but none wanted.
    torch.testing.assert_close(layer.requires_grad_(False)(x), output, rtol=0, atol=0)
    assert calls == [LARGE_MAP] * 2
    expected = nn.functional.conv2d(x, layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(output, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("wants", ["weight", "x"])
def test_where_a_gradient_is_wanted_it_is_pytorchs(wants, calls):
    layer, x = wide_layer().requires_grad_(wants == "weight"), torch.randn(LARGE_MAP)
    x.requires_grad_(wants == "x")
    plain = nn.functional.conv2d(x, layer.weight, layer.bias, padding=1)
    assert torch.equal(layer(x), plain)
    assert not calls


def test_elsewhere_it_is_pytorchs(calls):
    layer = wide_layer().requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(LARGE_MAP)).dtype == torch.bfloat16
    assert copy.deepcopy(layer).bfloat16()(torch.randn(LARGE_MAP).bfloat16()).isfinite().all()
    assert copy.deepcopy(layer).to("meta")(torch.empty(LARGE_MAP, device="meta")).is_meta
    small = torch.randn(1, 128, 26, 30)  # 6 x 6 tiles
    plain = nn.functional.conv2d(small, layer.weight, layer.bias, padding=1)
    assert torch.equal(layer(small), plain)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert layer(mode.from_tensor(torch.empty(LARGE_MAP))).shape == (1, 130, 31, 36)
    assert layer(torch.randn(LARGE_MAP[1:])).shape == (130, 31, 36)  # without a batch
    with pytest.raises(RuntimeError, match="to have 128 channels"):
        layer(torch.randn(1, 64, 31, 36))
    assert not calls
    assert not is_faster(torch.randn(1, 127, 31, 36), torch.randn(128, 127, 3, 3))
    assert not is_faster(torch.randn(LARGE_MAP), torch.randn(127, 128, 3, 3))


def test_who_traces_sees_a_convolution():
    layer = wide_layer().eval().requires_grad_(False)
    x = torch.randn(LARGE_MAP)
    assert "aten::_convolution" in str(torch.jit.trace(layer, x, check_trace=False).inlined_graph)
    graphs = [torch.export.export(layer, (x,)).graph]
    torch.compile(layer, backend=lambda module, _: graphs.append(module.graph) or module.forward)(x)
    for graph in graphs:
        assert any("conv2d" in str(node.target) for node in graph.nodes)
    assert len(graphs) == 2


def test_only_layers_that_keep_the_size_are_turned():
    layers = nn.ModuleDict(
        {
            "same size": nn.Conv2d(4, 4, kernel_size=3, padding=1),
            "kernel": nn.Conv2d(4, 4, kernel_size=1),
            "no border": nn.Conv2d(4, 4, kernel_size=3),
            "stride": nn.Conv2d(4, 4, kernel_size=3, padding=1, stride=2),
            "dilation": nn.Conv2d(4, 4, kernel_size=3, padding=2, dilation=2),
            "groups": nn.Conv2d(4, 4, kernel_size=3, padding=1, groups=2),
            "border": nn.Conv2d(4, 4, kernel_size=3, padding=1, padding_mode="reflect"),
            "transposed": nn.ConvTranspose2d(4, 4, kernel_size=3, padding=1),
            "a class of its own": type("Own", (nn.Conv2d,), {})(4, 4, kernel_size=3, padding=1),
        }
    )
    before = copy.deepcopy(layers.state_dict())
    assert use_winograd(layers) is layers
    turned = {name for name, layer in layers.items() if isinstance(layer, WinogradConv2d)}
    assert turned == {"same size"}
    assert layers.state_dict().keys() == before.keys()
    layers.load_state_dict(before, strict=True)


def test_tiles_are_chosen_by_the_map():
    # 7 x 7: four tiles of 36 multiplications, not of 49; 14 x 14: nine of 49, not sixteen of 36.
    shapes = [(100, 256, side, side) for side in (7, 8, 14, 15)] + [(1, 256, 120, 160)]
    assert [best_cells(shape) for shape in shapes] == [4, 4, 5, 5, 5]
