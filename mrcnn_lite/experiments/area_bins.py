"""Mask AP in bins of whatever pycocotools takes for an area: its own way to split, other bins."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

# Name: the least and the greatest area, both included.
AreaBins = dict[str, tuple[float, float]]


def score_in_bins(
    ground_truth: COCO, detections: COCO, bins: AreaBins
) -> dict[str, dict[str, float]]:
    """Compute mask AP for the instances of each bin.

    The instances of other bins are ignored, as are the detections that found them, and those of
    another bin that found none.

    Args:
        ground_truth, detections: indexed; an annotation belongs to a bin by its "area".
        bins: name to least and greatest area, both included.

    Returns:
        For each bin "AP", "AP50" and "AP75", -1 where there is no instance.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(ground_truth, detections, "segm")
        evaluation.params.areaRng = [list(limits) for limits in bins.values()]
        evaluation.params.areaRngLbl = list(bins)
        evaluation.evaluate()
        evaluation.accumulate()
    # IoU thresholds x recalls x classes x bins, with the largest number of detections.
    precision = evaluation.eval["precision"][..., -1]
    rows = {
        "AP": slice(None),
        "AP50": np.isclose(evaluation.params.iouThrs, 0.5),
        "AP75": np.isclose(evaluation.params.iouThrs, 0.75),
    }
    scores = {}
    for number, name in enumerate(bins):
        of_bin = precision[..., number]
        scores[name] = {metric: _mean_of_counted(of_bin[row]) for metric, row in rows.items()}
    return scores


def _mean_of_counted(precision: np.ndarray) -> float:
    # pycocotools writes -1 for a class without instances.
    counted = precision[precision > -1]
    return float(counted.mean()) if counted.size else -1.0
