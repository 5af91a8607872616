"""The commands that use a trained model."""

import json
import warnings
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import torch

from mrcnn_lite.cli.data import describe_people, find_ids, open_evaluation_data
from mrcnn_lite.cli.options import find_device, load_detector
from mrcnn_lite.datasets import read_image
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.detections import (
    describe_detections,
    open_mask_folder,
    write_masks,
    write_results,
)
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.onnx_file import write_onnx
from mrcnn_lite.errors import InputError
from mrcnn_lite.explore.draw.scene import figure_of_prediction
from mrcnn_lite.files import (
    SHIPPED_WEIGHTS,
    check_file_can_be_written,
    make_folder,
    write_atomically,
    write_text,
)
from mrcnn_lite.models import MaskRCNN
from mrcnn_lite.models.to_torchvision import (
    torchvision_builder,
    torchvision_keywords,
    torchvision_state,
)


def evaluate_model(options: Namespace) -> None:
    """Print pycocotools' table for a model and a data set."""
    if options.out is not None:
        # Before the work, not after it.
        check_file_can_be_written(options.out)
    loaded, name = load_detector(options), options.weights or options.checkpoint
    dataset = open_evaluation_data(options, loaded)
    for label, category in dataset.categories.items():
        if (known := loaded.categories.get(label, category)) != category:
            raise InputError(
                f"{name} learnt class {label} as {known}, but in this data set it is {category}: "
                "they do not belong together"
            )
    if unknown := set(dataset.categories) - set(loaded.categories):
        names = ", ".join(dataset.categories[label] for label in sorted(unknown))
        warnings.warn(f"{name} never learnt {names}; their AP is 0", stacklevel=1)
    with distributed.job():
        if (described := describe_people(dataset)) and distributed.is_first():
            print(f"measuring on {described}")
        model = loaded.model.to(find_device(options.device))
        metrics = evaluate(
            model,
            dataset,
            options.batch_size,
            options.workers,
            print_table=True,
            precision=options.precision,
        )
        if options.out is not None and distributed.is_first():
            write_text(options.out, json.dumps(metrics, indent=2) + "\n")
            print(f"wrote {options.out}")


def predict(options: Namespace) -> None:
    """Detect objects in pictures: draw them, list them in COCO's format, write their masks."""
    loaded = load_detector(options)
    model, categories = loaded.model, loaded.categories
    checkpoint = options.checkpoint or SHIPPED_WEIGHTS
    if options.weights is None and checkpoint.samefile(SHIPPED_WEIGHTS):
        known = ", ".join(categories.values())
        print(f"the shipped model knows shapes only ({known}); for photographs: --weights coco")
    image_ids, category_ids = _choose_ids(options, categories)
    drawings = _open_outputs(options, model)
    device = find_device(options.device)
    model.to(device)
    results = []
    for path, image_id in zip(options.images, image_ids):
        image = read_image(path)
        with torch.inference_mode():
            detections = model([image.to(device)])[0]
        # Best first, so that these are views: a copy of the masks would take each whole picture.
        confident = int((detections["scores"] >= options.score).sum())
        detections = {name: value[:confident].cpu() for name, value in detections.items()}
        said = f"{path}: {len(detections['boxes'])} objects"
        if drawings is not None:
            drawing = drawings / f"{path.stem}_detections.png"
            with write_atomically(drawing) as temporary:
                figure_of_prediction(image, detections, categories).savefig(temporary, dpi=100)
            said += f", drawn in {drawing}"
        if options.masks is not None:
            write_masks(options.masks, path.stem, detections, categories)
        if options.json is not None:
            results += describe_detections(detections, image_id, path.name, category_ids)
        print(said)
    if options.masks is not None:
        print(f"wrote masks to {options.masks}")
    if options.json is not None:
        write_results(options.json, results)
        print(f"wrote {options.json}")


def _choose_ids(
    options: Namespace, categories: dict[int, str]
) -> tuple[Sequence[int], dict[int, int]]:
    """The id of each picture, and label to category id: of --annotations, or their numbers."""
    if options.annotations is None:
        return range(1, len(options.images) + 1), {label: label for label in categories}
    if options.json is None:
        raise InputError("--annotations gives ids to what --json writes: it needs --json FILE")
    return find_ids(options.annotations, options.images, categories)


def _open_outputs(options: Namespace, model: MaskRCNN) -> Path | None:
    """Find out before the work whether its results can be written; the folder of drawings."""
    stems = [path.stem for path in options.images]
    if twice := [stem for stem in stems if stems.count(stem) > 1]:
        raise InputError(f"two pictures are called {twice[0]}, so their results would be, too")
    drawings = options.out
    if drawings is None and options.json is None and options.masks is None:
        drawings = Path("runs/predictions")
    if drawings is not None:
        make_folder(drawings)
    if options.masks is not None:
        if not model.predicts_masks:
            raise InputError(f"--masks: {options.checkpoint} holds a model without masks")
        open_mask_folder(options.masks)
    if options.json is not None:
        check_file_can_be_written(options.json)
    return drawings


def export_model(options: Namespace) -> None:
    """Write a model for torchvision, as weights, or for ONNX."""
    if options.torchvision is None and options.onnx is None:
        raise InputError("say what to write: --torchvision FILE, --onnx FILE or both")
    for path in (options.torchvision, options.onnx):
        if path is not None:
            check_file_can_be_written(path)
    loaded = load_model(options.checkpoint)
    try:
        keywords = torchvision_keywords(loaded.model)
    except ValueError as error:
        raise InputError(f"{options.checkpoint}: {error}") from error
    if options.torchvision is not None:
        with write_atomically(options.torchvision) as temporary:
            torch.save(torchvision_state(loaded.model), temporary)
        builder = torchvision_builder(loaded.model).__name__
        call = ", ".join(f"{name}={value!r}" for name, value in keywords.items())
        print(
            f"wrote {options.torchvision}; to load it:\n"
            f"    from torchvision.models.detection import {builder}\n"
            f"    model = {builder}(weights=None, weights_backbone=None, {call})\n"
            f"    model.load_state_dict(torch.load({str(options.torchvision)!r}))"
        )
    if options.onnx is not None:
        compared = write_onnx(options.onnx, loaded.model, loaded.categories)
        said = "detects the same" if compared else "is not installed, so it was not tried"
        print(f"wrote {options.onnx}; ONNX Runtime {said}")
