"""The checks of lesson 15: their references against the package, right answers, wrong ones."""

import pytest
import torch
import torch.nn.functional as F
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mrcnn_lite.course.checks.lesson15 import place_loss, place_targets
from mrcnn_lite.course.checks.lesson15_reading import keypoint_similarity, read_places
from mrcnn_lite.models.keypoints import enlarge, find_keypoints, keypoint_loss, keypoint_places


def random_keypoints(objects: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Keypoints in and around boxes, of every visibility."""
    generator = torch.Generator().manual_seed(15)
    corners = 50 * torch.rand(objects, 2, generator=generator)
    sizes = 10 + 40 * torch.rand(objects, 2, generator=generator)
    points = torch.rand(objects, number, 2, generator=generator) * 1.4 - 0.2
    points = corners[:, None] + points * sizes[:, None]
    visibility = torch.randint(3, (objects, number, 1), generator=generator).float()
    return torch.cat([points, visibility], dim=2), torch.cat([corners, corners + sizes], dim=1)


def test_places_are_the_packages():
    assert place_targets.verdict(keypoint_places).passed
    keypoints, boxes = random_keypoints(40, 5)
    found, expected = (f(keypoints, boxes, 56) for f in (place_targets.reference, keypoint_places))
    assert 20 < expected[1].sum() < 180
    assert all(torch.equal(one, other) for one, other in zip(found, expected))


def test_loss_is_the_packages():
    keypoints, boxes = random_keypoints(6, 5)
    logits = torch.randn(6, 5, 7, 7)
    found = place_loss.reference(logits, *keypoint_places(keypoints, boxes, 7))
    assert found == pytest.approx(keypoint_loss(logits, keypoints, boxes))


def test_reading_enlarged_maps_is_what_the_package_does():
    logits = torch.randn(2, 5, 14, 14)
    boxes = torch.tensor([[3.2, 4.0, 33.9, 21.5], [0.0, 7.5, 20.0, 60.25]])
    expected, _ = find_keypoints(logits, boxes)
    for maps, box, of_object in zip(logits, boxes, expected[..., :2]):
        columns, rows = (box[2:] - box[:2]).ceil().int().tolist()
        found = read_places.reference(enlarge(maps, rows, columns), box)
        assert torch.allclose(found, of_object, atol=1e-4)


@pytest.mark.parametrize("case", keypoint_similarity.cases)
def test_similarity_is_pycocotools(case):
    found, true, area, sigma = keypoint_similarity.cases[case]
    record = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 50, 50], "area": area}
    truth = {**record, "iscrowd": 0, "num_keypoints": int((true[:, 2] > 0).sum())}
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": 1}],
        "categories": [{"id": 1}],
        "annotations": [{**truth, "keypoints": true.flatten().tolist()}],
    }
    coco.createIndex()
    flat = torch.cat([found, torch.ones(len(found), 1)], dim=1).flatten().tolist()
    result = {"image_id": 1, "category_id": 1, "keypoints": flat, "score": 1.0}
    evaluation = COCOeval(coco, coco.loadRes([result]), "keypoints")
    evaluation.params.kpt_oks_sigmas = torch.full((len(found),), sigma).double().numpy()
    evaluation._prepare()
    expected = evaluation.computeOks(1, 1).item()
    assert keypoint_similarity.reference(found, true, area, sigma) == pytest.approx(expected)


def places_in_loops(keypoints, boxes, side):
    places = torch.zeros(keypoints.shape[:2], dtype=torch.int64)
    learnt = torch.zeros(keypoints.shape[:2], dtype=torch.bool)
    for r, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        for k, (x, y, visibility) in enumerate(keypoints[r].tolist()):
            if visibility and x1 <= x <= x2 and y1 <= y <= y2:
                column = min(int((x - x1) / (x2 - x1) * side), side - 1)
                row = min(int((y - y1) / (y2 - y1) * side), side - 1)
                places[r, k], learnt[r, k] = row * side + column, True
    return places, learnt


def loss_in_loops(logits, places, learnt):
    losses = [
        -logits[r, k].flatten().log_softmax(dim=0)[places[r, k]]
        for r, k in learnt.nonzero().tolist()
    ]
    return torch.stack(losses).mean() if losses else 0 * logits.sum()


def read_by_unravelling(maps, box):
    points = []
    for one in maps:
        row, column = torch.unravel_index(one.argmax(), one.shape)
        part = torch.stack([(column + 0.5) / one.shape[1], (row + 0.5) / one.shape[0]])
        points.append(box[:2] + part * (box[2:] - box[:2]))
    return torch.stack(points)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (place_targets, places_in_loops),
        (place_loss, loss_in_loops),
        (read_places, read_by_unravelling),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_other_right_answers_pass(exercise, answer):
    assert exercise.verdict(answer).message.startswith("✓")


def everything_at_place_zero(logits, places, learnt):
    return F.cross_entropy(logits.flatten(0, 1).flatten(1), places.flatten())


def with_a_constant_zero(logits, places, learnt):
    return loss_in_loops(logits, places, learnt) if learnt.any() else torch.tensor(0.0)


def without_a_word_on_nothing(logits, places, learnt):
    return F.cross_entropy(logits.flatten(2)[learnt], places[learnt])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (everything_at_place_zero, "not to be learnt are in your loss"),
        (with_a_constant_zero, "it is a constant"),
        (without_a_word_on_nothing, "the mean of nothing is not a number"),
    ],
)
def test_plausible_losses_are_told_apart(answer, expected):
    assert expected in place_loss.verdict(answer).message
