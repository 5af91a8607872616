import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.explore.measure.error_kinds import KINDS, sort_errors
from mrcnn_lite.ops.masks import mask_iou


def rectangle(x1, y1, x2, y2, size=40):
    mask = torch.zeros(size, size, dtype=torch.uint8)
    mask[y1:y2, x1:x2] = 1
    return mask


TRUE = ((4, 6, 20, 18), 2), ((24, 22, 36, 38), 5)
TARGET = {
    "boxes": torch.tensor([box for box, _ in TRUE], dtype=torch.float32),
    "labels": torch.tensor([label for _, label in TRUE]),
    "masks": torch.stack([rectangle(*box) for box, _ in TRUE]),
}


def detections_of(*found):
    """Detections (box, label, mask's box), best first."""
    return {
        "boxes": torch.tensor([box for box, _, _ in found], dtype=torch.float32).view(-1, 4),
        "labels": torch.tensor([label for _, label, _ in found], dtype=torch.int64),
        "scores": torch.linspace(0.99, 0.6, len(found)),
        "masks": torch.stack([rectangle(*box)[None].float() for *_, box in found])
        if found
        else torch.zeros(0, 1, 40, 40),
    }


FIRST, SECOND = (box for box, _ in TRUE)


@pytest.mark.parametrize(
    ("kind", "detection"),
    [
        ("correct", (FIRST, 2, FIRST)),
        # The mask decides, not the box.
        ("correct", ((5, 7, 20, 20), 2, (5, 7, 20, 20))),
        ("mask", (FIRST, 2, (4, 6, 9, 10))),
        ("class", (FIRST, 3, FIRST)),
        ("box", ((14, 6, 30, 18), 2, (14, 6, 30, 18))),
        ("background", ((0, 30, 10, 40), 2, (0, 30, 10, 40))),
        # Of the right class, but far from the object of that class.
        ("background", ((2, 30, 12, 38), 5, (2, 30, 12, 38))),
    ],
)
def test_kinds(kind, detection):
    verdict = sort_errors(detections_of(detection), TARGET)
    assert verdict.kind_of_detection == [kind]
    assert verdict.found.tolist() == [kind == "correct", False]


def test_the_second_of_two_is_a_duplicate():
    verdict = sort_errors(detections_of((FIRST, 2, FIRST), (FIRST, 2, FIRST)), TARGET)
    assert verdict.kind_of_detection == ["correct", "duplicate"]
    assert verdict.count() == {**dict.fromkeys(KINDS, 0), "correct": 1, "duplicate": 1, "missed": 1}


def test_low_scores_are_left_out():
    detections = detections_of((FIRST, 2, FIRST), (SECOND, 5, SECOND))
    assert sort_errors(detections, TARGET, min_score=0.8).found.tolist() == [True, False]


def test_nothing_found_and_nothing_there():
    assert sort_errors(detections_of(), TARGET).count()["missed"] == 2
    empty = {name: value[:0] for name, value in TARGET.items()}
    assert sort_errors(detections_of((FIRST, 2, FIRST)), empty).kind_of_detection == ["background"]
    assert sort_errors(detections_of(), empty).count()["missed"] == 0


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_truth_has_no_errors(index):
    _, target = ShapesDataset(1001, seed=5, crowded=True)[index]
    truth = {**target, "masks": target["masks"][:, None].float()}
    truth["scores"] = torch.ones(len(target["labels"]))
    counts = sort_errors(truth, target).count()
    assert counts == {**dict.fromkeys(counts, 0), "correct": len(target["labels"])}


def test_mask_iou_is_pycocotools():
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(4, 9, 7, generator=generator) > 0.5
    others = torch.rand(3, 9, 7, generator=generator) > 0.3
    first, second = (
        [coco_mask.encode(mask.numpy().astype("uint8", order="F")) for mask in group]
        for group in (masks, others)
    )
    expected = torch.tensor(coco_mask.iou(first, second, [0] * 3), dtype=torch.float32)
    assert torch.allclose(mask_iou(masks, others), expected)
    assert (mask_iou(torch.zeros(1, 3, 3).bool(), torch.zeros(2, 3, 3).bool()) == 0).all()
