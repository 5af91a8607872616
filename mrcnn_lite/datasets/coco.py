"""COCO and everything in its format (Lin et al. 2014, "Microsoft COCO: Common Objects in Context").

Polygons, compressed and uncompressed run-length encodings (RLE), crowd regions, boxes alone, ids of
every kind, images without annotations: what an annotation file may hold, this reads.
"""

import copy
import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from torch import Tensor
from torch.utils.data import Dataset

from mrcnn_lite.datasets.coco_categories import number_categories
from mrcnn_lite.datasets.coco_checks import no_search_for_garbage, read_annotation_file
from mrcnn_lite.datasets.coco_format import Record, index_silently
from mrcnn_lite.datasets.coco_layouts import find_pictures, find_split
from mrcnn_lite.datasets.coco_rle import encode_segmentation
from mrcnn_lite.datasets.images import read_image
from mrcnn_lite.datasets.keypoints import keypoint_entries, oks_sigmas
from mrcnn_lite.errors import InputError


class CocoDataset(Dataset):
    """Pictures and instances of an annotation file in COCO's format.

    Pictures are read and masks decoded on access. Boxes are the file's, clipped to the image.
    Targets leave out crowd regions, which stand for many instances at once, and what cannot be
    learnt: boxes without width or height, masks without a pixel, masks outside their box. `coco`
    keeps them all, so that evaluation scores as pycocotools does on the file itself.

    Attributes:
        annotation_file: where the annotations were read.
        folder: where the pictures are.
        image_ids: of the images in use, in order.
        categories: label to name; `mrcnn_lite.datasets.coco_categories` says which label a category
            gets.
        category_ids: label to the category's id in the file, for results that others read.
        num_classes: the largest label + 1.
        keypoint_names: with `keypoints`; else empty.
        keypoint_sigmas: how exact each is, for OKS (see `mrcnn_lite.datasets.keypoints`); may be
            assigned to.
        notes: lines that say what was mended and left out; they are also given as warnings, once.
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None,
        image_ids: Sequence[int] | None = None,
        *,
        masks: bool = True,
        keypoints: bool = False,
        names: Mapping[int, str] | None = None,
    ) -> None:
        """Read and check the annotation file, and check that the pictures are there.

        Args:
            root: a COCO root, with `annotations/instances_SPLIT.json` and `SPLIT/`, or a folder of
                another layout that `mrcnn_lite.datasets.coco_layouts` knows.
            split: for example "train2017". None takes the only one that is there.
            image_ids: the images to use, in this order. Default: all, in the file's order.
            masks: False reads boxes alone; then annotations need no segmentation, and targets have
                no "masks".
            keypoints: True reads keypoints, too, of a root from `person_keypoints_SPLIT.json` if
                that is there.
            names: label to name, as a model has them: categories get the labels of their names.

        Raises:
            FileNotFoundError: the root, the annotation file or the folder of pictures is missing.
            InputError: the annotation file cannot be used, an image id is not in it, or a picture
                is missing. The message names the culprit.
        """
        annotation_file, folder = find_split(Path(root), split, keypoints)
        with no_search_for_garbage(annotation_file):
            self._open(annotation_file, folder, image_ids, masks, keypoints, names)

    @classmethod
    def from_files(
        cls,
        annotations: str | Path,
        images: str | Path,
        image_ids: Sequence[int] | None = None,
        *,
        masks: bool = True,
        keypoints: bool = False,
        names: Mapping[int, str] | None = None,
    ) -> "CocoDataset":
        """Read an annotation file and use the pictures of a folder, wherever the two are.

        Args:
            annotations: the annotation file.
            images: the folder of pictures.
            image_ids, masks, keypoints, names: as for a root.

        Raises:
            FileNotFoundError: one of the two is missing.
            InputError: as for a root.
        """
        if not Path(images).is_dir():
            raise FileNotFoundError(f"there is no folder {images}; expected the pictures")
        dataset = cls.__new__(cls)
        with no_search_for_garbage(Path(annotations)):
            dataset._open(Path(annotations), Path(images), image_ids, masks, keypoints, names)
        return dataset

    def _open(
        self,
        annotation_file: Path,
        folder: Path,
        image_ids: Sequence[int] | None,
        masks: bool,
        keypoints: bool,
        names: Mapping[int, str] | None,
    ) -> None:
        self.annotation_file, self.folder, self.masks = annotation_file, folder, masks
        content = read_annotation_file(annotation_file, masks, keypoints)
        self.keypoint_names = tuple(content.keypoint_names)
        self.keypoint_sigmas = oks_sigmas(self.keypoint_names)
        try:
            self.category_ids = number_categories(content.categories, names)
        except InputError as error:
            raise InputError(f"{annotation_file}: {error}") from None
        self.categories = {k: content.categories[id_] for k, id_ in self.category_ids.items()}
        self.num_classes = max([*self.categories, *(names or {}), 0]) + 1
        self._label_of = {id_: label for label, id_ in self.category_ids.items()}

        images = {image["id"]: image for image in content.images}
        self.image_ids = list(images) if image_ids is None else list(image_ids)
        self._check_image_ids(images)
        self._images = [images[image_id] for image_id in self.image_ids]
        self._find_pictures()
        # Of every image all annotations, and those to learn from.
        self._annotations: dict[int, list[Record]] = {number: [] for number in self.image_ids}
        self._instances: dict[int, list[Record]] = {number: [] for number in self.image_ids}
        for annotation, learnable in zip(content.annotations, content.learnable):
            if (image_id := annotation["image_id"]) in self._annotations:
                self._annotations[image_id].append(annotation)
                if learnable:
                    self._instances[image_id].append(annotation)
        self.notes = [f"{annotation_file}: {note}" for note in content.notes]
        for note in self.notes:
            warnings.warn(note, stacklevel=3)

    def only(self, image_ids: Sequence[int]) -> "CocoDataset":
        """The same data set with only these images, in this order; nothing is read again.

        Raises:
            InputError: an image id is not among those in use, or is given twice.
        """
        part = copy.copy(self)
        part.__dict__.pop("coco", None)
        part.image_ids = list(image_ids)
        images = {image["id"]: image for image in self._images}
        part._check_image_ids(images)
        part._images = [images[image_id] for image_id in part.image_ids]
        part._annotations = {number: self._annotations[number] for number in part.image_ids}
        part._instances = {number: self._instances[number] for number in part.image_ids}
        return part

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image_ids)

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Any]]:
        """Read image `index` and decode its masks.

        Returns:
            The image, float32 `Tensor[3, H, W]` in 0..1, and its target: "boxes" float32
            `Tensor[N, 4]`, "labels" int64 `Tensor[N]`, "masks" uint8 `Tensor[N, H, W]` (unless
            boxes alone are read) and "image_id"; with keypoints also "keypoints" float32
            `Tensor[N, K, 3]` and "mirrored_keypoints" int64 `Tensor[K]`.

        Raises:
            InputError: the picture is damaged, or its size is not the annotated one.
        """
        record = self._images[index]
        height, width = record["height"], record["width"]
        try:
            image = read_image(self._pictures[record["file_name"]], (height, width))
        except InputError as error:
            raise InputError(f"{error} ({self.annotation_file}, image {record['id']})") from error
        annotations = self._instances[record["id"]]
        boxes = [_clipped_box(annotation, record) for annotation in annotations]
        labels = [self._label_of[annotation["category_id"]] for annotation in annotations]
        target = {
            "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            "labels": torch.tensor(labels, dtype=torch.int64),
            "image_id": record["id"],
        }
        if self.keypoint_names:
            keypoints = [annotation["keypoints"] for annotation in annotations]
            target |= keypoint_entries(keypoints, self.keypoint_names)
        if self.masks:
            encodings = [
                encode_segmentation(one["segmentation"], height, width) for one in annotations
            ]
            masks = [coco_mask.decode(encoding) for encoding in encodings]
            stacked = np.array(masks, dtype=np.uint8).reshape(-1, height, width)
            target["masks"] = torch.from_numpy(stacked)
        return image, target

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
        """The ground truth of these images, with labels for category ids; crowd regions included.

        Annotations have the file's ids, unless pycocotools' evaluation could not use them.
        """
        annotations = [
            # Copies, because pycocotools' evaluation overwrites the segmentations.
            {**annotation, "category_id": self._label_of[annotation["category_id"]]}
            for image_id in self.image_ids
            for annotation in self._annotations[image_id]
        ]
        # To it an id of 0 means no match, and it keeps ids in floats.
        if not all(1 <= annotation["id"] <= 2**53 for annotation in annotations):
            for number, annotation in enumerate(annotations, start=1):
                annotation["id"] = number
        return index_silently(self._images, annotations, self.categories, self.keypoint_names)

    def _check_image_ids(self, images: Mapping[int, Record]) -> None:
        """Check that the images in use are listed, and used once."""
        seen = set()
        for image_id in self.image_ids:
            if image_id not in images:
                raise InputError(f"image_ids: {self.annotation_file} lists no image {image_id!r}")
            if image_id in seen:
                raise InputError(f"image_ids: the id {image_id} is given twice")
            seen.add(image_id)

    def _find_pictures(self) -> None:
        """Find the files of the images in use."""
        names = [image["file_name"] for image in self._images]
        try:
            self._pictures = find_pictures(self.folder, names)
        except InputError as error:
            raise InputError(f"{self.annotation_file}: {error}") from None
        for image in self._images:
            name = image["file_name"]
            if self._pictures[name] is None:
                path = self.folder / name
                raise InputError(
                    f"{path} is {'no regular file' if _exists(path) else 'missing'}, but "
                    f"{self.annotation_file} lists it (image {image['id']})"
                )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _clipped_box(annotation: Record, image: Record) -> tuple[float, float, float, float]:
    """COCO's (x, y, width, height) as (x1, y1, x2, y2) within the image."""
    x, y, width, height = annotation["bbox"]
    return (
        max(x, 0.0),
        max(y, 0.0),
        min(x + width, float(image["width"])),
        min(y + height, float(image["height"])),
    )
