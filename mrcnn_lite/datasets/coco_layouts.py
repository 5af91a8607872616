"""Where annotation tools put their files: the annotation file of a split, and its pictures.

ROOT/annotations/instances_SPLIT.json   ROOT/SPLIT/ or ROOT/images/SPLIT/   COCO, CVAT
ROOT/annotations/person_keypoints_SPLIT.json   likewise                     COCO, CVAT
ROOT/SPLIT/_annotations.coco.json       beside it                           Roboflow
ROOT/SPLIT.json, as result.json         ROOT/images/ or ROOT                Label Studio, others
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from mrcnn_lite.errors import InputError


def find_split(root: Path, split: str | None, keypoints: bool = False) -> tuple[Path, Path]:
    """Find annotation file and folder of pictures of a split.

    Args:
        root: the folder that a tool wrote.
        split: for example "train2017". None takes the only one that is there.
        keypoints: whether they are wanted, which have a file of their own in COCO.

    Raises:
        FileNotFoundError: the root, the annotation file or the folder of pictures is missing.
        InputError: no split is named, and there are several.
    """
    prefix = "person_keypoints_" if keypoints else "instances_"
    expected = root / "annotations" / f"{prefix}{split or 'SPLIT'}.json"
    if not root.is_dir():
        raise FileNotFoundError(
            f"there is no folder {root}; expected a COCO root, with {expected} and the pictures in "
            f"{root / (split or 'SPLIT')}"
        )
    found = {name: (file, folders) for name, file, folders in _splits_in(root, prefix)}
    if split is None:
        if len(found) > 1:
            raise InputError(f"{root} holds several splits, {', '.join(found)}: say which")
        split = next(iter(found), None)
    if split not in found:
        there = f"; the splits there are {', '.join(found)}" if found else ""
        raise FileNotFoundError(f"there is no annotation file {expected}{there}")
    file, folders = found[split]
    for folder in folders:
        if folder.is_dir():
            return file, folder
    raise FileNotFoundError(f"there is no folder {folders[0]}; expected the pictures of {split}")


def _splits_in(root: Path, prefix: str) -> Iterator[tuple[str, Path, list[Path]]]:
    """Name, annotation file and possible folders of every split, all of one layout."""
    annotations = root / "annotations"
    # COCO has several files for each split: the one that is meant. Instances may have keypoints.
    by_prefix = {
        start: sorted(annotations.glob(f"{start}*.json")) for start in (prefix, "instances_", "")
    }
    start = next((start for start, files in by_prefix.items() if files), None)
    if start is not None:
        for file in by_prefix[start]:
            split = file.stem.removeprefix(start)
            yield split, file, [root / split, root / "images" / split, root / "images"]
    elif files := sorted(root.glob("*/_annotations.coco.json")):
        for file in files:
            yield file.parent.name, file, [file.parent]
    else:
        for file in sorted(root.glob("*.json")):
            yield file.stem, file, [root / "images", root]


def find_pictures(folder: Path, names: Iterable[str]) -> dict[str, str | None]:
    """Find the pictures that an annotation file names.

    Tools write folders in front of a name, with slashes of either kind: folders that are there, or
    that the user has opened, or that were on the machine where the file was made. So the longest
    end of a name that is a file in `folder` is the picture.

    Args:
        folder: where to look.
        names: `file_name` of each image.

    Returns:
        For each name the path of the file, or None if there is none.

    Raises:
        InputError: names of pictures in different folders lead to the same file.
    """
    with os.scandir(folder) as entries:
        # One listing, instead of a question for each of a hundred thousand.
        present = {entry.name for entry in entries if entry.is_file()}
    found: dict[str, str | None] = {}
    name_of: dict[str, str] = {}
    for name in names:
        path = os.path.join(folder, name) if name in present else _longest_end(folder, name)
        found[name] = path
        if path is not None and (other := name_of.setdefault(path, name)) != name:
            raise InputError(
                f"{path} would be the picture of both {other!r} and {name!r}; expected the folder "
                "from which these names start"
            )
    return found


def _longest_end(folder: Path, name: str) -> str | None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    ends = (os.path.join(folder, *parts[first:]) for first in range(len(parts)))
    return next((path for path in (os.path.join(folder, name), *ends) if _is_file(path)), None)


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)
    # A name with a zero byte, or with half a sign, which newer Pythons answer by False.
    except ValueError:
        return False
