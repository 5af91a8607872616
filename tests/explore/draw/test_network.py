import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.network import (
    connections,
    draw_connections,
    draw_costs,
    draw_influence,
)
from mrcnn_lite.explore.measure.layer_cost import Cost
from mrcnn_lite.explore.measure.receptive_field import ReceptiveField


@pytest.fixture
def axes():
    return Figure().subplots()


def test_influence_is_drawn_over_the_image(axes):
    influence = torch.zeros(20, 30)
    influence[8, 9] = 4.0
    influence[8, 10] = 1.0
    field = ReceptiveField(size=11, stride=4, start=-5)
    draw_influence(axes, torch.rand(3, 20, 30), influence, field, (2, 4), 6, "half")
    layer = axes.images[1].get_array()
    assert layer.shape == (20, 30, 4)
    assert layer[8, 10, 3] == pytest.approx(layer[8, 9, 3] / 2)
    assert layer[0, 0, 3] == 0
    seen, square = axes.patches
    assert seen.get_xy() == (11, 3)
    assert (seen.get_width(), seen.get_height()) == (11, 11)
    assert square.get_xy() == (13.5, 5.5)
    assert square.get_width() == 6
    assert [patch.get_label() for patch in axes.patches] == ["receptive field", "half"]


def test_a_field_beyond_the_image_is_shown(axes):
    field = ReceptiveField(size=11, stride=4, start=-5)
    draw_influence(axes, torch.rand(3, 20, 30), torch.ones(20, 30), field, (0, 7), 2, "half")
    assert axes.get_xlim() == (0, 34)
    assert axes.get_ylim() == (20, -5)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_connections_are_those_of_the_convolution(groups):
    torch.manual_seed(0)
    weight = torch.randn(12, 6 // groups, 3, 3)
    table = connections(weight, groups)
    assert table.shape == (12, 6)
    for channel in range(6):
        x = torch.zeros(1, 6, 3, 3)
        x[0, channel, 1, 1] = 1
        # Around a single 1 the output is the kernel, turned around.
        response = F.conv2d(x, weight, padding=1, groups=groups)[0]
        assert torch.allclose(response.square().sum(dim=(1, 2)).sqrt(), table[:, channel])


def test_connections_are_drawn(axes):
    draw_connections(axes, torch.ones(4, 1, 3, 3), groups=2, title="2 groups")
    assert axes.images[0].get_array().tolist() == [[3, 0], [3, 0], [0, 3], [0, 3]]
    assert axes.images[0].get_extent() == [0, 2, 4, 0]
    assert axes.get_title() == "2 groups"


def test_costs_are_drawn_in_their_units():
    left, right = Figure().subplots(1, 2)
    draw_costs(left, right, {"C2": Cost(2_500_000, 10**9), "C3": Cost(500_000, 3 * 10**9)})
    assert [bar.get_width() for bar in left.patches] == [2.5, 0.5]
    assert [bar.get_width() for bar in right.patches] == [1, 3]
    assert [label.get_text() for label in left.get_yticklabels()] == ["C2", "C3"]
    assert left.get_xlabel() == "parameters (millions)"
    assert right.get_xlabel() == "multiply-adds (billions)"
