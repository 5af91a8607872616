"""The checks of lesson 10: their references against the package, right answers, wrong ones."""

import pytest
import torch

from mrcnn_lite.course.checks.lesson10 import assemble_parts, class_probabilities, object_mask
from mrcnn_lite.models.fcis import detection_logits, mask_logits
from mrcnn_lite.ops import ps_roi_pool


@pytest.mark.parametrize("k", [1, 3])
def test_parts_averaged_are_ps_roi_pools(k):
    """Over a box of whole cells, each part's mean is what PSRoIPool gives for it."""
    maps = torch.randn(2 * k * k, 6, 9, generator=torch.Generator().manual_seed(0))
    # One cell of margin, since the operation never reads the last row and column.
    framed = torch.nn.functional.pad(maps, (1, 1, 1, 1))[None]
    pooled = ps_roi_pool(framed, [torch.tensor([[1.0, 1, 10, 7]])], k)[0]
    assembled = assemble_parts.reference(maps, k)
    means = assembled.unflatten(2, (k, -1)).unflatten(1, (k, -1)).mean(dim=(2, 4))
    torch.testing.assert_close(means, pooled)


def test_probabilities_and_masks_are_the_packages():
    def probabilities(inside, outside):
        return detection_logits(inside, outside).softmax(dim=1)

    def mask(inside, outside, labels):
        return mask_logits(inside, outside).sigmoid()[torch.arange(len(labels)), labels]

    assert class_probabilities.verdict(probabilities).passed
    assert object_mask.verdict(mask).passed
