import numpy as np
import pytest
import torch
from pycocotools import mask as rle
from pycocotools.cocoeval import COCOeval

from mrcnn_lite.datasets import CocoDataset, ShapesDataset
from mrcnn_lite.engine.evaluate import evaluate, score_results, to_coco_results
from mrcnn_lite.models import mask_rcnn, mini_config


def truth_as_detections(dataset) -> list[dict]:
    """Every target of the data set, passed off as a detection of score 1."""
    results = []
    for _, target in (dataset[i] for i in range(len(dataset))):
        detections = {
            "boxes": target["boxes"],
            "labels": target["labels"],
            "scores": torch.ones(len(target["labels"])),
            "masks": target["masks"][:, None].float(),
        }
        results += to_coco_results(target["image_id"], detections)
    return results


def test_ground_truth_of_shapes_scores_one():
    for crowded in (False, True):
        dataset = ShapesDataset(20, seed=3, crowded=crowded)
        metrics = score_results(dataset.coco, truth_as_detections(dataset))
        for kind in ("bbox", "segm"):
            assert metrics[kind]["AP"] == pytest.approx(1.0)
            assert metrics[kind]["AR_100"] == pytest.approx(1.0)


@pytest.mark.parametrize("split", ["train2017", "val2017"])
@pytest.mark.parametrize("with_crowds", [False, True])
def test_ground_truth_of_photographs_scores_one(coco64, split, with_crowds):
    dataset = CocoDataset(coco64, split)
    results = truth_as_detections(dataset)
    if with_crowds:
        results += [
            {
                "image_id": crowd["image_id"],
                "category_id": crowd["category_id"],
                "bbox": crowd["bbox"],
                "segmentation": dataset.coco.annToRLE(crowd),
                "score": 1.0,
            }
            for crowd in dataset.coco.dataset["annotations"]
            if crowd["iscrowd"]
        ]
    metrics = score_results(dataset.coco, results)
    for kind in ("bbox", "segm"):
        assert metrics[kind]["AP"] == pytest.approx(1.0)
        assert metrics[kind]["AP75"] == pytest.approx(1.0)


def test_known_errors_give_pycocotools_own_number(capsys):
    """Shifted, missed, doubled and misnamed detections, scored by pycocotools without our code."""
    dataset = ShapesDataset(10, seed=5)
    results = []
    for i in range(len(dataset)):
        target = dataset[i][1]
        for k, (box, label, mask) in enumerate(
            zip(target["boxes"], target["labels"], target["masks"], strict=True)
        ):
            x1, y1, x2, y2 = (box + (k % 3)).tolist()  # shifted by 0, 1 or 2 pixels
            if (i + k) % 5 == 0:
                continue  # missed
            shifted = np.roll(mask.numpy(), k % 3, axis=(0, 1))
            result = {
                "image_id": target["image_id"],
                "category_id": 1 + int(label) % 6 if (i + k) % 7 == 0 else int(label),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "segmentation": rle.encode(np.asfortranarray(shifted)),
                "score": 0.9 - 0.05 * k,
            }
            results += [result, dict(result, score=0.3)] if (i + k) % 4 == 0 else [result]
    metrics = score_results(dataset.coco, results)
    for kind, other in (("bbox", "segmentation"), ("segm", "bbox")):
        of_kind = [{name: part for name, part in r.items() if name != other} for r in results]
        oracle = COCOeval(dataset.coco, dataset.coco.loadRes(of_kind), kind)
        oracle.evaluate()
        oracle.accumulate()
        oracle.summarize()
        assert list(metrics[kind].values()) == pytest.approx(oracle.stats.tolist(), abs=0)
        assert 0.2 < metrics[kind]["AP"] < 0.9
        assert metrics[kind]["AP50"] == oracle.stats[1]
        assert metrics[kind]["AP_small"] == oracle.stats[3]
        assert metrics[kind]["AR_100"] == oracle.stats[8]


def test_no_detections_score_zero():
    metrics = score_results(ShapesDataset(3, seed=0).coco, [])
    assert metrics["segm"]["AP"] == 0


def test_table_is_printed_on_request_only(capsys):
    coco = ShapesDataset(2, seed=0).coco
    score_results(coco, [])
    assert capsys.readouterr().out == ""
    score_results(coco, [], print_table=True)
    printed = capsys.readouterr().out
    assert printed.count("Average Precision") == 12
    assert "\0" not in printed
    assert "Accumulating" not in printed


def test_results_are_in_cocos_format():
    masks = torch.zeros(1, 1, 6, 8)
    masks[0, 0, 1:4, 2:7] = 0.9
    detections = {
        "boxes": torch.tensor([[2.0, 1, 7, 4]]),
        "labels": torch.tensor([3]),
        "scores": torch.tensor([0.5]),
        "masks": masks,
    }
    (result,) = to_coco_results(42, detections)
    assert result["image_id"] == 42
    assert result["category_id"] == 3
    assert result["bbox"] == [2, 1, 5, 3]
    assert rle.area(result["segmentation"]) == 15
    assert rle.toBbox(result["segmentation"]).tolist() == [2, 1, 5, 3]


def test_detections_without_masks_are_scored_by_their_boxes():
    dataset = ShapesDataset(4, seed=3)
    results = []
    for _, target in (dataset[i] for i in range(len(dataset))):
        detections = {"boxes": target["boxes"], "labels": target["labels"]}
        detections["scores"] = torch.ones(len(target["labels"]))
        results += to_coco_results(target["image_id"], detections)
    assert "segmentation" not in results[0]
    metrics = score_results(dataset.coco, results, kinds=("bbox",))
    assert list(metrics) == ["bbox"]
    assert metrics["bbox"]["AP"] == pytest.approx(1.0)


def test_evaluation_leaves_the_model_in_its_mode():
    model = mask_rcnn(mini_config(7)).train()
    metrics = evaluate(model, ShapesDataset(3, seed=0), batch_size=2)
    assert model.training
    assert set(metrics) == {"bbox", "segm"}


def test_a_masks_size_is_its_own_area_not_its_boxs():
    """A thin false mask of 300 pixels in a large box is small: no error among medium objects."""
    dataset = ShapesDataset(1, seed=0)
    true = [one for one in dataset.coco.dataset["annotations"] if 32**2 < one["area"] < 96**2]
    assert true
    results = [
        {
            **{name: one[name] for name in ("image_id", "category_id", "bbox")},
            "segmentation": dataset.coco.annToRLE(one),
            "score": 0.5,
        }
        for one in true
    ]
    diagonal = np.zeros((128, 128), dtype=np.uint8)
    diagonal[np.arange(100), np.arange(100)] = 1
    false = {"bbox": [0, 0, 60, 60], "segmentation": rle.encode(np.asfortranarray(diagonal))}
    metrics = score_results(dataset.coco, [*results, {**results[0], **false, "score": 0.9}])
    assert metrics["segm"]["AP_medium"] == pytest.approx(1)
    assert metrics["bbox"]["AP_medium"] < 1


def keypoint_results(dataset, off=0.0) -> list[dict]:
    """Every target, its keypoints so many pixels to the right, passed off as a detection."""
    results = []
    for _, target in (dataset[i] for i in range(len(dataset))):
        keypoints = target["keypoints"] * torch.tensor([1.0, 1.0, 0.0])
        detections = {
            "boxes": target["boxes"],
            "labels": target["labels"],
            "scores": torch.ones(len(target["labels"])),
            "keypoints": keypoints + torch.tensor([off, 0.0, 1.0]),
        }
        results += to_coco_results(target["image_id"], detections)
    return results


def test_true_keypoints_score_one():
    dataset = ShapesDataset(10, seed=3, keypoints=True)
    metrics = score_results(
        dataset.coco, keypoint_results(dataset), False, ("bbox", "keypoints"), (0.05,) * 5
    )
    assert list(metrics) == ["bbox", "keypoints"]
    assert metrics["bbox"]["AP"] == pytest.approx(1.0)
    assert metrics["keypoints"]["AP"] == pytest.approx(1.0)
    assert list(metrics["keypoints"])[:3] == ["AP", "AP50", "AP75"]


def test_keypoint_similarity_is_what_it_is_by_hand():
    """One object: every threshold of OKS below the number by hand counts it, none above does."""
    dataset = ShapesDataset(1, seed=0, keypoints=True)
    only = dataset.coco.dataset["annotations"][-1]
    for annotation in dataset.coco.dataset["annotations"][:-1]:
        annotation["iscrowd"] = annotation["ignore"] = 1
    sigmas = (0.02, 0.05, 0.05, 0.05, 0.1)
    results = keypoint_results(dataset, off=2.0)
    (result,) = [one for one in results if one["bbox"] == only["bbox"]]
    terms = []
    for k in range(5):
        x, y, visibility = only["keypoints"][3 * k : 3 * k + 3]
        if visibility > 0:
            squared = (result["keypoints"][3 * k] - x) ** 2 + (
                result["keypoints"][3 * k + 1] - y
            ) ** 2
            terms.append(np.exp(-squared / (2 * (2 * sigmas[k]) ** 2 * only["area"])))
    similarity = np.mean(terms)
    assert len(terms) == only["num_keypoints"]
    assert 0.5 < similarity < 0.95
    metrics = score_results(dataset.coco, [result], False, ("keypoints",), sigmas)["keypoints"]
    thresholds = np.linspace(0.5, 0.95, 10)
    assert metrics["AR"] == pytest.approx((thresholds <= similarity).mean())


def test_a_model_with_keypoints_is_scored_by_them(capsys):
    torch.manual_seed(0)
    model = mask_rcnn(mini_config(7, num_keypoints=5, mask_head="none"))
    dataset = ShapesDataset(2, seed=0, keypoints=True)
    metrics = evaluate(model, dataset, print_table=True)
    assert set(metrics) == {"bbox", "keypoints"}
    with pytest.raises(ValueError, match="predicts 5 keypoints, but the data set has 0"):
        evaluate(model, ShapesDataset(2, seed=0))
    assert "keypoints\n Average Precision" in capsys.readouterr().out
