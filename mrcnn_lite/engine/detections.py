"""Detections as files that other programs read: COCO's results, and a mask for each object."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from mrcnn_lite.engine.evaluate import MASK_THRESHOLD, to_coco_results
from mrcnn_lite.errors import InputError
from mrcnn_lite.files import make_folder, write_atomically, write_text


def describe_detections(
    detections: dict[str, Tensor],
    image_id: int | str,
    file_name: str,
    category_ids: Mapping[int, int],
) -> list[dict[str, Any]]:
    """Write one picture's detections as `write_results` wants them.

    Args:
        detections: see `MaskRCNN.forward`.
        image_id: of the picture.
        file_name: of the picture; COCO's format has no place for it, and readers pass over it.
        category_ids: label to the id that stands for it in the file.
    """
    results = to_coco_results(image_id, detections)
    for result in results:
        result["file_name"] = file_name
        result["category_id"] = category_ids.get(result["category_id"], result["category_id"])
        if "segmentation" in result:
            counts = result["segmentation"]["counts"].decode("ascii")
            result["segmentation"] = {**result["segmentation"], "counts": counts}
    return results


def write_results(path: Path, results: list[dict[str, Any]]) -> None:
    """Write COCO's results file: a list of detections, boxes as x, y, w, h, masks as RLE.

    Raises:
        InputError: the file cannot be written.
    """
    write_text(path, json.dumps(results) + "\n")


def open_mask_folder(folder: Path) -> Path:
    """Make the folder for `write_masks`.

    Raises:
        InputError: it cannot be written, or holds something: masks of an earlier run, of which
            there may have been more, could not be told from the new ones.
    """
    make_folder(folder)
    if any(folder.iterdir()):
        raise InputError(f"{folder} already holds something; name a new or an empty folder")
    return folder


def write_masks(
    folder: Path, stem: str, detections: dict[str, Tensor], categories: Mapping[int, str]
) -> list[Path]:
    """Write each object's mask as a PNG of the picture's size, 255 on the object and 0 elsewhere.

    Args:
        folder: where to.
        stem: what their names begin with; a number, best first, and the class follow.
        detections: see `MaskRCNN.forward`.
        categories: label to name.

    Raises:
        InputError: the folder cannot be written.
    """
    paths = []
    for k, (mask, label) in enumerate(zip(detections["masks"], detections["labels"].tolist())):
        name = re.sub(r"\W+", "-", categories.get(label, f"class {label}")).strip("-")
        paths.append(folder / f"{stem}_{k + 1:02d}_{name}.png")
        pixels = (mask[0] > MASK_THRESHOLD).cpu().numpy()  # [H, W]
        with write_atomically(paths[-1]) as temporary:
            Image.fromarray(pixels.astype(np.uint8) * 255).save(temporary)
    return paths
