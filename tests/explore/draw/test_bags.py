import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgba

from mrcnn_lite.explore.draw.bags import (
    cell_weights,
    draw_legend,
    draw_operation,
    draw_values,
)
from mrcnn_lite.explore.palette import BINS, QUANTISED_BOX, TRUE_BOX
from mrcnn_lite.ops import roi_align_bags, roi_pool_bags, roi_warp_bags

STRIDE = 16
ROIS = torch.tensor([[0, 5.0, 9, 50, 60], [0, 37.0, 22, 99, 87]])


@pytest.fixture
def axes():
    figure, axes = plt.subplots(layout="constrained")
    yield axes
    plt.close(figure)


def outlines(axes, meaning):
    """(x1, y1, x2, y2) of all rectangles drawn in the colour of one meaning."""
    return [
        (*patch.get_xy(), patch.get_x() + patch.get_width(), patch.get_y() + patch.get_height())
        for patch in axes.patches
        if patch.get_edgecolor() == to_rgba(meaning.color)
    ]


def test_weights_of_whole_cells_count_the_bins():
    bags = roi_pool_bags((6, 9), ROIS, 2, 1 / STRIDE)
    # Box of 5 x 5 cells from (2, 1), in bins of 3 x 3 that share the middle row and column.
    expected = torch.zeros(6, 9)
    expected[1:6, 2:7] = 1
    expected[3, 2:7] *= 2
    expected[1:6, 4] *= 2
    assert torch.equal(cell_weights(bags, roi=1), expected)
    upper_right = torch.zeros(6, 9)
    upper_right[1:4, 4:7] = 1
    assert torch.equal(cell_weights(bags, roi=1, bin=(0, 1)), upper_right)


@pytest.mark.parametrize("make_bags", [roi_warp_bags, roi_align_bags])
def test_weights_of_samples_are_the_matrix(make_bags):
    bags = make_bags((6, 9), ROIS, (2, 3), 1 / STRIDE)
    matrix = bags.matrix().to_dense().view(2, 2, 3, 6, 9)
    assert torch.allclose(cell_weights(bags, roi=1), matrix[1].sum(dim=(0, 1)))
    assert torch.allclose(cell_weights(bags, roi=1, bin=(1, 2)), matrix[1, 1, 2])


@pytest.mark.parametrize(("in_image", "unit"), [(False, 1), (True, STRIDE)])
def test_boxes_are_drawn_where_they_are(axes, in_image, unit):
    draw_operation(axes, roi_warp_bags((6, 9), ROIS, 2, 1 / STRIDE), roi=1, in_image=in_image)
    scale = unit / STRIDE
    assert outlines(axes, TRUE_BOX) == [pytest.approx([c * scale for c in (37, 22, 99, 87)])]
    assert outlines(axes, QUANTISED_BOX) == [pytest.approx([c * unit for c in (2, 1, 7, 6)])]
    bins = sorted(outlines(axes, BINS))
    assert bins[0] == pytest.approx([c * unit for c in (2, 1, 4.5, 3.5)])
    assert len(bins) == 4
    assert axes.get_xlim() == (0, 9 * unit)
    assert axes.get_ylim() == (6 * unit, 0)


def test_overlapping_bins_can_be_told_apart(axes):
    # Each a little smaller than its whole cells, so that no two edges coincide.
    draw_operation(axes, roi_pool_bags((6, 9), ROIS, 2, 1 / STRIDE), roi=1)
    for x1, y1, x2, y2 in outlines(axes, BINS):
        assert 0 < x1 % 1 < 0.2
        assert 0 < y1 % 1 < 0.2
        assert 0.8 < x2 % 1 < 1
        assert 0.8 < y2 % 1 < 1


def test_an_unrounded_box_is_outlined_once(axes):
    draw_operation(axes, roi_align_bags((6, 9), ROIS, 2, 1 / STRIDE, aligned=True))
    assert outlines(axes, QUANTISED_BOX) == []
    draw_operation(axes, roi_align_bags((6, 9), ROIS, 2, 1 / STRIDE, aligned=False))
    assert len(outlines(axes, QUANTISED_BOX)) == 1
    assert "box that is read" in axes.get_legend_handles_labels()[1]


@pytest.mark.parametrize("bin", [None, (1, 0)])
def test_sample_points_are_those_of_the_roi(axes, bin):
    bags = roi_warp_bags((6, 9), ROIS, 2, 1 / STRIDE)
    draw_operation(axes, bags, roi=1, bin=bin)
    drawn = axes.lines[-1].get_xydata().tolist()
    bins = [bin] if bin else [(i, j) for i in range(2) for j in range(2)]
    expected = torch.cat([bags.bin(1, *one).sample_points for one in bins])
    assert sorted(drawn) == sorted(expected.tolist())


def test_a_box_off_the_map_is_shown(axes):
    bags = roi_pool_bags((4, 4), torch.tensor([[0, -2.0, 1, 9, 7]]), 2)
    draw_operation(axes, bags)
    assert axes.get_xlim() == (-2, 10)
    assert axes.get_ylim() == (8, 0)


def test_weights_and_values_are_written(axes):
    draw_values(axes, torch.arange(6.0).view(2, 3))
    assert [text.get_text() for text in axes.texts] == list("012345")
    draw_operation(axes, roi_pool_bags((2, 3), torch.tensor([[0, 1.0, 0, 1, 0]]), 1))
    assert len(axes.texts) == 6
    draw_operation(
        axes, roi_pool_bags((2, 3), torch.tensor([[0, 1.0, 0, 1, 0]]), 1), write_weights=True
    )
    assert axes.texts[-1].get_text() == "1"
    assert axes.texts[-1].get_position() == (1.5, 0.5)


def test_legend_has_each_label_once():
    figure, both = plt.subplots(1, 2, layout="constrained")
    for axes in both:
        draw_operation(axes, roi_warp_bags((6, 9), ROIS, 2, 1 / STRIDE))
    draw_legend(figure)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(labels) == sorted(
        ["cells read", "bins", "true box", "quantised box", "sample points"]
    )
    plt.close(figure)
