"""Keypoints: targets and places by loops, what the loss leaves alone, and the branch in a model."""

import math

import pytest
import torch
from torchvision.models.detection.roi_heads import heatmaps_to_keypoints, keypoints_to_heatmap

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.models import mask_rcnn, mini_config, prepare_for_inference
from mrcnn_lite.models.build import fcis, fcn
from mrcnn_lite.models.keypoint_roi_heads import KeypointRoIHeads
from mrcnn_lite.models.keypoints import (
    KeypointHead,
    KeypointPredictor,
    find_keypoints,
    keypoint_loss,
    keypoint_places,
)

SIDE = 8


@pytest.fixture
def rois():
    """Boxes, keypoints in and around them, and maps."""
    generator = torch.Generator().manual_seed(0)
    boxes = torch.tensor([[3.0, 4, 19.5, 30], [0, 0, 8, 8], [10.2, 5.1, 12.7, 44.4]])
    size = boxes[:, None, 2:] - boxes[:, None, :2]
    points = boxes[:, None, :2] + (torch.rand(3, 6, 2, generator=generator) * 1.4 - 0.2) * size
    visibility = torch.tensor([[2.0, 1, 0, 2, 2, 1]]).repeat(3, 1)
    points[:, 3] = boxes[:, 2:]  # the lower right corner
    points[1, 4] = boxes[1, :2]  # the upper left one
    maps = torch.randn(3, 6, SIDE, SIDE, generator=generator)
    return boxes, torch.cat([points, visibility[..., None]], dim=-1), maps


def place_by_loop(keypoint, box):
    """Which of the cells, one after the other, holds the keypoint; None if none does."""
    x, y, visibility = keypoint
    x1, y1, x2, y2 = box
    for row in range(SIDE):
        for column in range(SIDE):
            left, right = (x1 + (x2 - x1) * edge / SIDE for edge in (column, column + 1))
            upper, lower = (y1 + (y2 - y1) * edge / SIDE for edge in (row, row + 1))
            in_column = left <= x < right or (column == SIDE - 1 and x == x2)
            in_row = upper <= y < lower or (row == SIDE - 1 and y == y2)
            if visibility > 0 and in_column and in_row:
                return row * SIDE + column
    return None


def test_a_keypoints_place_is_the_cell_that_holds_it(rois):
    boxes, keypoints, _ = rois
    places, learnt = keypoint_places(keypoints, boxes, SIDE)
    expected = [
        [place_by_loop(keypoint.tolist(), box.tolist()) for keypoint in of_roi]
        for of_roi, box in zip(keypoints, boxes)
    ]
    assert [
        [place if ok else None for place, ok in zip(*pair)]
        for pair in zip(places.tolist(), learnt.tolist())
    ] == expected
    assert 3 < learnt.sum() < learnt.numel() - 3
    assert places[1, 3] == SIDE**2 - 1
    theirs = keypoints_to_heatmap(keypoints, boxes, SIDE)
    assert torch.equal(places, theirs[0])
    assert torch.equal(learnt, theirs[1].bool())


def test_the_loss_is_the_mean_cross_entropy_of_what_is_learnt(rois):
    boxes, keypoints, maps = rois
    terms = []
    for of_roi, box, of_keypoint in zip(keypoints, boxes, maps):
        for keypoint, values in zip(of_roi, of_keypoint):
            place = place_by_loop(keypoint.tolist(), box.tolist())
            if place is not None:
                values = values.double().flatten()
                terms.append(values.exp().sum().log() - values[place])
    loss = keypoint_loss(maps.double(), keypoints, boxes)
    assert loss.item() == pytest.approx(torch.stack(terms).mean().item(), abs=1e-12)


def test_places_compete_and_maps_do_not(rois):
    boxes, keypoints, maps = rois
    maps.requires_grad_(True)
    keypoint_loss(maps, keypoints, boxes).backward()
    _, learnt = keypoint_places(keypoints, boxes, SIDE)
    # What is unknown or outside its RoI moves nothing; where one place rises, the others fall.
    assert (maps.grad[~learnt] == 0).all()
    assert (maps.grad[learnt] != 0).all()
    assert maps.grad[learnt].sum(dim=(1, 2)).abs().max() < 1e-7


def test_without_a_keypoint_to_learn_the_loss_is_a_zero_that_reaches_the_maps(rois):
    boxes, keypoints, maps = rois
    maps.requires_grad_(True)
    for few in (slice(0, 0), slice(0, 3)):
        loss = keypoint_loss(maps[few], keypoints[few] * torch.tensor([1.0, 1, 0]), boxes[few])
        loss.backward()
        assert loss == 0
        assert (maps.grad == 0).all()


def cubic(distance):
    """Keys' kernel with a = -0.75, as PyTorch has it."""
    a, x = -0.75, abs(distance)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def value_at(grid, y, x):
    """The bicubic value at a place, cells centred at halves, the border repeated."""
    total = 0.0
    for row in range(math.floor(y - 0.5) - 1, math.floor(y - 0.5) + 3):
        for column in range(math.floor(x - 0.5) - 1, math.floor(x - 0.5) + 3):
            weight = cubic(y - 0.5 - row) * cubic(x - 0.5 - column)
            clamped = min(max(row, 0), SIDE - 1), min(max(column, 0), SIDE - 1)
            total += weight * grid[clamped[0]][clamped[1]]
    return total


def test_a_keypoint_is_in_the_middle_of_the_best_pixel(rois):
    boxes, _, maps = rois
    boxes = torch.cat([boxes, torch.tensor([[5.0, 5.0, 5.4, 9.0]])]).double()  # less than a pixel
    maps = maps[[0, 1, 2, 0], :2].double()
    keypoints, scores = find_keypoints(maps, boxes)
    for i, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        width, height = max(x2 - x1, 1.0), max(y2 - y1, 1.0)
        columns, rows = math.ceil(width), math.ceil(height)
        for k in range(2):
            grid = maps[i, k].tolist()
            score, row, column = max(
                (
                    value_at(grid, (row + 0.5) * SIDE / rows, (column + 0.5) * SIDE / columns),
                    row,
                    column,
                )
                for row in range(rows)
                for column in range(columns)
            )
            expected = x1 + (column + 0.5) * width / columns, y1 + (row + 0.5) * height / rows, 1
            assert keypoints[i, k].tolist() == pytest.approx(expected, abs=1e-9)
            assert scores[i, k].item() == pytest.approx(score, abs=1e-9)


def test_places_are_torchvisions(rois):
    boxes, _, maps = rois
    for found, expected in zip(find_keypoints(maps, boxes), heatmaps_to_keypoints(maps, boxes)):
        assert torch.equal(found, expected)
    empty = find_keypoints(maps[:0], boxes[:0])
    assert [list(part.shape) for part in empty] == [[0, 6, 3], [0, 6]]


def test_what_is_written_on_a_map_is_read_back_to_half_a_place(rois):
    """Target and reading are each other's inverse, up to the size of a cell or a pixel."""
    boxes, keypoints, _ = rois
    places, learnt = keypoint_places(keypoints, boxes, SIDE)
    maps = torch.zeros(3, 6, SIDE**2).scatter_(2, places[..., None], 1.0).view(3, 6, SIDE, SIDE)
    found, _ = find_keypoints(maps, boxes)
    cell = ((boxes[:, 2:] - boxes[:, :2]) / SIDE).clamp(min=1)[:, None]  # [R, 1, 2]
    off = (found[..., :2] - keypoints[..., :2]).abs() / cell
    assert off[learnt].max() <= 1


def test_the_branch_has_torchvisions_shape():
    head, predictor = KeypointHead(6, (8, 4)), KeypointPredictor(4, 3)
    assert predictor(head(torch.zeros(2, 6, 14, 14))).shape == (2, 3, 56, 56)
    assert list(head.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert list(predictor.state_dict()) == ["kps_score_lowres.weight", "kps_score_lowres.bias"]


@pytest.mark.parametrize("settings", [{}, {"mask_head": "none"}, {"neck": "c4"}])
def test_a_model_has_masks_keypoints_or_both(settings):
    torch.manual_seed(0)
    model = mask_rcnn(mini_config(7, num_keypoints=5, **settings))
    scenes = ShapesDataset(2, seed=1, keypoints=True)
    images, targets = zip(*(scenes[i] for i in range(2)))
    losses = model.train()(list(images), list(targets))
    masks = settings.get("mask_head") != "none"
    assert ("loss_mask" in losses) == masks
    assert losses["loss_keypoint"].isfinite()
    losses["loss_keypoint"].backward()
    assert model.roi_heads.keypoint_predictor.kps_score_lowres.weight.grad.abs().sum() > 0
    found = model.eval()([images[0], images[0][:, :, :100]])
    for detections, width in zip(found, (128, 100)):
        number = len(detections["boxes"])
        assert number > 0
        assert ("masks" in detections) == masks
        assert detections["keypoints"].shape == (number, 5, 3)
        assert detections["keypoints_scores"].shape == (number, 5)
        x = detections["keypoints"][..., 0]
        left, right = detections["boxes"][:, [0]], detections["boxes"][:, [2]]
        assert ((x >= left) & (x <= (right + 1).clamp(max=width + 1))).all()


@torch.inference_mode()
def test_a_few_rois_at_a_time_and_prepared_the_same_is_found():
    torch.manual_seed(0)
    model = mask_rcnn(mini_config(7, num_keypoints=5, box_score_thresh=0.0)).eval()
    images = [ShapesDataset(1, seed=1)[0][0], torch.rand(3, 100, 90)]
    found = model(images)
    assert sum(len(one["boxes"]) for one in found) > 16
    batch, _ = model.transform(images)
    features = model.backbone(batch.tensors)
    proposals, _ = model.rpn(batch, features)
    boxes = [one["boxes"] for one in model.roi_heads(batch, features, proposals)[0]]
    at_once = KeypointRoIHeads.predict_keypoints_of(model.roi_heads, batch, features[:-1], boxes)
    few = model.roi_heads.predict_keypoints_of(batch, features[:-1], boxes)
    torch.testing.assert_close(few[1], at_once[1], atol=1e-4, rtol=1e-4)
    prepared = prepare_for_inference(model, torch.float32)(images)
    for one, other in zip(found, prepared):
        torch.testing.assert_close(
            one["keypoints_scores"], other["keypoints_scores"], atol=1e-3, rtol=1e-3
        )


@pytest.mark.parametrize("maker", [fcis, fcn])
def test_methods_without_keypoints_refuse_them(maker):
    with pytest.raises(ValueError, match="no keypoints, but num_keypoints=5"):
        maker(mini_config(7, neck="c4", num_keypoints=5))


@pytest.mark.parametrize(
    ("keypoints", "message"),
    [
        (None, "lacks keypoints"),
        (torch.zeros(2, 4, 3), r"'keypoints'.* shape \[2, 5, 3\], got \[2, 4, 3\]"),
        (torch.full((2, 5, 3), math.nan), "'keypoints'.* not finite"),
        (torch.full((2, 5, 3), 3.0), "visibility of 0, 1 or 2, got 3..3"),
    ],
)
def test_wrong_keypoints_are_named(keypoints, message):
    model = mask_rcnn(mini_config(7, num_keypoints=5, mask_head="none")).train()
    target = {
        "boxes": torch.tensor([[10.0, 10, 60, 70], [20, 20, 90, 80]]),
        "labels": torch.tensor([1, 2]),
    }
    if keypoints is not None:
        target["keypoints"] = keypoints
    with pytest.raises(ValueError, match=message):
        model([torch.rand(3, 100, 100)], [target])


def test_a_model_without_keypoints_takes_no_notice_of_a_targets():
    model = mask_rcnn(mini_config(7, mask_head="none", min_size=64)).train()
    target = {
        "boxes": torch.tensor([[10.0, 10, 60, 70]]),
        "labels": torch.tensor([1]),
        "keypoints": "of another library",
    }
    assert "loss_keypoint" not in model([torch.rand(3, 100, 100)], [target])
