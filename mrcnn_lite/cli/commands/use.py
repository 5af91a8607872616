"""The commands that use a trained model."""

import json
import warnings
from argparse import Namespace

import torch

from mrcnn_lite.cli.options import find_device, open_dataset
from mrcnn_lite.datasets import read_image
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.errors import InputError
from mrcnn_lite.explore.draw.scene import figure_of_prediction
from mrcnn_lite.files import (
    SHIPPED_WEIGHTS,
    check_file_can_be_written,
    make_folder,
    write_atomically,
    write_text,
)


def evaluate_model(options: Namespace) -> None:
    """Print pycocotools' table for a model and a data set."""
    if options.out is not None:
        # Before the work, not after it.
        check_file_can_be_written(options.out)
    loaded = load_model(options.checkpoint)
    dataset = open_dataset(options, training=False)
    for label, name in dataset.categories.items():
        if (known := loaded.categories.get(label, name)) != name:
            raise InputError(
                f"{options.checkpoint} learnt class {label} as {known}, but in this data set it is "
                f"{name}: they do not belong together"
            )
    if unknown := set(dataset.categories) - set(loaded.categories):
        names = ", ".join(dataset.categories[label] for label in sorted(unknown))
        warnings.warn(f"{options.checkpoint} never learnt {names}; their AP is 0", stacklevel=1)
    with distributed.job():
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
    """Draw a model's detections on pictures: NAME_detections.png for each, in one folder."""
    loaded = load_model(options.checkpoint or SHIPPED_WEIGHTS)
    drawings = [options.out / f"{path.stem}_detections.png" for path in options.images]
    if len(set(drawings)) < len(drawings):
        raise InputError("two pictures have the same name, so their drawings would too")
    make_folder(options.out)
    device = find_device(options.device)
    model = loaded.model.to(device)
    for path, drawing in zip(options.images, drawings):
        image = read_image(path)
        with torch.inference_mode():
            detections = model([image.to(device)])[0]
        confident = detections["scores"] >= options.score
        detections = {name: value[confident].cpu() for name, value in detections.items()}
        with write_atomically(drawing) as temporary:
            figure_of_prediction(image, detections, loaded.categories).savefig(temporary, dpi=100)
        print(f"{path}: {len(detections['boxes'])} objects, drawn in {drawing}")
