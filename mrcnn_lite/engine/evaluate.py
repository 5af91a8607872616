"""Average precision of boxes and masks, counted by pycocotools (Mask R-CNN, section 4)."""

import contextlib
import copy
import io
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from mrcnn_lite.datasets.transforms import collate
from mrcnn_lite.models import MaskRCNN

# pycocotools' twelve numbers, in its order.
METRIC_NAMES = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"),
)
MASK_THRESHOLD = 0.5


def evaluate(
    model: MaskRCNN,
    dataset: Dataset,
    batch_size: int = 8,
    num_workers: int = 0,
    print_table: bool = False,
) -> dict[str, dict[str, float]]:
    """Run the model over a data set and compare its detections with the ground truth.

    Args:
        model: is put into evaluation mode for this, and back.
        dataset: one of `mrcnn_lite.datasets`; its `coco` holds the ground truth.
        batch_size: images at a time; does not change the result's meaning.
        num_workers: processes that load images.
        print_table: also print pycocotools' own table.

    Returns:
        `{"bbox": {...}, "segm": {...}}` with pycocotools' twelve numbers by name; -1 where there is
        nothing to count, for example no large object.
    """
    results = []
    for image_ids, detections in detect(model, dataset, batch_size, num_workers):
        for image_id, detection in zip(image_ids, detections):
            results.extend(to_coco_results(image_id, detection))
    return score_results(dataset.coco, results, print_table)


def detect(
    model: MaskRCNN, dataset: Dataset, batch_size: int, num_workers: int = 0
) -> Iterator[tuple[list[int], list[dict[str, Tensor]]]]:
    """Run the model over a data set, batch by batch, with a progress bar.

    Yields:
        Image ids and detections (see `MaskRCNN.forward`) of each batch.
    """
    device = next(model.parameters()).device
    loader = DataLoader(dataset, batch_size, num_workers=num_workers, collate_fn=collate)
    was_training = model.training
    model.eval()
    try:
        for images, targets in tqdm(loader, desc="evaluating", unit="batch", leave=False):
            with torch.inference_mode():
                detections = model([image.to(device) for image in images])
            yield [target["image_id"] for target in targets], detections
    finally:
        model.train(was_training)


def to_coco_results(image_id: int, detections: dict[str, Tensor]) -> list[dict]:
    """Write one image's detections in COCO's result format: box as x, y, w, h; mask as RLE."""
    boxes = detections["boxes"].cpu().double()
    boxes[:, 2:] -= boxes[:, :2]
    masks = (detections["masks"][:, 0] > MASK_THRESHOLD).to(torch.uint8).cpu().numpy()
    return [
        {
            "image_id": image_id,
            "category_id": int(label),
            "score": float(score),
            "bbox": box,
            "segmentation": rle.encode(np.asfortranarray(mask)),
        }
        for label, score, box, mask in zip(
            detections["labels"], detections["scores"], boxes.tolist(), masks
        )
    ]


def score_results(
    ground_truth: COCO, results: Iterable[dict], print_table: bool = False
) -> dict[str, dict[str, float]]:
    """Compare results in COCO's format with the ground truth; see `evaluate` for what returns.

    Crowd regions count neither for nor against a detection that lies in them.
    """
    results = list(results)
    metrics = {}
    for kind in ("bbox", "segm"):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            evaluation = COCOeval(ground_truth, _load_results(ground_truth, results), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            printed.seek(0)
            printed.truncate()
            evaluation.summarize()
        if print_table:
            print(f"{'boxes' if kind == 'bbox' else 'masks'}\n{printed.getvalue()}", end="")
        metrics[kind] = dict(zip(METRIC_NAMES, evaluation.stats.tolist()))
    return metrics


def _load_results(ground_truth: COCO, results: list[dict]) -> COCO:
    if results:
        # A deep copy, since pycocotools writes areas and ids into what it is given.
        return ground_truth.loadRes(copy.deepcopy(results))
    # pycocotools cannot load an empty list; no detections are the ground truth without annotations.
    empty = COCO()
    empty.dataset = {**ground_truth.dataset, "annotations": []}
    empty.createIndex()
    return empty
