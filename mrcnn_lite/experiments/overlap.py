"""Mask AP by how much instances overlap: where a method fails, rather than how often.

Mask R-CNN's figure 6 shows FCIS inventing edges where instances overlap; here that becomes numbers.
"""

import contextlib
import copy
import io
from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as rle
from pycocotools.coco import COCO
from torch import Tensor

from mrcnn_lite.engine.evaluate import load_results
from mrcnn_lite.experiments.area_bins import AreaBins, score_in_bins
from mrcnn_lite.explore.measure.error_kinds import FOUND_IOU
from mrcnn_lite.ops import box_iou

OVERLAP_BINS: AreaBins = {
    "0": (0.0, 0.0),
    "0 to 0.2": (np.nextafter(0.0, 1.0), 0.2),
    "0.2 to 0.5": (np.nextafter(0.2, 1.0), 0.5),
    "above 0.5": (np.nextafter(0.5, 1.0), 1.0),
}


def score_by_overlap(
    ground_truth: COCO,
    results: Iterable[dict],
    bins: AreaBins = OVERLAP_BINS,
) -> dict[str, dict[str, float]]:
    """Compute mask AP for instances of each range of overlap.

    An instance's overlap is its largest box IoU with another instance of its image, of whatever
    class. pycocotools' own way of splitting by area does the rest: the instances of other bins are
    ignored, as are the detections that found them; of the other detections each belongs to the bin
    of the instance that it shares most with (mask IoU), and one that touches none to overlap 0.

    Args:
        ground_truth: the data set's `coco`; crowd regions count as nobody's neighbour.
        results: in COCO's format, with masks, as `to_coco_results` writes them.
        bins: name to least and greatest overlap, both included.

    Returns:
        For each bin "AP", "AP50" and "AP75", -1 where there is no instance, and "num_instances".
    """
    truth, overlap_of = _with_overlap_as_area(ground_truth)
    loaded = load_results(truth, list(results))
    for image_id in truth.getImgIds():
        instances = truth.loadAnns(truth.getAnnIds(image_id, iscrowd=False))
        detections = loaded.loadAnns(loaded.getAnnIds(image_id))
        for detection, area in zip(
            detections, _overlaps_of_detections(truth, instances, detections, overlap_of)
        ):
            detection["area"] = area
    scores = score_in_bins(truth, loaded, bins)
    for name, (least, greatest) in bins.items():
        within = [bool(least <= overlap <= greatest) for overlap in overlap_of.values()]
        scores[name]["num_instances"] = sum(within)
    return scores


def find_overlaps(boxes: Tensor) -> Tensor:
    """Measure how much each box is overlapped: its largest IoU with another, `Tensor[G]`.

    Args:
        boxes: `Tensor[G, 4]` of (x1, y1, x2, y2), one image's.
    """
    if len(boxes) < 2:
        return boxes.new_zeros(len(boxes))
    return box_iou(boxes, boxes).fill_diagonal_(0).amax(dim=1)


def find_touching_pairs(masks: Tensor, labels: Tensor) -> list[tuple[int, int]]:
    """Find the pairs of instances of one class that touch: no pixel lies between them.

    Args:
        masks: `Tensor[G, H, W]` of 0 and 1, what is visible of each instance.
        labels: `Tensor[G]`.

    Returns:
        Pairs of indices, the smaller first.
    """
    if len(masks) < 2:
        return []
    visible = masks.float()
    grown = F.max_pool2d(visible[:, None], kernel_size=3, stride=1, padding=1)[:, 0]
    touching = torch.einsum("ahw,bhw->ab", grown, visible) > 0
    touching &= labels[:, None] == labels
    return [(a, b) for a, b in torch.nonzero(touching).tolist() if a < b]


def count_separated_pairs(
    ground_truth: COCO, results: Iterable[dict], min_score: float = 0.5
) -> dict[str, int]:
    """Count the touching pairs of one class (see `find_touching_pairs`), and those told apart.

    A pair is told apart if each of the two has a detection of its own: of their class, with mask
    IoU of at least 0.5.

    Args:
        ground_truth: the data set's `coco`.
        results: in COCO's format, with masks.
        min_score: detections below are left out.

    Returns:
        "touching" and "separated".
    """
    loaded = load_results(ground_truth, list(results))
    counts = {"touching": 0, "separated": 0}
    for image_id in ground_truth.getImgIds():
        instances = ground_truth.loadAnns(ground_truth.getAnnIds(image_id, iscrowd=False))
        if len(instances) < 2:
            continue
        masks = [ground_truth.annToMask(instance) for instance in instances]
        labels = torch.tensor([instance["category_id"] for instance in instances])
        pairs = find_touching_pairs(torch.from_numpy(np.stack(masks)), labels)
        detections = loaded.loadAnns(loaded.getAnnIds(image_id))
        detections = [one for one in detections if one["score"] >= min_score]
        ious = _mask_ious(ground_truth, detections, instances)
        same_class = [[d["category_id"] == g["category_id"] for g in instances] for d in detections]
        hits = (ious >= FOUND_IOU) & np.array(same_class, dtype=bool).reshape(ious.shape)
        counts["touching"] += len(pairs)
        counts["separated"] += sum(_have_one_each(hits[:, a], hits[:, b]) for a, b in pairs)
    return counts


def _have_one_each(hits_first: np.ndarray, hits_second: np.ndarray) -> bool:
    # One detection cannot stand for both.
    return bool(hits_first.any() and hits_second.any() and (hits_first | hits_second).sum() > 1)


def _with_overlap_as_area(ground_truth: COCO) -> tuple[COCO, dict[int, float]]:
    truth = COCO()
    truth.dataset = copy.deepcopy(ground_truth.dataset)
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
    overlap_of = {}
    for image_id in truth.getImgIds():
        instances = truth.loadAnns(truth.getAnnIds(image_id, iscrowd=False))
        boxes = torch.tensor([instance["bbox"] for instance in instances], dtype=torch.float64)
        boxes = boxes.reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        for instance, overlap in zip(instances, find_overlaps(boxes).tolist()):
            instance["area"] = overlap_of[instance["id"]] = overlap
    return truth, overlap_of


def _overlaps_of_detections(
    truth: COCO, instances: list[dict], detections: list[dict], overlap_of: dict[int, float]
) -> list[float]:
    ious = _mask_ious(truth, detections, instances)
    if ious.size == 0:
        return [0.0] * len(detections)
    nearest = ious.argmax(axis=1)
    overlaps = np.array([overlap_of[instance["id"]] for instance in instances])[nearest]
    return np.where(ious.max(axis=1) > 0, overlaps, 0.0).tolist()


def _mask_ious(truth: COCO, detections: list[dict], instances: list[dict]) -> np.ndarray:
    if not detections or not instances:
        return np.zeros((len(detections), len(instances)))
    masks = [detection["segmentation"] for detection in detections]
    true_masks = [truth.annToRLE(instance) for instance in instances]
    return rle.iou(masks, true_masks, [0] * len(instances))
