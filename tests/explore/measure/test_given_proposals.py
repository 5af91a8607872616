import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnn_lite.explore.measure.given_proposals import count_found, merge_regions, recall_by_number
from mrcnn_lite.ops import box_iou


def test_a_plain_object_is_proposed_exactly():
    image = torch.full((3, 40, 64), 0.5)
    image[:, 8:24, 20:52] = torch.tensor([0.9, 0.1, 0.2])[:, None, None]
    proposals = merge_regions(image)
    assert proposals[0].tolist() == [0, 0, 64, 40]
    assert [20, 8, 52, 24] in proposals.tolist()


def test_an_object_of_two_colours_is_two_regions_first():
    image = torch.zeros(3, 16, 32)
    image[0, 4:12, 4:12] = 1
    image[1, 4:12, 12:20] = 1
    proposals = merge_regions(image).tolist()
    assert [4, 4, 12, 12] in proposals
    assert [12, 4, 20, 12] in proposals


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 6), st.sampled_from([1, 2, 4]), st.integers(0, 99))
def test_proposals_are_whole_patches_each_once(rows, columns, patch, seed):
    image = torch.rand(3, rows * patch, columns * patch, generator=torch.manual_seed(seed))
    proposals = merge_regions(image, patch)
    # Every merge makes one region of two, so there are fewer than patches.
    assert len(proposals) <= rows * columns - 1
    assert len(proposals.unique(dim=0)) == len(proposals)
    assert torch.equal(proposals % patch, torch.zeros_like(proposals))
    if rows * columns > 1:
        assert proposals[0].tolist() == [0, 0, columns * patch, rows * patch]
        assert (proposals[:, 2:] > proposals[:, :2]).all()
    assert torch.equal(proposals, merge_regions(image, patch))


def test_an_image_that_cannot_be_divided_is_refused():
    with pytest.raises(ValueError, match=r"multiples of patch = 4, got \[30, 32\]"):
        merge_regions(torch.zeros(3, 30, 32))


def test_recall_by_number():
    boxes = [torch.tensor([[0.0, 0, 10, 20], [50, 0, 60, 8]]), torch.tensor([[5.0, 5, 9, 25]])]
    proposals = [
        torch.tensor([[80.0, 80, 90, 90], [0, 0, 10, 10], [50, 0, 60, 8]]),
        torch.tensor([[5.0, 5, 9, 25]]),
    ]
    assert recall_by_number(proposals, boxes, (1, 2, 3, 99), 0.5) == pytest.approx(
        [1 / 3, 2 / 3, 1, 1]
    )
    assert recall_by_number(proposals, boxes, (2,), 0.51) == pytest.approx([1 / 3])
    assert box_iou(boxes[0][:1], proposals[0][1:2]).item() == 0.5


def test_recall_without_proposals_or_objects_in_a_picture():
    boxes = [torch.tensor([[0.0, 0, 10, 20]]), torch.zeros(0, 4)]
    proposals = [torch.zeros(0, 4), torch.tensor([[0.0, 0, 5, 5]])]
    assert recall_by_number(proposals, boxes, (1, 10), 0.5) == [0, 0]


def test_count_found():
    target = {
        "boxes": torch.tensor([[0.0, 0, 10, 20], [50, 0, 60, 8]]),
        "labels": torch.tensor([1, 2]),
    }
    detected = {
        # Two on the first object, one on the second of another class, one of too low a score.
        "boxes": torch.tensor([[0.0, 0, 10, 18], [0, 2, 10, 20], [50, 0, 60, 8], [50, 0, 60, 8]]),
        "labels": torch.tensor([1, 1, 1, 2]),
        "scores": torch.tensor([0.9, 0.8, 0.7, 0.3]),
    }
    nothing = {name: values[:0] for name, values in detected.items()}
    assert count_found([detected], [target]) == (1, 1)
    assert count_found([detected, nothing], [target, target], score_threshold=0.2) == (2, 1)
    assert count_found([detected], [target], iou_threshold=0.95) == (0, 3)
