import pytest
import torch

from mrcnn_lite.explore.measure.probe import (
    LinearProbe,
    features_at_centers,
    features_near_outlines,
)


def test_a_probe_reads_what_is_linear():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (400,), generator=generator)
    # One channel per class says it, each on its own scale and with its own offset.
    told = torch.nn.functional.one_hot(labels, 3) + 0.2 * torch.randn(400, 3, generator=generator)
    features = told * torch.tensor([1.0, 100, 0.01]) + torch.tensor([5.0, -3, 0])
    probe = LinearProbe.fit(features[:300], labels[:300], num_classes=3)
    assert probe.accuracy(features[300:], labels[300:]) > 0.95
    shuffled = labels[torch.randperm(400, generator=generator)]
    blind = LinearProbe.fit(features[:300], shuffled[:300], num_classes=3)
    assert blind.accuracy(features[300:], labels[300:]) < 0.6


def test_a_probe_is_least_squares():
    torch.manual_seed(0)
    features = torch.randn(5000, 3, dtype=torch.float64)
    labels = torch.randint(0, 2, (5000,))
    labels[features[:, 1] > 0.5] = 1
    probe = LinearProbe.fit(features, labels, num_classes=2)
    inputs = torch.cat([features, torch.ones(5000, 1, dtype=torch.float64)], dim=1)
    wanted = torch.nn.functional.one_hot(labels, 2).double()
    expected = inputs @ torch.linalg.lstsq(inputs, wanted).solution
    # The mild ridge pulls the scores a little.
    assert torch.allclose(probe.scores(features), expected, atol=0.02)
    assert torch.allclose(probe.scores(features).sum(dim=1), torch.ones(5000, dtype=torch.float64))


def test_constant_and_double_channels_do_no_harm():
    torch.manual_seed(0)
    features = torch.randn(100, 1).repeat(1, 3)
    features[:, 2] = 7
    labels = (features[:, 0] > 0).long()
    probe = LinearProbe.fit(features, labels, num_classes=2)
    assert probe.weights.isfinite().all()
    assert probe.accuracy(features, labels) > 0.95


def test_scores_of_a_whole_map():
    torch.manual_seed(0)
    features = torch.randn(4, 6, 5)
    probe = LinearProbe.fit(features.view(-1, 5), torch.arange(24) % 2, num_classes=2)
    assert probe.scores(features).shape == (4, 6, 2)
    torch.testing.assert_close(probe.scores(features)[2, 3], probe.scores(features[2, 3]))


def test_cells_under_the_centres():
    feature_map = torch.arange(2 * 4 * 6.0).view(2, 4, 6)
    boxes = torch.tensor([[0.0, 0, 14, 10], [40, 9, 48, 31], [17, 25, 30, 31]])
    read = features_at_centers(feature_map, boxes, stride=8)
    expected = [feature_map[:, 0, 0], feature_map[:, 2, 5], feature_map[:, 3, 2]]
    assert torch.equal(read, torch.stack(expected))
    assert features_at_centers(feature_map, boxes[:0], 8).shape == (0, 2)


def test_pixels_near_outlines():
    masks = torch.zeros(2, 12, 16, dtype=torch.uint8)
    masks[0, 3:9, 4:12] = 1
    masks[1, 5:7, 6:8] = 1  # within the other: no outline of its own
    rows = torch.arange(12.0)[None, :, None].expand(1, 12, 16)
    read, inside = features_near_outlines(rows, masks, reach=1)
    # One pixel on either side of the edges of 6 x 8: 8 x 10 pixels without 4 x 6.
    assert len(read) == 8 * 10 - 4 * 6
    assert inside.sum() == 6 * 8 - 4 * 6
    assert sorted(set(read[:, 0].tolist())) == list(range(2, 10))


def test_maps_are_read_between_the_cells():
    masks = torch.zeros(1, 8, 8, dtype=torch.uint8)
    masks[0, :, 4:] = 1
    columns = torch.tensor([[[2.0, 6.0], [2.0, 6.0]]])  # x of the cells' centres
    read, inside = features_near_outlines(columns, masks, reach=1)
    assert read[:, 0].tolist() == [3.5, 4.5] * 8
    assert inside.tolist() == [0, 1] * 8


@pytest.mark.parametrize("num_masks", [0, 1])
def test_a_scene_without_outlines(num_masks):
    masks = torch.zeros(num_masks, 8, 8, dtype=torch.uint8)
    read, inside = features_near_outlines(torch.randn(3, 2, 2), masks)
    assert read.shape == (0, 3)
    assert inside.shape == (0,)
