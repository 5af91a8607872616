"""Keypoints of annotation files in COCO's format: their names, left and right, and how exact.

Of each instance a file has x, y and a visibility for each keypoint, one after the other: 0 says
that nothing is known (x and y are 0, too), 1 that the keypoint is hidden, 2 that it can be seen.
Hidden ones are learnt and counted like the others.

COCO's coordinates are whole numbers of pixels. They are taken as points of the picture as they
stand, as torchvision's published weights have learnt them.
"""

import math
import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools.cocoeval import Params
from torch import Tensor

from mrcnn_lite.datasets.coco_format import Record
from mrcnn_lite.datasets.notes import naming, short
from mrcnn_lite.errors import InputError

PERSON = (
    "nose",
    *("left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip"),
    *("left_knee", "right_knee", "left_ankle", "right_ankle"),
)
# For keypoints that nobody has measured: between COCO's eyes (0.025) and hips (0.107).
USUAL_SIGMA = 0.05
_OTHER_SIDE = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
_OTHER_SIDE |= {side.upper(): other.upper() for side, other in _OTHER_SIDE.items()}


def mirror_keypoints(names: Sequence[str]) -> list[int]:
    """Say which keypoint each one becomes in a mirrored picture: left and right change places.

    Args:
        names: of the keypoints; "left_eye" and "right_eye" are a pair.

    Returns:
        For each name the place, among the names, of its counterpart; its own if it has none.
    """
    places = {name: place for place, name in enumerate(names)}
    swapped = [
        re.sub("|".join(_OTHER_SIDE), lambda side: _OTHER_SIDE[side[0]], name) for name in names
    ]
    return [places.get(other, place) for place, other in enumerate(swapped)]


def oks_sigmas(names: Sequence[str]) -> tuple[float, ...]:
    """Say how exactly each keypoint can be annotated, in parts of the object's size.

    COCO measured the seventeen of a person; for others it is 0.05. At an OKS of 0.5 a keypoint with
    sigma s is off by 2.35 s times the root of the object's area.
    """
    if tuple(names) == PERSON:
        return tuple(Params("keypoints").kpt_oks_sigmas.tolist())
    return (USUAL_SIGMA,) * len(names)


def read_keypoint_names(categories: Sequence[Record], annotations: Sequence[Record]) -> list[str]:
    """Read from a file what its keypoints are called.

    Categories without keypoints may stand beside those that have them. Where no category names any,
    the first annotation with keypoints says how many there are.

    Raises:
        InputError: there are none, names are no texts, or two categories have different ones.
    """
    named = {record["id"]: record["keypoints"] for record in categories if record.get("keypoints")}
    for number, names in named.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError(f"category {number} needs a list of names as its keypoints")
        if names != (first := next(iter(named.values()))):
            raise InputError(
                f"category {number} has other keypoints ({short(names)}) than {short(first)}; "
                "a model predicts the same keypoints for all classes"
            )
    if named:
        return first
    numbers = [
        len(one["keypoints"]) for one in annotations if isinstance(one.get("keypoints"), list)
    ]
    if not any(numbers):
        raise InputError("holds no keypoints")
    return [_number_for_name(place) for place in range(max(numbers) // 3)]


def _number_for_name(place: int) -> str:
    """Name a keypoint for which its file has no name."""
    return f"keypoint {place + 1}"


def check_keypoint_names(
    names: Sequence[str], expected: Sequence[str], data: str, other: str
) -> None:
    """Check that keypoints are the same ones in the same order; a mere number fits any name.

    Args:
        names: of the keypoints of some data.
        expected: of a model's, or of other data's.
        data: what the message calls the one.
        other: and the other.

    Raises:
        InputError: there are more or fewer, or two of one place have different names.
    """
    if len(names) != len(expected):
        raise InputError(f"{data} has {len(names)} keypoints, {other} {len(expected)}")
    for place, (name, wanted) in enumerate(zip(names, expected)):
        if name != wanted and _number_for_name(place) not in (name, wanted):
            raise InputError(
                f"keypoint {place + 1} is {name!r} in {data} and {wanted!r} in {other}; they "
                "should be the same in the same order"
            )


def check_keypoints(annotations: Sequence[Record], number: int) -> None:
    """Check what annotations have as "keypoints"; fill in what is missing: nothing is known.

    Args:
        annotations: get "keypoints" and "num_keypoints", how many of them are known.
        number: of keypoints that each should have.

    Raises:
        InputError: there are other numbers than x, y, visibility of each.
    """
    for annotation in annotations:
        values = annotation.get("keypoints") or [0] * (3 * number)
        with naming(annotation):
            if not isinstance(values, list) or len(values) != 3 * number:
                raise InputError(
                    f"needs x, y and visibility of {number} keypoints, {3 * number} numbers, got "
                    f"{len(values) if isinstance(values, list) else short(values)}"
                )
            if not all(type(value) in (int, float) and math.isfinite(value) for value in values):
                raise InputError(f"needs numbers as its keypoints, got {short(values)}")
            if strange := [value for value in values[2::3] if value not in (0, 1, 2)]:
                raise InputError(f"needs a visibility of 0, 1 or 2, got {short(strange[0])}")
        annotation["keypoints"] = values
        annotation["num_keypoints"] = sum(value > 0 for value in values[2::3])


def keypoint_entries(
    keypoints: Sequence[Sequence[float]] | NDArray[np.float32], names: Sequence[str]
) -> dict[str, Tensor]:
    """Make a target's entries of keypoints.

    Args:
        keypoints: for each instance x, y and visibility of each keypoint.
        names: of the keypoints.

    Returns:
        "keypoints" float32 `Tensor[N, K, 3]`, and "mirrored_keypoints" int64 `Tensor[K]`.
    """
    values = torch.as_tensor(np.asarray(keypoints, dtype=np.float32))
    return {
        "keypoints": values.reshape(-1, len(names), 3),
        "mirrored_keypoints": torch.tensor(mirror_keypoints(names), dtype=torch.int64),
    }
