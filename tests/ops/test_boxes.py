import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.ops import box_iou

from mrcnn_lite.ops.boxes import decode_boxes, encode_boxes, match_boxes, sample_balanced

WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def random_boxes(number: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(number, 2, generator=generator, dtype=torch.float64) * 100
    sizes = torch.rand(number, 2, generator=generator, dtype=torch.float64) * 60 + 1
    return torch.cat([corners, corners + sizes], dim=1)


def test_encoding_is_torchvisions():
    boxes, anchors = random_boxes(50, 0), random_boxes(50, 1)
    expected = BoxCoder(WEIGHTS).encode_single(boxes, anchors)
    torch.testing.assert_close(encode_boxes(boxes, anchors, WEIGHTS), expected)


def test_decoding_is_torchvisions_and_bounded():
    anchors = random_boxes(50, 2)
    deltas = torch.randn(50, 4, dtype=torch.float64) * 30
    expected = BoxCoder(WEIGHTS).decode_single(deltas, anchors)
    torch.testing.assert_close(decode_boxes(deltas, anchors, WEIGHTS), expected)


@given(st.integers(0, 10_000))
def test_decoding_inverts_encoding(seed):
    boxes, anchors = random_boxes(5, seed), random_boxes(5, seed + 1)
    deltas = encode_boxes(boxes, anchors, WEIGHTS)
    torch.testing.assert_close(decode_boxes(deltas, anchors, WEIGHTS), boxes)


@given(st.integers(0, 10_000), st.integers(1, 6), st.booleans())
def test_matching_is_torchvisions(seed, num_objects, keep_best):
    iou = box_iou(random_boxes(num_objects, seed), random_boxes(40, seed + 1))
    iou[:, 7] = iou[:, 8]  # ties
    expected = Matcher(0.5, 0.3, keep_best)(iou)
    assert torch.equal(match_boxes(iou, 0.5, 0.3, keep_best), expected)


def test_without_objects_everything_is_background():
    assert match_boxes(torch.zeros(0, 3), 0.5, 0.3, True).tolist() == [-1, -1, -1]


def test_sample_is_balanced_and_never_draws_the_ignored():
    labels = torch.tensor([1] * 30 + [0] * 50 + [-1] * 20)
    positives, negatives = sample_balanced(labels, 16, 0.25)
    assert len(positives) == 4
    assert len(negatives) == 12
    assert (labels[positives] == 1).all()
    assert (labels[negatives] == 0).all()
    assert len(set(positives.tolist())) == 4


def test_sample_fills_up_with_negatives():
    positives, negatives = sample_balanced(torch.tensor([3, 0, 0, 0, 0]), 4, 0.5)
    assert positives.tolist() == [0]
    assert len(negatives) == 3
