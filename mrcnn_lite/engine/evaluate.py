"""Average precision of boxes, masks and keypoints, counted by pycocotools (section 4)."""

import contextlib
import copy
import io
import itertools
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from mrcnn_lite.datasets.notes import listed
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.loader import batches_of, make_evaluation_loader
from mrcnn_lite.engine.precision import autocast
from mrcnn_lite.models import MaskRCNN

# pycocotools' twelve numbers, in its order.
METRIC_NAMES = (
    "AP",
    "AP50",
    "AP75",
    "AP_small",
    "AP_medium",
    "AP_large",
    "AR_1",
    "AR_10",
    "AR_100",
    "AR_small",
    "AR_medium",
    "AR_large",
)
# Of keypoints it gives ten; small objects are not asked for theirs.
KEYPOINT_METRIC_NAMES = (
    "AP",
    "AP50",
    "AP75",
    "AP_medium",
    "AP_large",
    "AR",
    "AR50",
    "AR75",
    "AR_medium",
    "AR_large",
)
# Boxes and masks, by pycocotools' names, and what its tables are headed here.
KINDS = ("bbox", "segm")
TITLES = {"bbox": "boxes", "segm": "masks", "keypoints": "keypoints"}
MASK_THRESHOLD = 0.5


def evaluate(
    model: MaskRCNN,
    dataset: Dataset,
    batch_size: int = 8,
    num_workers: int = 0,
    print_table: bool = False,
    precision: str = "float32",
) -> dict[str, dict[str, float]]:
    """Run the model over a data set and compare its detections with the ground truth.

    In a job of several processes each takes its part of the images; the first brings the detections
    together and scores them.

    Args:
        model: is put into evaluation mode for this, and back.
        dataset: one of `mrcnn_lite.datasets`; its `coco` holds the ground truth.
        batch_size: images at a time; does not change the result's meaning.
        num_workers: processes that load images.
        print_table: also print pycocotools' own table.
        precision: "float32", or "bf16" or "fp16" by autocast.

    Returns:
        `{"bbox": {...}, "segm": {...}}` with pycocotools' twelve numbers by name, the same in every
        process; -1 where there is nothing to count, for example no large object. A model without a
        mask head has no "segm"; one with keypoints has "keypoints", ten numbers, by OKS in place of
        IoU.

    Raises:
        ValueError: the model predicts keypoints, but the data set was not opened with as many.
    """
    kinds, sigmas = kinds_of(model), None
    if "keypoints" in kinds:
        sigmas = dataset.keypoint_sigmas
        if len(sigmas) != (number := model.config.num_keypoints):
            raise ValueError(
                f"the model predicts {number} keypoints, but the data set has {len(sigmas)}; it "
                "should be opened with keypoints=True"
            )
    results = collect_results(model, dataset, batch_size, num_workers, precision)
    parts = distributed.gather(results)
    metrics = None
    if distributed.is_first():
        results = itertools.chain(*parts)
        metrics = score_results(dataset.coco, results, print_table, kinds, sigmas)
    return distributed.share(metrics)


def collect_results(
    model: MaskRCNN,
    dataset: Dataset,
    batch_size: int,
    num_workers: int = 0,
    precision: str = "float32",
) -> list[dict]:
    """Run the model over this process's part of a data set; its detections in COCO's format."""
    return [
        result
        for image_ids, detections in detect(model, dataset, batch_size, num_workers, precision)
        for image_id, detection in zip(image_ids, detections)
        for result in to_coco_results(image_id, detection)
    ]


def kinds_of(model: MaskRCNN) -> Sequence[str]:
    """Say what a model's detections can be scored by: boxes always, masks or keypoints if any."""
    has = {"segm": model.predicts_masks, "keypoints": model.config.num_keypoints > 0}
    return ("bbox", *(kind for kind, is_there in has.items() if is_there))


def detect(
    model: MaskRCNN,
    dataset: Dataset,
    batch_size: int,
    num_workers: int = 0,
    precision: str = "float32",
) -> Iterator[tuple[list[int], list[dict[str, Tensor]]]]:
    """Run the model over this process's part of a data set, batch by batch, with a progress bar.

    Yields:
        Image ids and detections (see `MaskRCNN.forward`) of each batch.
    """
    device = next(model.parameters()).device
    loader = make_evaluation_loader(dataset, batch_size, num_workers, device)
    was_training = model.training
    model.eval()
    try:
        progress = {"unit": "batch", "leave": False, "disable": not distributed.is_first()}
        with batches_of(loader) as batches:
            for images, targets in tqdm(batches, "evaluating", len(loader), **progress):
                with torch.inference_mode(), autocast(device, precision):
                    detections = model([image.to(device) for image in images])
                yield [target["image_id"] for target in targets], detections
    finally:
        model.train(was_training)


def to_coco_results(image_id: int, detections: dict[str, Tensor]) -> list[dict]:
    """Write one image's detections in COCO's result format.

    A box is x, y, w, h; a mask an RLE; keypoints are x, y and 1 one after the other.
    """
    corners, opposites = detections["boxes"].cpu().double().split(2, dim=1)
    boxes = torch.cat([corners, opposites - corners], dim=1).tolist()
    labels, scores = detections["labels"].tolist(), detections["scores"].tolist()
    results = [
        {"image_id": image_id, "category_id": label, "score": score, "bbox": box}
        for label, score, box in zip(labels, scores, boxes)
    ]
    if "masks" in detections:
        # One by one, since each may be of twelve million pixels.
        for result, mask in zip(results, detections["masks"][:, 0]):
            pixels = (mask > MASK_THRESHOLD).to(torch.uint8).cpu().numpy()  # [H, W]
            result["segmentation"] = rle.encode(np.asfortranarray(pixels))
    if "keypoints" in detections:
        of_all = detections["keypoints"].flatten(1).tolist()  # [D, 3 K]
        for result, of_object in zip(results, of_all):
            result["keypoints"] = of_object
    return results


def score_results(
    ground_truth: COCO,
    results: Iterable[dict],
    print_table: bool = False,
    kinds: Sequence[str] = KINDS,
    keypoint_sigmas: Sequence[float] | None = None,
) -> dict[str, dict[str, float]]:
    """Compare results in COCO's format with the ground truth; see `evaluate` for what returns.

    Crowd regions count neither for nor against a detection that lies in them.

    Keypoints are compared by their object keypoint similarity, in place of an IoU: the mean over an
    object's annotated keypoints of exp(-d^2 / (2 (2 sigma)^2 area)), d pixels off.

    Args:
        ground_truth: the data set's `coco`.
        results: see `to_coco_results`.
        print_table: also print pycocotools' own table.
        kinds: of "bbox", "segm" and "keypoints".
        keypoint_sigmas: one for each keypoint; None means the seventeen of COCO's persons.
    """
    results = list(results)
    _warn_of_unknown_categories(ground_truth, results)
    metrics = {}
    for kind in kinds:
        kind_results = [_for_kind(kind, result) for result in results]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            evaluation = COCOeval(ground_truth, load_results(ground_truth, kind_results), kind)
            if kind == "keypoints" and keypoint_sigmas is not None:
                evaluation.params.kpt_oks_sigmas = np.array(keypoint_sigmas)
            evaluation.evaluate()
            evaluation.accumulate()
            printed.seek(0)
            printed.truncate()
            evaluation.summarize()
        if print_table:
            print(f"{TITLES[kind]}\n{printed.getvalue()}", end="")
        names = KEYPOINT_METRIC_NAMES if kind == "keypoints" else METRIC_NAMES
        metrics[kind] = dict(zip(names, evaluation.stats.tolist()))
    return metrics


def _for_kind(kind: str, result: dict) -> dict:
    """Leave out what pycocotools would take an object's area, and so its size class, from."""
    passed_over = {
        "bbox": (),
        "segm": ("bbox", "keypoints"),
        "keypoints": ("bbox", "segmentation"),
    }[kind]
    return {name: part for name, part in result.items() if name not in passed_over}


def _warn_of_unknown_categories(ground_truth: COCO, results: list[dict]) -> None:
    """Warn of detections that pycocotools passes over, since no annotation is of their kind."""
    found = Counter(result["category_id"] for result in results)
    if unknown := sorted(set(found) - set(ground_truth.cats)):
        number = sum(found[category] for category in unknown)
        warnings.warn(
            f"{number} of {len(results)} detections are of categories that the annotations do not "
            f"have ({listed(unknown)}), and count for nothing",
            stacklevel=3,
        )


def load_results(ground_truth: COCO, results: list[dict]) -> COCO:
    """Index results in COCO's format, of which there may be none, as pycocotools wants them."""
    if results:
        # A deep copy, since pycocotools writes areas and ids into what it is given.
        return ground_truth.loadRes(copy.deepcopy(results))
    # pycocotools cannot load an empty list; no detections are the ground truth without annotations.
    empty = COCO()
    empty.dataset = {**ground_truth.dataset, "annotations": []}
    empty.createIndex()
    return empty
