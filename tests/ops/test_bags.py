from itertools import pairwise

import pytest
import torch

from mrcnn_lite.ops import (
    ps_roi_align,
    ps_roi_align_bags,
    ps_roi_pool,
    ps_roi_pool_bags,
    roi_align,
    roi_align_bags,
    roi_pool,
    roi_pool_bags,
    roi_warp,
    roi_warp_bags,
)

MAP = (9, 11)
SCALE = 1 / 16
BOX = torch.tensor([[0.0, 24.0, 30.0, 79.0, 100.0]])  # 1.5 and 1.875 .. 4.9375 and 6.25 cells


def test_the_box_that_is_read():
    true = torch.tensor([[1.5, 1.875, 4.9375, 6.25]])
    rounded = torch.tensor([[2.0, 2.0, 6.0, 7.0]])  # 1.5 up, the last cell included
    for bags, box in [
        (roi_pool_bags(MAP, BOX, 2, SCALE), rounded),
        (roi_warp_bags(MAP, BOX, 2, SCALE), rounded),
        (roi_align_bags(MAP, BOX, 2, SCALE, aligned=True), true),
        (roi_align_bags(MAP, BOX, 2, SCALE, aligned=False), true + 0.5),
    ]:
        torch.testing.assert_close(bags.box, box)
        torch.testing.assert_close(bags.box_in_image, box * 16)
        torch.testing.assert_close(bags.true_box, true)


def test_pooled_bins_are_whole_cells_and_overlap():
    bags = roi_pool_bags(MAP, BOX, 2, SCALE)
    assert bags.bins[0, 0, 0].tolist() == [2, 2, 4, 5]
    assert bags.bins[0, 1, 1].tolist() == [4, 4, 6, 7]  # row 4 is read twice
    read = bags.bin(0, 0, 0)
    assert read.edges.tolist() == [2, 2, 4, 5]
    assert read.cells.tolist() == [[2, 2], [3, 2], [2, 3], [3, 3], [2, 4], [3, 4]]
    assert read.weights.tolist() == [1] * 6
    assert len(read.sample_points) == 0


@pytest.mark.parametrize("sampling", [-1, 2])
def test_samples_are_centred_in_their_bin_and_make_its_weights(sampling):
    bags = roi_align_bags(MAP, BOX, (2, 3), SCALE, sampling, aligned=True)
    for i in range(2):
        for j in range(3):
            read = bags.bin(0, i, j)
            x1, y1, x2, y2 = read.edges
            centre = torch.stack([(x1 + x2) / 2, (y1 + y2) / 2])
            torch.testing.assert_close(read.sample_points.mean(0), centre)
            torch.testing.assert_close(read.weights.sum(), torch.tensor(1.0))
            # Bilinear weights keep the centre of gravity.
            balance = ((read.cells + 0.5) * read.weights[:, None]).sum(0)
            torch.testing.assert_close(balance, centre)
    number = 4 if sampling == 2 else 3 * 2  # bins of 2.19 x 1.15 cells
    assert bags.sample_offsets.tolist() == [number * k for k in range(7)]
    assert bags.sample_points.shape == (6 * number, 2)


def test_bins_can_be_counted_from_the_end_and_missing_ones_raise():
    bags = roi_align_bags(MAP, BOX.repeat(2, 1), 2, SCALE)
    for a, b in zip(bags.bin(-1, -1, -1), bags.bin(1, 1, 1)):
        assert torch.equal(a, b)
    with pytest.raises(IndexError):
        bags.bin(2, 0, 0)


@pytest.mark.parametrize(
    ("op", "bags_of", "extra"),
    [
        (roi_warp, roi_warp_bags, {"sampling_ratio": 2}),
        (roi_align, roi_align_bags, {"sampling_ratio": 2, "aligned": True}),
        (roi_align, roi_align_bags, {}),
    ],
)
def test_the_matrix_is_the_operation(op, bags_of, extra, random_rois):
    x, rois = torch.randn(3, 4, *MAP), random_rois(20, 3, torch.float32, False)
    matrix = bags_of(MAP, rois, (2, 3), SCALE, **extra).matrix(images=3)
    out = (matrix @ x.permute(0, 2, 3, 1).reshape(-1, 4)).view(20, 2, 3, 4).permute(0, 3, 1, 2)
    torch.testing.assert_close(out, op(x, rois, (2, 3), SCALE, **extra), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("op", "bags_of"), [(ps_roi_pool, ps_roi_pool_bags), (ps_roi_align, ps_roi_align_bags)]
)
def test_position_sensitive_bins_read_their_own_maps(op, bags_of, random_rois):
    x, rois = torch.randn(3, 6, *MAP), random_rois(20, 3, torch.float32, False)
    matrix = bags_of(MAP, rois, (2, 3), SCALE).matrix(images=3)
    out = (matrix @ x.reshape(-1, 1)).view(20, 1, 2, 3)
    torch.testing.assert_close(out, op(x, rois, (2, 3), SCALE), atol=1e-5, rtol=0)


def test_pooling_takes_the_maximum_of_its_bags(random_rois):
    x, rois = torch.randn(3, 1, *MAP), random_rois(20, 3, torch.float32, True)
    bags = roi_pool_bags(MAP, rois, 2, SCALE)
    pairs = bags.offsets.tolist()
    values = x.flatten()[bags.cells]
    best = [values[a:b].amax() if b > a else torch.tensor(0.0) for a, b in pairwise(pairs)]
    assert torch.equal(torch.stack(best).view(20, 1, 2, 2), roi_pool(x, rois, 2, SCALE))
