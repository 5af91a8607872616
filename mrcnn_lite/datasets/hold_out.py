"""A part of a data set held out, to measure on what was not learnt from."""

import hashlib

from mrcnn_lite.datasets.coco import CocoDataset
from mrcnn_lite.errors import InputError


def hold_out(dataset: CocoDataset, share: float) -> tuple[CocoDataset, CocoDataset]:
    """Split the images of a data set into those to train on and those to measure on.

    Which are held out follows from their ids alone, by a digest that has nothing to do with their
    order: it is the same every time, neighbours (often pictures of one place) are not held out
    together, and images that are added later move few of the others.

    Args:
        dataset: the whole.
        share: of the images to hold out, over 0 and below 1; at least one image is, and at least
            one is not.

    Returns:
        The two parts, in the data set's order.

    Raises:
        ValueError: the share is not between 0 and 1.
        InputError: there are not two images.
    """
    if not 0 < share < 1:
        raise ValueError(f"share should be over 0 and below 1, got {share}")
    ids = dataset.image_ids
    if len(ids) < 2:
        raise InputError(
            f"{dataset.annotation_file}: nothing can be held out of {len(ids)} image(s)"
        )
    number = min(max(round(share * len(ids)), 1), len(ids) - 1)
    held_out = set(sorted(ids, key=_digest)[:number])
    return (
        dataset.only([image_id for image_id in ids if image_id not in held_out]),
        dataset.only([image_id for image_id in ids if image_id in held_out]),
    )


def _digest(image_id: int) -> bytes:
    return hashlib.sha256(str(image_id).encode()).digest()
