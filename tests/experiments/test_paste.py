"""The pixels along a mask's outline, in which the two ways of pasting can differ."""

import torch

from mrcnn_lite.experiments.paste import edge_of


def test_an_edge_is_where_mask_and_rest_meet():
    mask = torch.zeros(1, 6, 7, dtype=torch.bool)
    mask[0, 2:5, 2:7] = True  # up to the border: no edge there
    expected = torch.zeros(6, 7, dtype=torch.bool)
    expected[1:6, 1:7] = True
    expected[3, 3:7] = False  # all around is mask
    assert torch.equal(edge_of(mask)[0], expected)


def test_a_picture_without_detections_has_no_edges():
    assert edge_of(torch.zeros(0, 6, 7, dtype=torch.bool)).shape == (0, 6, 7)
