"""COCO and everything in its format (Lin et al. 2014, "Microsoft COCO: Common Objects in Context").

Polygons, compressed and uncompressed run-length encodings (RLE), crowd regions, category ids with
gaps, images without annotations: what an annotation file may hold, this reads.
"""

import hashlib
import json
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from torch import Tensor
from torch.utils.data import Dataset

from mrcnn_lite.datasets.coco_checks import read_annotation_file
from mrcnn_lite.datasets.coco_format import Record, index_silently
from mrcnn_lite.datasets.images import read_image
from mrcnn_lite.errors import InputError


class CocoDataset(Dataset):
    """Pictures and instances of a COCO root: `annotations/instances_SPLIT.json` and `SPLIT/`.

    Pictures are read and masks decoded on access. Boxes are the file's, clipped to the image.
    Targets leave out crowd regions, which stand for many instances at once, and boxes without
    width or height, which cannot be learnt; `coco` keeps both, so that evaluation scores as
    pycocotools does on the file itself.
    """

    def __init__(
        self, root: str | Path, split: str, image_ids: Sequence[int] | None = None
    ) -> None:
        """Read and check the annotation file, and check that the pictures are there.

        Args:
            root: the folder that holds `annotations/` and `SPLIT/`.
            split: for example "train2017".
            image_ids: the images to use, in this order. Default: all, in the file's order.

        Raises:
            FileNotFoundError: the root, the annotation file or the folder of pictures is missing.
            InputError: the annotation file cannot be used, an image id is not in it, or a picture
                is missing. The message names the culprit.
        """
        self.annotation_file, self.folder = _locate(Path(root), split)
        content = read_annotation_file(self.annotation_file)
        self.categories = {record["id"]: record["name"] for record in content["categories"]}
        self.num_classes = max(self.categories, default=0) + 1

        images = {image["id"]: image for image in content["images"]}
        self.image_ids = list(images) if image_ids is None else list(image_ids)
        self._check_images(images)
        self._images = [images[image_id] for image_id in self.image_ids]
        self._annotations: dict[int, list[Record]] = {number: [] for number in self.image_ids}
        for annotation in content["annotations"]:
            if annotation["image_id"] in self._annotations:
                self._annotations[annotation["image_id"]].append(annotation)
        self._instances = self._find_instances(images)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image_ids)

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Any]]:
        """Read image `index` and decode its masks.

        Returns:
            The image, float32 `Tensor[3, H, W]` in 0..1, and its target: "boxes" float32
            `Tensor[N, 4]`, "labels" int64 `Tensor[N]`, "masks" uint8 `Tensor[N, H, W]` and
            "image_id".

        Raises:
            InputError: the picture is damaged, or its size is not the annotated one.
        """
        record = self._images[index]
        height, width = record["height"], record["width"]
        path = self.folder / record["file_name"]
        image = read_image(path)
        if image.shape[1:] != (height, width):
            raise InputError(
                f"{path} is {image.shape[2]} x {image.shape[1]} pixels (width x height, before any "
                f"EXIF rotation), but {self.annotation_file} says {width} x {height}"
            )
        annotations = self._instances[record["id"]]
        boxes = [_clipped_box(annotation, record) for annotation in annotations]
        masks = [_decode(annotation["segmentation"], height, width) for annotation in annotations]
        return image, {
            "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            "labels": torch.tensor([a["category_id"] for a in annotations], dtype=torch.int64),
            "masks": torch.from_numpy(np.array(masks, dtype=np.uint8).reshape(-1, height, width)),
            "image_id": record["id"],
        }

    def image_id(self, index: int) -> int:
        """The id of image `index`."""
        return self.image_ids[index]

    def size(self, index: int) -> tuple[int, int]:
        """Height and width of image `index` in pixels, without reading it."""
        return self._images[index]["height"], self._images[index]["width"]

    def has_objects(self, index: int) -> bool:
        """Whether image `index` has an instance to learn from, without reading it."""
        return bool(self._instances[self.image_ids[index]])

    def fingerprint(self) -> str:
        """A digest of the annotation file and the images used; pictures are not read."""
        digest = hashlib.sha256(json.dumps(self.image_ids).encode())
        with open(self.annotation_file, "rb") as file:
            # COCO's has half a gigabyte.
            while part := file.read(2**20):
                digest.update(part)
        return digest.hexdigest()[:16]

    @cached_property
    def coco(self) -> COCO:
        """The ground truth of these images as the file has it, crowd regions included."""
        annotations = [
            # Copies, because pycocotools' evaluation overwrites the segmentations.
            dict(annotation)
            for image_id in self.image_ids
            for annotation in self._annotations[image_id]
        ]
        return index_silently(self._images, annotations, self.categories)

    def _check_images(self, images: dict[int, Record]) -> None:
        """Check that the images in use are listed once, and that their files exist."""
        present = {entry.name for entry in self.folder.iterdir()}
        seen = set()
        for image_id in self.image_ids:
            if image_id not in images:
                raise InputError(f"image_ids: {self.annotation_file} lists no image {image_id!r}")
            if image_id in seen:
                raise InputError(f"image_ids: the id {image_id} is given twice")
            seen.add(image_id)
            name = images[image_id]["file_name"]
            if name not in present and not (self.folder / name).is_file():
                raise InputError(
                    f"{self.folder / name} is missing, but {self.annotation_file} lists it "
                    f"(image {image_id})"
                )

    def _find_instances(self, images: dict[int, Record]) -> dict[int, list[Record]]:
        """Per image, the annotations to learn from: no crowd regions, no empty boxes."""
        instances: dict[int, list[Record]] = {}
        empty = []
        for image_id, annotations in self._annotations.items():
            instances[image_id] = []
            for annotation in annotations:
                x1, y1, x2, y2 = _clipped_box(annotation, images[image_id])
                if annotation["iscrowd"]:
                    continue
                if x1 < x2 and y1 < y2:
                    instances[image_id].append(annotation)
                else:
                    empty.append(annotation["id"])
        if empty:
            warnings.warn(
                f"{self.annotation_file}: left out of training: {len(empty)} boxes without width "
                f"or height inside their image, the first that of annotation {empty[0]}",
                stacklevel=3,
            )
        return instances


def _locate(root: Path, split: str) -> tuple[Path, Path]:
    """Annotation file and folder of pictures of a split."""
    annotation_file = root / "annotations" / f"instances_{split}.json"
    folder = root / split
    if not root.is_dir():
        raise FileNotFoundError(
            f"there is no folder {root}; expected a COCO root, with {annotation_file} and the "
            f"pictures in {folder}"
        )
    if not annotation_file.is_file():
        splits = sorted(
            path.stem.removeprefix("instances_")
            for path in (root / "annotations").glob("instances_*.json")
        )
        there = f"; the splits there are {', '.join(splits)}" if splits else ""
        raise FileNotFoundError(f"there is no annotation file {annotation_file}{there}")
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; expected the pictures of {split}")
    return annotation_file, folder


def _clipped_box(annotation: Record, image: Record) -> tuple[float, float, float, float]:
    """COCO's (x, y, width, height) as (x1, y1, x2, y2) within the image."""
    x, y, width, height = annotation["bbox"]
    return (
        max(x, 0.0),
        max(y, 0.0),
        min(x + width, float(image["width"])),
        min(y + height, float(image["height"])),
    )


def _decode(segmentation: list[Any] | dict[str, Any], height: int, width: int) -> np.ndarray:
    """The mask, uint8 `[height, width]`, of polygons or of an RLE of either kind."""
    if isinstance(segmentation, list):
        encoding = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        encoding = coco_mask.frPyObjects(segmentation, height, width)
    else:
        encoding = segmentation
    return coco_mask.decode(encoding)
