"""From the options of `mrcnn-lite` to the data sets that they name."""

import json
import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath

from torch.utils.data import Dataset

from mrcnn_lite.cli.options import load_earlier_model
from mrcnn_lite.datasets import (
    CocoDataset,
    PennFudanDataset,
    ShapesDataset,
    download_penn_fudan,
    hold_out,
)
from mrcnn_lite.datasets.coco_categories import number_categories
from mrcnn_lite.datasets.coco_checks import read_annotation_file
from mrcnn_lite.datasets.coco_layouts import find_split
from mrcnn_lite.datasets.keypoints import check_keypoint_names
from mrcnn_lite.datasets.penn_fudan import split_of
from mrcnn_lite.datasets.shapes import HELD_OUT_SEED
from mrcnn_lite.engine.checkpoint import LoadedModel
from mrcnn_lite.engine.run_folder import CONFIG_NAME
from mrcnn_lite.errors import InputError
from mrcnn_lite.models.build import MASK_BRANCHES
from mrcnn_lite.models.published import PUBLISHED

Names = Mapping[int, str]


def open_dataset(
    options: Namespace,
    training: bool,
    masks: bool = True,
    num_keypoints: int = 0,
    names: Names | None = None,
) -> Dataset:
    """Open the data set that the options name.

    Args:
        options: of `train` or `evaluate`.
        training: Shapes has other scenes for evaluation.
        masks: whether annotations need them.
        num_keypoints: how many keypoints the model predicts; 0 if none are wanted.
        names: label to name, where a model has them already.

    Raises:
        InputError: options that belong to another data set, or that are missing; or the data set
            has other keypoints than the model.
    """
    kind = kind_of_data(options)
    _check_data_options(options, kind)
    dataset = _open(options, kind, training, masks, num_keypoints > 0, names)
    there = getattr(dataset, "keypoint_names", ())
    if num_keypoints and len(there) != num_keypoints:
        names = f": {', '.join(there)}" if there else ""
        raise InputError(
            f"the model has num_keypoints={num_keypoints}, but the data set {len(there)}{names}"
        )
    return dataset


def _open(
    options: Namespace,
    kind: str,
    training: bool,
    masks: bool,
    keypoints: bool,
    names: Names | None,
) -> Dataset:
    if kind == "shapes":
        default_number, default_seed = (10_000, 0) if training else (200, HELD_OUT_SEED)
        seed = default_seed if options.scenes_seed is None else options.scenes_seed
        return ShapesDataset(options.scenes or default_number, seed, keypoints=keypoints)
    if kind == "penn-fudan":
        if options.download:
            download_penn_fudan(options.root)
        try:
            return PennFudanDataset(options.root, options.image_ids, _split(options, training))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error}; --download does that") from error
    how = {"masks": masks, "keypoints": keypoints, "names": names}
    if options.annotations is not None:
        return CocoDataset.from_files(options.annotations, options.images, options.image_ids, **how)
    if options.split is None:
        try:
            find_split(options.root, None, keypoints)
        except InputError as error:
            raise InputError(f"{error} by --split") from error
        except FileNotFoundError as error:
            files = "the two may also be named: --annotations FILE --images DIR"
            raise FileNotFoundError(f"{error}; {files}") from error
    return CocoDataset(options.root, options.split, options.image_ids, **how)


def open_training_data(options: Namespace) -> tuple[Dataset, Dataset | None]:
    """Open the data sets to train and, if --validation says so, to evaluate on.

    Raises:
        InputError: options that do not fit together.
    """
    how = {"num_keypoints": _num_keypoints(options)}
    if kind_of_data(options) == "coco":
        how |= {"masks": _learns_masks(options), "names": categories_so_far(options)}
    dataset = open_dataset(options, training=True, **how)
    if options.validation is None:
        return dataset, None
    return _hold_out(options, dataset)


def open_evaluation_data(options: Namespace, loaded: LoadedModel) -> Dataset:
    """Open the data set to evaluate on: with --validation, the part that training held out.

    Raises:
        InputError: options that do not fit together, or classes or keypoints that are not those of
            the model.
    """
    model = loaded.model
    how = {"masks": model.predicts_masks, "num_keypoints": model.config.num_keypoints}
    how["names"] = loaded.categories
    dataset = open_dataset(options, training=options.validation is not None, **how)
    if loaded.keypoint_names:
        names = dataset.keypoint_names
        check_keypoint_names(names, loaded.keypoint_names, "the data set", "the model")
    return dataset if options.validation is None else _hold_out(options, dataset)[1]


def kind_of_data(options: Namespace) -> str:
    """Say which data set the options are about; files of annotations are COCO's."""
    return options.dataset or ("shapes" if options.annotations is None else "coco")


def categories_so_far(options: Namespace) -> dict[int, str] | None:
    """Read the classes, label to name, of the run that is to be resumed, if it is there."""
    data = run_so_far(options).get("data", {})
    return {int(label): name for label, name in data.get("categories", {}).items()} or None


def run_so_far(options: Namespace) -> dict:
    """Read what config.json says of the run that is to be resumed; empty if there is none."""
    file = options.out / CONFIG_NAME
    if not options.resume or not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text("utf-8"))
    # A checkpoint says the same, and is believed in its place.
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def find_ids(
    file: Path, pictures: Sequence[Path], names: Names
) -> tuple[list[int], dict[int, int]]:
    """Read which ids an annotation file gives to pictures and categories.

    Args:
        file: the annotation file.
        pictures: looked for by their names, without folders.
        names: label to name, as the model at hand has them.

    Returns:
        The id of each picture; label to category id.

    Raises:
        FileNotFoundError, InputError: the file cannot be used, or lists no such picture.
    """
    content = read_annotation_file(file, masks=False)
    try:
        category_ids = number_categories(content.categories, names)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    image_ids: dict[str, list[int]] = {}
    for image in content.images:
        name = PureWindowsPath(image["file_name"]).name  # which takes slashes of either kind
        image_ids.setdefault(name, []).append(image["id"])
    for path in pictures:
        if (number := len(image_ids.get(path.name, []))) != 1:
            raise InputError(f"{file} lists {number or 'no'} pictures called {path.name}")
    return [image_ids[path.name][0] for path in pictures], category_ids


def _check_data_options(options: Namespace, kind: str) -> None:
    strangers = {
        "shapes": ("root", "split", "image_ids", "download", "annotations", "images"),
        "coco": ("scenes", "scenes_seed", "download"),
        "penn-fudan": ("scenes", "scenes_seed", "split", "annotations", "images"),
    }[kind]
    for name in strangers:
        if getattr(options, name) not in (None, False):
            default = "; say which --dataset is meant" if options.dataset is None else ""
            raise InputError(
                f"--{name.replace('_', '-')} does not go with --dataset {kind}{default}"
            )
    if options.annotations is None and options.images is None:
        if kind != "shapes" and options.root is None:
            files = ", or --annotations and --images" if kind == "coco" else ""
            raise InputError(f"--dataset {kind} needs --root{files}")
        return
    for given, other in (("annotations", "images"), ("images", "annotations")):
        if getattr(options, other) is None:
            raise InputError(f"--{given} needs --{other}, too")
    for name in ("root", "split"):
        if getattr(options, name) is not None:
            raise InputError(f"--{name} does not go with --annotations and --images")


def _learns_masks(options: Namespace) -> bool:
    """Say whether the model that the options name has a mask branch."""
    chosen = dict(options.set).get("mask_head")
    if isinstance(chosen, str):
        # A name that is none is refused when the model is built.
        return MASK_BRANCHES.get(chosen, True) is not None
    if options.weights not in (None, *PUBLISHED):
        return load_earlier_model(options).predicts_masks
    return True


def _num_keypoints(options: Namespace) -> int:
    """Say how many keypoints the model that the options name predicts."""
    chosen = dict(options.set).get("num_keypoints")
    if chosen is None and options.weights not in (None, *PUBLISHED):
        chosen = load_earlier_model(options).config.num_keypoints
    # A value that is no number is refused when the model is built.
    return chosen if isinstance(chosen, int) else 0


def _hold_out(options: Namespace, dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Split off what --validation says: a share, a number of images, or data of their own."""
    kind, held_out = kind_of_data(options), options.validation
    share = _read_share(held_out)
    if kind == "coco":
        if share is not None:
            return hold_out(dataset, share)
        names = dataset.keypoint_names
        how = {"masks": dataset.masks, "keypoints": len(names) > 0, "names": dataset.categories}
        if options.annotations is not None:
            other = CocoDataset.from_files(held_out, options.images, **how)
        else:
            other = CocoDataset(options.root, held_out, **how)
        check_keypoint_names(other.keypoint_names, names, "--validation", "the training data")
        return dataset, other
    if share is not None and kind == "penn-fudan":
        ids = _to_hold_out(options, dataset)
        number = round(share * len({*dataset.image_ids, *ids}))
        held_out = str(min(max(number, 1), len(ids)))
    if not held_out.isdigit() or int(held_out) == 0:
        raise InputError(f"--validation should be a number of images here, got {held_out}")
    if kind == "shapes":
        keypoints = len(dataset.keypoint_names) > 0
        return dataset, ShapesDataset(int(held_out), HELD_OUT_SEED, keypoints=keypoints)
    return _hold_out_people(options, dataset, int(held_out))


def _to_hold_out(options: Namespace, dataset: PennFudanDataset) -> list[int]:
    """The images from which to hold out: those of the split for it, or of those that are named."""
    if options.image_ids is not None:
        return dataset.image_ids
    return PennFudanDataset(options.root, split="test").image_ids


def _hold_out_people(
    options: Namespace, dataset: PennFudanDataset, number: int
) -> tuple[PennFudanDataset, PennFudanDataset]:
    """Hold out so many of Penn-Fudan's images, evenly spread."""
    ids = _to_hold_out(options, dataset)
    if options.image_ids is None:
        if number > len(ids):
            raise InputError(f"--validation {number}: {len(ids)} images are there to measure on")
    elif number >= len(ids):
        raise InputError(f"--validation {number} leaves none of {len(ids)} images to train on")
    held_out = [ids[k * len(ids) // number] for k in range(number)]
    if options.image_ids is not None:
        rest = [image_id for image_id in ids if image_id not in held_out]
        dataset = PennFudanDataset(options.root, rest)
    return dataset, PennFudanDataset(options.root, held_out)


def describe_people(dataset: Dataset) -> str | None:
    """Say how many of Penn-Fudan's images are of which split; None for other data."""
    if not isinstance(dataset, PennFudanDataset):
        return None
    splits = [split_of(image_id) for image_id in dataset.image_ids]
    return (
        f"{len(dataset)} of Penn-Fudan's images: {splits.count('train')} of the 120 to train on, "
        f"{splits.count('test')} of the 50 to measure on"
    )


def _split(options: Namespace, training: bool) -> str | None:
    """Which of Penn-Fudan's splits is meant: none if images are named one by one."""
    if options.image_ids is not None:
        return None
    return "train" if training else "test"


def _read_share(text: str) -> float | None:
    """Read "10%" as 0.1; what does not end in % is no share."""
    if not text.endswith("%"):
        return None
    percent = text.removesuffix("%")
    if not re.fullmatch(r"\d+(\.\d+)?", percent) or not 0 < float(percent) < 100:
        raise InputError(f"--validation {text}: expected a share over 0% and below 100%, as 10%")
    return float(percent) / 100
