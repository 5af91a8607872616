"""The convolution with fewer multiplications against PyTorch's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mrcnn_lite.models.fast import winograd
from mrcnn_lite.models.fast.convolution import LargeMapConv2d
from mrcnn_lite.models.fast.prepare import replace_by_winograd
from mrcnn_lite.models.fast.winograd import WinogradConv2d, best_cells, transform_matrices
from mrcnn_lite.models.fpn import FeaturePyramid
from mrcnn_lite.models.keypoints import KeypointHead


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
    bias=st.booleans(),
    cells=st.integers(2, 5),
)
def test_any_map_is_convolved_as_by_pytorch(images, height, width, tiles_at_once, bias, cells):
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 5, kernel_size=3, padding=1, bias=bias).double()
    x = torch.randn(images, 3, height, width, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(winograd, "TILES_AT_ONCE", tiles_at_once)
        output = WinogradConv2d(convolution, cells)(x)
        torch.testing.assert_close(output, convolution(x))
    assert output.is_contiguous(memory_format=torch.channels_last)


def test_result_and_gradient_are_pytorchs_to_1e_10():
    torch.manual_seed(0)
    convolution = nn.Conv2d(6, 5, kernel_size=3, padding=1).double()
    x = torch.randn(2, 6, 12, 9, dtype=torch.float64, requires_grad=True)
    output, expected = WinogradConv2d(convolution)(x), convolution(x)
    torch.testing.assert_close(output, expected, atol=1e-10, rtol=1e-10)
    weights = torch.randn_like(expected)
    gradient, expected_gradient = (
        torch.autograd.grad((values * weights).sum(), x)[0] for values in (output, expected)
    )
    torch.testing.assert_close(gradient, expected_gradient, atol=1e-10, rtol=1e-10)


def test_rounding_in_float32_is_a_few_times_pytorchs():
    torch.manual_seed(0)
    convolution = nn.Conv2d(256, 256, kernel_size=3, padding=1)
    x = torch.randn(2, 256, 14, 14).relu()
    with torch.no_grad():
        output, expected = WinogradConv2d(convolution)(x), convolution.double()(x.double())
    assert (output - expected).abs().max() < 1e-4 * expected.std()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_does_not_make_it_coarse(dtype):
    torch.manual_seed(0)
    convolution = nn.Conv2d(8, 8, kernel_size=3, padding=1)
    x = torch.randn(1, 8, 9, 9).to(dtype)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = WinogradConv2d(convolution)(x)
    assert output.dtype == torch.float32
    with torch.no_grad():
        torch.testing.assert_close(output, convolution(x.float()), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, kernel_size=1),
        nn.Conv2d(4, 4, kernel_size=3),
        nn.Conv2d(4, 4, kernel_size=3, padding=1, stride=2),
        nn.Conv2d(4, 4, kernel_size=3, padding=2, dilation=2),
        nn.Conv2d(4, 4, kernel_size=3, padding=1, groups=2),
        nn.Conv2d(4, 4, kernel_size=3, padding=1, padding_mode="reflect"),
    ],
)
def test_other_convolutions_are_refused(layer):
    with pytest.raises(ValueError, match="convolution should have kernel size 3"):
        WinogradConv2d(layer)


def test_tiles_are_chosen_by_the_map():
    # 7 x 7: four tiles of 36 multiplications, not of 49; 14 x 14: nine of 49, not sixteen of 36.
    assert [best_cells(side) for side in (7, 8, 14, 15, 120)] == [4, 4, 5, 5, 5]


def test_only_layers_that_gain_are_replaced():
    def layer(channels, dtype=torch.float32, device="cpu", **keywords):
        keywords = {"kernel_size": 3, "padding": 1} | keywords
        return nn.Conv2d(channels, channels, **keywords, dtype=dtype, device=device)

    layers = nn.ModuleDict(
        {
            "gains": layer(128),
            "gains in float64": layer(128, torch.float64),
            "narrow": layer(64),
            "wide": layer(512),
            "half precision": layer(128, torch.bfloat16),
            "elsewhere": layer(128, device="meta"),
            "another kernel": layer(128, kernel_size=1, padding=0),
        }
    )
    replace_by_winograd(layers)
    replaced = {name for name, one in layers.items() if isinstance(one, WinogradConv2d)}
    assert replaced == {"gains", "gains in float64"}


def test_coarse_maps_of_a_pyramid_stay_as_they_are():
    pyramid = FeaturePyramid((8, 16, 32, 64), out_channels=128)
    replace_by_winograd(nn.Sequential(pyramid))
    blocks = [type(block[0]) for block in pyramid.layer_blocks]
    assert blocks == [WinogradConv2d, WinogradConv2d, LargeMapConv2d, LargeMapConv2d]


def test_a_keypoint_heads_many_channels_are_read_for_many_rois():
    head = KeypointHead(256, (512, 512))
    replace_by_winograd(nn.Sequential(head))
    assert [type(layer) for layer in head] == [WinogradConv2d, nn.ReLU] * 2
