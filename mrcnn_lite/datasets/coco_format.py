"""COCO's records for datasets that are not stored in COCO's format.

Masks become compressed run-length encodings (RLE): polygons could not hold a ring, nor what an
object in front leaves of the one behind.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

Record = dict[str, Any]


def describe_instances(
    image_id: int,
    masks: NDArray[np.generic],
    labels: ArrayLike,
    boxes: ArrayLike,
    first_id: int,
    keypoints: NDArray[np.float32] | None = None,
) -> list[Record]:
    """Make the annotation records of one image.

    Args:
        image_id: id of the image.
        masks: `[N, H, W]`, bool or 0 and 1.
        labels: `[N]`, category ids.
        boxes: `[N, 4]`, (x1, y1, x2, y2) in image pixels.
        first_id: id of the first annotation, at least 1: to pycocotools' evaluation, annotation 0
            means "no match".
        keypoints: `[N, K, 3]` of x, y and visibility; without, records have none.
    """
    records = []
    for number, (mask, label, box) in enumerate(zip(masks, labels, boxes)):
        encoding = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
        x1, y1, x2, y2 = (float(edge) for edge in box)
        records.append(
            {
                "id": first_id + number,
                "image_id": image_id,
                "category_id": int(label),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": int(coco_mask.area(encoding)),
                "iscrowd": 0,
                "segmentation": {**encoding, "counts": encoding["counts"].decode("ascii")},
            }
        )
    for record, of_instance in zip(records, () if keypoints is None else keypoints):
        record["keypoints"] = of_instance.flatten().tolist()
        record["num_keypoints"] = int((of_instance[:, 2] > 0).sum())
    return records


def collect_records(
    images: Sequence[Record],
    annotations: Sequence[Record],
    categories: Mapping[int, str],
    keypoint_names: Sequence[str] = (),
) -> Record:
    """Put records together as they stand in an annotation file.

    Args:
        images: image records ("id", "file_name", "height", "width").
        annotations: annotation records.
        categories: category id to name.
        keypoint_names: of every category.
    """
    names = {"keypoints": list(keypoint_names), "skeleton": []} if keypoint_names else {}
    return {
        "info": {},
        "images": list(images),
        "annotations": list(annotations),
        "categories": [
            {"id": number, "name": name, **names} for number, name in categories.items()
        ],
    }


def index_silently(
    images: Sequence[Record],
    annotations: Sequence[Record],
    categories: Mapping[int, str],
    keypoint_names: Sequence[str] = (),
) -> COCO:
    """Make pycocotools' ground-truth object, without the lines that it prints.

    Args:
        images: image records ("id", "file_name", "height", "width").
        annotations: annotation records.
        categories: category id to name.
        keypoint_names: of every category.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = collect_records(images, annotations, categories, keypoint_names)
        coco.createIndex()
    return coco
