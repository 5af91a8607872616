import numpy as np
import pytest
import torch
from pycocotools import mask as rle

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.datasets.coco_format import describe_instances, index_silently
from mrcnn_lite.engine.evaluate import score_results
from mrcnn_lite.experiments.overlap import (
    OVERLAP_BINS,
    count_separated_pairs,
    find_overlaps,
    find_touching_pairs,
    score_by_overlap,
)

SIZE = 60
# Two that share a third (IoU 1/3), one alone, and two that touch without sharing anything.
LEFT, RIGHT = (0, 0, 20, 20), (10, 0, 30, 20)
ALONE = (40, 0, 55, 15)
UPPER, LOWER = (0, 30, 20, 40), (0, 40, 20, 50)


def rectangle(box):
    x1, y1, x2, y2 = box
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    mask[y1:y2, x1:x2] = 1
    return mask


def truth_of(*boxes_and_labels):
    boxes = [box for box, _ in boxes_and_labels]
    labels = [label for _, label in boxes_and_labels]
    image = {"id": 0, "file_name": "0.png", "height": SIZE, "width": SIZE}
    masks = np.stack([rectangle(box) for box in boxes])
    instances = describe_instances(0, masks, labels, boxes, first_id=1)
    return index_silently([image], instances, {1: "one", 2: "two"})


def result(box, label, score):
    x1, y1, x2, y2 = box
    return {
        "image_id": 0,
        "category_id": label,
        "score": score,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "segmentation": rle.encode(np.asfortranarray(rectangle(box))),
    }


TRUTH = truth_of((LEFT, 1), (RIGHT, 1), (ALONE, 1), (UPPER, 2), (LOWER, 2))


def test_overlap_is_the_largest_iou_with_another():
    boxes = torch.tensor([LEFT, RIGHT, ALONE, (*LEFT[:2], 20, 10)], dtype=torch.float32)
    assert find_overlaps(boxes).tolist() == pytest.approx([0.5, 1 / 3, 0, 0.5])
    assert find_overlaps(boxes[:1]).tolist() == [0]
    assert find_overlaps(boxes[:0]).tolist() == []


def test_each_bin_has_its_own_instances_and_mistakes():
    # Right where nothing overlaps; of the overlapping two one is missed.
    results = [result(LEFT, 1, 0.9), result(ALONE, 1, 0.8), result(UPPER, 2, 0.7)]
    results.append(result(LOWER, 2, 0.6))
    scores = score_by_overlap(TRUTH, results)
    assert {name: of_bin["num_instances"] for name, of_bin in scores.items()} == {
        "0": 3,
        "0 to 0.2": 0,
        "0.2 to 0.5": 2,
        "above 0.5": 0,
    }
    assert scores["0"]["AP"] == pytest.approx(1)
    # Precision 1 up to a recall of one half: 51 of pycocotools' 101 recalls.
    assert scores["0.2 to 0.5"]["AP50"] == pytest.approx(51 / 101)
    assert scores["above 0.5"]["AP"] == -1


def test_false_positives_belong_to_the_bin_of_what_they_touch():
    right = [result(LEFT, 1, 0.8), result(RIGHT, 1, 0.7), result(ALONE, 1, 0.6)]
    right += [result(UPPER, 2, 0.8), result(LOWER, 2, 0.7)]
    # A corner of the left one, which it shares with nobody else, and a better score than all.
    wrong = result((0, 0, 8, 8), 1, 0.95)
    scores = score_by_overlap(TRUTH, [*right, wrong])
    assert scores["0"]["AP50"] == pytest.approx(1)
    assert scores["0.2 to 0.5"]["AP50"] < 0.7
    # Where nothing is, nothing overlaps.
    scores = score_by_overlap(TRUTH, [*right, result((50, 50, 58, 58), 1, 0.95)])
    assert scores["0"]["AP50"] < 0.9
    assert scores["0.2 to 0.5"]["AP50"] == pytest.approx(1)


def test_no_results():
    scores = score_by_overlap(TRUTH, [])
    assert scores["0"]["AP"] == scores["0.2 to 0.5"]["AP50"] == 0


def test_one_bin_of_everything_is_plain_ap():
    dataset = ShapesDataset(12, seed=2, crowded=True)
    generator = torch.Generator().manual_seed(0)
    results = []
    for annotation in dataset.coco.dataset["annotations"]:
        mask = dataset.coco.annToMask(annotation)
        shift, label, miss = torch.rand(3, generator=generator).tolist()
        if miss < 0.2:
            continue
        moved = np.roll(mask, int(12 * shift), axis=1)
        results.append(
            {
                "image_id": annotation["image_id"],
                "category_id": annotation["category_id"] if label < 0.8 else 1,
                "score": 1 - shift / 2,
                "bbox": annotation["bbox"],
                "segmentation": rle.encode(np.asfortranarray(moved)),
            }
        )
    plain = score_results(dataset.coco, results)["segm"]
    whole = score_by_overlap(dataset.coco, results, {"all": (0.0, 1.0)})["all"]
    assert {name: whole[name] for name in ("AP", "AP50", "AP75")} == pytest.approx(
        {name: plain[name] for name in ("AP", "AP50", "AP75")}
    )
    assert 0.1 < whole["AP"] < 0.9
    by_bin = score_by_overlap(dataset.coco, results)
    assert sum(one["num_instances"] for one in by_bin.values()) == whole["num_instances"]


def test_every_overlap_is_in_one_bin():
    edges = [0, 1e-9, 0.1, 0.2, 0.2 + 1e-9, 0.5, 0.5 + 1e-9, 1]
    places = [[low <= edge <= high for low, high in OVERLAP_BINS.values()] for edge in edges]
    assert [place.index(True) for place in places] == [0, 1, 1, 1, 2, 2, 3, 3]
    assert all(sum(place) == 1 for place in places)


def test_touching_pairs():
    boxes = [UPPER, LOWER, ALONE, (20, 50, 30, 58), (0, 51, 19, 58)]
    masks = torch.from_numpy(np.stack([rectangle(box) for box in boxes]))
    same = torch.ones(5, dtype=torch.int64)
    # By an edge, by a corner, side by side, but not across one pixel between.
    assert find_touching_pairs(masks, same) == [(0, 1), (1, 3)]
    assert find_touching_pairs(masks, torch.tensor([1, 2, 1, 2, 1])) == [(1, 3)]
    assert find_touching_pairs(masks[:1], same[:1]) == []


@pytest.mark.parametrize(
    ("found", "separated"),
    [
        ([(UPPER, 2, 0.9), (LOWER, 2, 0.9)], 1),
        ([(UPPER, 2, 0.9)], 0),
        # One for both.
        ([((0, 30, 20, 50), 2, 0.9)], 0),
        ([(UPPER, 2, 0.9), (LOWER, 1, 0.9)], 0),
        ([(UPPER, 2, 0.9), (LOWER, 2, 0.4)], 0),
        ([], 0),
    ],
)
def test_a_pair_is_told_apart_by_two_detections(found, separated):
    truth = truth_of((UPPER, 2), (LOWER, 2), (ALONE, 1))
    counts = count_separated_pairs(truth, [result(*one) for one in found])
    assert counts == {"touching": 1, "separated": separated}
