from typing import get_args, get_type_hints

import pytest
import torch

from mrcnn_lite import ops
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.ops.by_name import OPERATIONS, find_operation

MAP, SIZE, SCALE = (9, 11), (2, 3), 1 / 8


def test_a_model_chooses_by_the_same_names():
    names = get_args(get_type_hints(MaskRCNNConfig)["roi_op"])
    assert set(names) == OPERATIONS.keys() - {"align_unaligned"}


@pytest.mark.parametrize(
    ("name", "function", "extra"),
    [
        ("pool", "roi_pool", {}),
        ("warp", "roi_warp", {"sampling_ratio": 2}),
        ("align_unaligned", "roi_align", {"sampling_ratio": 2, "aligned": False}),
        ("align", "roi_align", {"sampling_ratio": 2, "aligned": True}),
    ],
)
def test_all_are_called_in_one_way(name, function, extra, random_rois):
    features, rois = torch.randn(3, 6, *MAP), random_rois(20, 3, torch.float32, inverted=False)
    operation = find_operation(name)
    read = operation.read(features, rois, SIZE, SCALE, 2)
    assert torch.equal(read, getattr(ops, function)(features, rois, SIZE, SCALE, **extra))
    expected = getattr(ops, f"{function}_bags")(MAP, rois, SIZE, SCALE, **extra)
    for part, of_expected in zip(
        operation.bags(MAP, rois, SIZE, SCALE, 2).entries, expected.entries
    ):
        assert part is of_expected or torch.equal(part, of_expected)
    twin = operation.read_position_sensitively
    if name in ("pool", "align"):
        extra.pop("aligned", None)
        expected = getattr(ops, f"ps_{function}")(features, rois, SIZE, SCALE, **extra)
        assert torch.equal(twin(features, rois, SIZE, SCALE, 2), expected)
    else:
        assert twin is None


def test_unknown_name():
    with pytest.raises(ValueError, match=r"operation must be one of pool, warp, .*got 'crop'"):
        find_operation("crop")
