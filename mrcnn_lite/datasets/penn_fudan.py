"""Penn-Fudan: 170 street pictures with pedestrians, a first set of photographs to train on.

L. Wang, J. Shi, G. Song, I. Shen, "Object Detection Combining Recognition and Segmentation", ACCV
2007. A mask picture holds 0 for the background and one number per person. The authors count 345
pedestrians; the masks hold 423.

The set comes without a split. Here, of every 17 pictures in the order of their names, the last five
are to measure on: 50 of 170, from both universities, and 120 to train on. They are held out in runs
because neighbours often show the same place, and sometimes the same people.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from pycocotools.coco import COCO
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.datasets.utils import extract_archive
from torchvision.ops import masks_to_boxes

from mrcnn_lite.datasets.coco_format import describe_instances, index_silently
from mrcnn_lite.datasets.download import download
from mrcnn_lite.datasets.images import read_image
from mrcnn_lite.errors import InputError

URL = "https://www.cis.upenn.edu/~jshi/ped_html/PennFudanPed.zip"
MD5 = "5aaa3dee905cef73325923716e38fc6d"
FOLDER = "PennFudanPed"
CATEGORIES = {1: "person"}
# Of so many pictures in a row, the last so many are to measure on.
RUN, HELD_OUT_OF_RUN = 17, 5


class PennFudanDataset(Dataset):
    """The pictures in `PNGImages/` with the people in `PedMasks/`.

    Images are numbered from 1 in the order of their names: FudanPed00001.png is image 1.
    """

    categories = CATEGORIES
    num_classes = 2

    def __init__(
        self,
        root: str | Path,
        image_ids: Sequence[int] | None = None,
        split: Literal["train", "test"] | None = None,
    ) -> None:
        """List the pictures, and check that each has its mask.

        Args:
            root: the folder `PennFudanPed`, which `download_penn_fudan` makes, or the one that it
                lies in.
            image_ids: the images to use, in this order. Default: all of the split.
            split: "train" or "test", see the head of this file; None for both.

        Raises:
            FileNotFoundError: `root` is not such a folder.
            InputError: a mask is missing, there are no pictures, or an image id is unknown or
                comes twice.
        """
        root = Path(root)
        if not _is_penn_fudan(root) and (root / FOLDER).is_dir():
            root /= FOLDER
        if not _is_penn_fudan(root):
            raise FileNotFoundError(
                f"{root} has no folders PNGImages and PedMasks; get them from {URL}, for example "
                "by mrcnn_lite.datasets.penn_fudan.download_penn_fudan"
            )
        pictures = dict(enumerate(sorted((root / "PNGImages").glob("*.png")), start=1))
        if not pictures:
            raise InputError(f"there are no pictures (*.png) in {root / 'PNGImages'}")
        of_split = [image_id for image_id in pictures if split in (None, split_of(image_id))]
        self.image_ids = of_split if image_ids is None else list(image_ids)
        for place, image_id in enumerate(self.image_ids):
            if image_id in self.image_ids[:place]:
                raise InputError(f"image_ids: the id {image_id} is given twice")
            if image_id not in pictures:
                raise InputError(
                    f"image_ids: there is no image {image_id!r}; {root} holds 1..{len(pictures)}"
                )
        if not self.image_ids:
            raise InputError(f"none of the {len(pictures)} pictures in {root} is of split {split}")
        self._pictures = [pictures[image_id] for image_id in self.image_ids]
        self._masks = [root / "PedMasks" / f"{path.stem}_mask.png" for path in self._pictures]
        for picture, mask in zip(self._pictures, self._masks):
            if not mask.is_file():
                raise InputError(f"{mask} is missing, the mask of {picture}")

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image_ids)

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Any]]:
        """Read image `index` and its mask.

        Returns:
            The image, float32 `Tensor[3, H, W]` in 0..1, and its target: "boxes" float32
            `Tensor[N, 4]`, "labels" int64 `Tensor[N]`, "masks" uint8 `Tensor[N, H, W]` and
            "image_id".

        Raises:
            InputError: the picture or its mask is damaged, or their sizes differ.
        """
        image = read_image(self._pictures[index])
        numbers = _read_numbers(self._masks[index])
        if image.shape[1:] != numbers.shape:
            raise InputError(
                f"{self._masks[index]} is {tuple(numbers.shape)} pixels, but its picture is "
                f"{tuple(image.shape[1:])}"
            )
        people = numbers.unique()
        masks = numbers == people[people > 0][:, None, None]
        # torchvision counts the last row and column; as continuous edges they end one further on.
        boxes = masks_to_boxes(masks) + torch.tensor([0.0, 0.0, 1.0, 1.0])
        return image, {
            "boxes": boxes,
            "labels": torch.ones(len(masks), dtype=torch.int64),
            "masks": masks.to(torch.uint8),
            "image_id": self.image_id(index),
        }

    def image_id(self, index: int) -> int:
        """The id of image `index`."""
        return self.image_ids[index]

    def size(self, index: int) -> tuple[int, int]:
        """Height and width of image `index` in pixels, read from the picture's header."""
        with Image.open(self._pictures[index]) as picture:
            return picture.height, picture.width

    def has_objects(self, index: int) -> bool:
        """Whether image `index` has an instance to learn from; each shows a pedestrian."""
        return True

    def fingerprint(self) -> str:
        """A digest of all masks and of the pictures' names; pictures are not read."""
        digest = hashlib.sha256(json.dumps(self.image_ids).encode())
        for picture, mask in zip(self._pictures, self._masks):
            digest.update(picture.name.encode())
            digest.update(mask.read_bytes())
        return digest.hexdigest()[:16]

    @cached_property
    def coco(self) -> COCO:
        """The ground truth of all images; the first use reads each of them once."""
        images, annotations = [], []
        for path, (image, target) in zip(self._pictures, self):
            height, width = image.shape[1:]
            image_id = target["image_id"]
            images.append(
                {"id": image_id, "file_name": path.name, "height": height, "width": width}
            )
            annotations += describe_instances(
                image_id,
                target["masks"].numpy(),
                target["labels"],
                target["boxes"],
                first_id=len(annotations) + 1,
            )
        return index_silently(images, annotations, self.categories)


def split_of(image_id: int) -> Literal["train", "test"]:
    """Say whether an image is to be trained or to be measured on; see the head of this file."""
    return "train" if (image_id - 1) % RUN < RUN - HELD_OUT_OF_RUN else "test"


def download_penn_fudan(root: str | Path) -> Path:
    """Download the archive (54 MB) into `root`, check its MD5 sum, and unpack it there.

    An archive that lies there already is used, one that came in part is gone on with, and what was
    unpacked before is left as it is.

    Args:
        root: the folder to put it in; or `PennFudanPed` itself, if it is there.

    Returns:
        The folder `PennFudanPed`, for `PennFudanDataset`.

    Raises:
        InputError: it cannot be downloaded; the message says what to fetch and where to put it.
    """
    root = Path(root)
    if _is_penn_fudan(root):
        return root
    folder = root / FOLDER
    if folder.exists():
        return folder
    archive = root / f"{FOLDER}.zip"
    download(URL, archive, MD5)
    with tempfile.TemporaryDirectory(dir=root, prefix=".unpacking.tmp.") as beside:
        extract_archive(str(archive), beside)
        Path(beside, FOLDER).rename(folder)
    return folder


def _is_penn_fudan(folder: Path) -> bool:
    return (folder / "PNGImages").is_dir() and (folder / "PedMasks").is_dir()


def _read_numbers(path: Path) -> Tensor:
    """A mask picture as it is stored, `Tensor[H, W]`: number of the person, 0 for none."""
    try:
        with Image.open(path) as picture:
            return torch.from_numpy(np.array(picture, dtype=np.int64))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"cannot read the mask {path}: {error}") from error
