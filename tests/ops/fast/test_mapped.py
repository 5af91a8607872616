"""The operations under `torch.vmap` give what a loop over the maps gives."""

from functools import partial

import pytest
import torch
from torch import vmap

from mrcnn_lite.ops import ps_roi_align, ps_roi_pool, roi_align, roi_pool, roi_warp
from mrcnn_lite.ops.fast import mapped

# Three maps of a batch of two images, and five RoIs for each.
OPERATIONS = {
    "pool": roi_pool,
    "warp": roi_warp,
    "align": partial(roi_align, sampling_ratio=2, aligned=True),
    "largest": partial(roi_align, reduce="max"),
    "ps_pool": ps_roi_pool,
    "ps_align": ps_roi_align,
}


@pytest.fixture(params=OPERATIONS)
def operation(request):
    return lambda maps, rois: OPERATIONS[request.param](maps, rois, (2, 3), 1 / 8)


@pytest.fixture
def maps():
    torch.manual_seed(0)
    return torch.randn(3, 2, 12, 9, 11, dtype=torch.float64)


@pytest.fixture
def rois():
    torch.manual_seed(1)
    corners = 80 * torch.rand(3, 5, 2, dtype=torch.float64)
    numbers = torch.randint(2, (3, 5, 1)).double()
    return torch.cat([numbers, corners, corners + 50 * torch.rand(3, 5, 2)], dim=-1)


def loop(operation, maps, rois):
    return torch.stack([operation(one, some) for one, some in zip(maps, rois)])


def test_over_maps_boxes_and_both(operation, maps, rois):
    both = vmap(operation)(maps, rois)
    torch.testing.assert_close(both, loop(operation, maps, rois))
    one = vmap(operation, in_dims=(0, None))(maps, rois[0])
    torch.testing.assert_close(one, loop(operation, maps, rois[:1].expand(3, -1, -1)))
    other = vmap(operation, in_dims=(None, 0))(maps[0], rois)
    torch.testing.assert_close(other, loop(operation, maps[:1].expand(3, -1, -1, -1, -1), rois))


def test_over_other_dimensions_and_twice(operation, maps, rois):
    moved = vmap(operation, in_dims=(2, 1), out_dims=1)(maps.movedim(0, 2), rois.movedim(0, 1))
    right = loop(operation, maps, rois)
    torch.testing.assert_close(moved.movedim(1, 0), right)
    twice = vmap(vmap(operation, in_dims=(None, 0)), in_dims=(0, None))(maps, rois)
    for one, row in zip(maps, twice):
        torch.testing.assert_close(row, loop(operation, one.expand(3, -1, -1, -1, -1), rois))


def test_gradients_flow_back_to_the_mapped(operation, maps, rois):
    maps.requires_grad_()
    weights = torch.randn(3, 5, 1, 1, 1, dtype=torch.float64)
    (got,) = torch.autograd.grad((weights * vmap(operation)(maps, rois)).sum(), maps)
    (right,) = torch.autograd.grad((weights * loop(operation, maps, rois)).sum(), maps)
    torch.testing.assert_close(got, right)


def test_a_list_of_boxes_and_no_boxes(operation, maps, rois):
    lists = vmap(lambda one, boxes: operation(one, [boxes[:2], boxes[2:]]))(maps, rois[..., 1:])
    numbered = rois.clone()
    numbered[..., 0] = torch.tensor([0, 0, 1, 1, 1.0])
    torch.testing.assert_close(lists, loop(operation, maps, numbered))
    assert vmap(operation)(maps, rois[:, :0]).shape[:2] == (3, 0)


def test_an_image_number_of_the_next_map_is_refused(operation, maps, rois):
    rois[0, 0, 0] = 2
    with pytest.raises(ValueError, match=r"one of 0 \.\. 1"):
        vmap(operation)(maps, rois)


def test_the_operation_runs_once_for_all_maps(maps, rois):
    calls = []

    @mapped.mappable
    def counted(input, boxes):
        calls.append((len(input), len(boxes)))
        return input.new_zeros(len(boxes), 1, 1, 1)

    vmap(counted)(maps, rois)
    assert calls == [(6, 15)]
