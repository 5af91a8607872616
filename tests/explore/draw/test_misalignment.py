import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mrcnn_lite.explore.draw.misalignment import (
    draw_apparent_shift,
    draw_causes,
    draw_sizes_of_causes,
    root_mean_squares,
)
from mrcnn_lite.explore.measure.misalignment import slide, split_shift
from mrcnn_lite.ops.by_name import OPERATIONS


@pytest.fixture
def axes():
    return Figure().subplots()


def ramp_error(operation, dx):
    return split_shift(operation, (20, 20), slide((64, 64, 176, 176), dx=dx), 7, 16)


def test_the_lines_are_the_causes(axes):
    dx = torch.arange(0, 32, 0.5, dtype=torch.float64)
    error = ramp_error("pool", dx)
    draw_causes(axes, 64 + dx, error, place=(0, 3, 3))
    lines = {line.get_label(): line for line in axes.get_lines() if line.get_label()[0] != "_"}
    assert set(lines) == {"half pixel", "rounding", "maximum", "whole error"}
    whole, rounding = (lines[name].get_ydata() for name in ("whole error", "rounding"))
    drawn = whole == whole
    assert torch.as_tensor(whole[drawn]).allclose(error.total[drawn, 0, 3, 3])
    # Two jumps in two cells, and no line across either.
    assert (~drawn).sum() == 2
    assert ((rounding != rounding) == ~drawn).all()
    assert error.total[0, 0, 3, 3] == 16, "the error itself is not touched"


def test_causes_that_an_operation_does_not_have_are_left_out(axes):
    dx = torch.arange(0, 32, 0.5, dtype=torch.float64)
    draw_causes(axes, 64 + dx, ramp_error("align", dx), place=(0, 3, 3))
    labels = [line.get_label() for line in axes.get_lines()]
    assert [label for label in labels if label[0] != "_"] == ["whole error"]


def test_sizes_of_causes(axes):
    dx = torch.tensor([0.0, 8.0])
    errors = {name: ramp_error(name, dx) for name in OPERATIONS}
    sizes = root_mean_squares(errors["align_unaligned"])
    assert sizes == pytest.approx({"half_pixel": 8, "rounding": 0, "maximum": 0})
    draw_sizes_of_causes(axes, errors)
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    expected = [list(root_mean_squares(error).values()) for error in errors.values()]
    np.testing.assert_allclose(np.array(heights).T, expected)


def test_apparent_shift_draws_every_point(axes):
    of_box, apparent = torch.tensor([1.0, 5, 9]), torch.tensor([2.0, 4, 8])
    draw_apparent_shift(axes, of_box, apparent, stride=16)
    points = torch.as_tensor(axes.collections[0].get_offsets().data).float()
    assert torch.equal(points, torch.stack([of_box, apparent], dim=1))
