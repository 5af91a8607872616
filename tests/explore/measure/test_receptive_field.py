"""Receptive fields: the sum against the gradient, and a square against counting."""

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mrcnn_lite.explore.measure.receptive_field import (
    Layer,
    ReceptiveField,
    influence_of_pixels,
    main_path,
    receptive_field,
    smallest_square,
)
from mrcnn_lite.models.backbone import mini_trunk

# No gaps between windows, and no window that reads only padding: then all of a field is seen.
layers = st.lists(
    st.builds(Layer, st.integers(1, 5), st.integers(1, 3), st.integers(0, 3)).filter(
        lambda layer: layer.stride <= layer.kernel > layer.padding
    ),
    max_size=4,
)


@given(layers, st.integers(0, 2))
def test_the_field_is_where_the_gradient_is(layers, cell):
    image = torch.ones(1, 1, 400, requires_grad=True, dtype=torch.float64)
    x = image
    for kernel, stride, padding in layers:
        weight = torch.ones(1, 1, kernel, dtype=torch.float64)
        x = nn.functional.conv1d(x, weight, stride=stride, padding=padding)
    x[0, 0, cell].backward()
    seen = image.grad[0, 0].nonzero().flatten()
    first, end = receptive_field(layers).pixels(cell)
    assert (max(first, 0), end) == (int(seen[0]), int(seen[-1]) + 1)


def test_known_networks():
    fields = {
        level: (field.size, field.stride)
        for level, path in main_path(torchvision.models.resnet18()).items()
        for field in [receptive_field(path)]
    }
    # Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks" (2019).
    assert fields == {"C2": (43, 4), "C3": (99, 8), "C4": (211, 16), "C5": (435, 32)}


def test_a_dilated_stage_sees_as_much_at_half_the_stride():
    dilated = torchvision.models.resnet50(replace_stride_with_dilation=[False, False, True])
    plain = receptive_field(main_path(torchvision.models.resnet50())["C5"])
    field = receptive_field(main_path(dilated)["C5"])
    assert (field.size, field.stride) == (plain.size, 16)


def test_influence_ends_where_the_field_does():
    torch.manual_seed(0)
    trunk = mini_trunk().double().eval()
    images = torch.randn(2, 3, 96, 128, dtype=torch.float64)
    field = receptive_field(main_path(trunk)["C3"])
    influence = influence_of_pixels(trunk, images, level=3, cell=(5, 7))
    assert influence.shape == (96, 128)
    for axis, cell in ((1, 5), (0, 7)):
        seen = influence.sum(dim=axis).nonzero().flatten()
        assert (int(seen[0]), int(seen[-1]) + 1) == field.pixels(cell)


def test_influence_is_the_change_that_a_pixel_makes():
    torch.manual_seed(0)
    trunk = mini_trunk().double().eval()
    image = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    influence = influence_of_pixels(trunk, image, level=2, cell=(4, 3))

    def energy(image):
        with torch.no_grad():
            return trunk(image)[0][0, :, 4, 3].square().sum() / 2

    slopes = []
    for channel in range(3):
        moved = torch.zeros_like(image)
        moved[0, channel, 17, 14] = 1e-6
        slopes.append((energy(image + moved) - energy(image - moved)) / 2e-6)
    assert influence[17, 14] == pytest.approx(torch.stack(slopes).norm().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("share", "side"), [(1 / 36, 2), (4 / 36, 2), (0.12, 4), (16 / 36, 4), (0.5, 6), (1, 6)]
)
def test_smallest_square_of_even_influence(share, side):
    influence = torch.zeros(9, 12)
    influence[2:8, 3:9] = 1
    assert smallest_square(influence, (5, 6), share) == side


def test_smallest_square_about_the_middle_of_a_pixel():
    influence = torch.zeros(9, 12)
    influence[4, 6] = 3
    influence[4, 8] = 1
    assert smallest_square(influence, (4.5, 6.5), 0.75) == 2
    assert smallest_square(influence, (4.5, 6.5), 0.8) == 6


def test_field_without_layers():
    assert receptive_field([]) == ReceptiveField(1, 1, 0)
