"""What each command of `mrcnn-lite` does, given its parsed options."""

import json
import warnings
from argparse import Namespace
from collections.abc import Callable

import torch

from mrcnn_lite.cli.options import (
    find_device,
    make_model,
    make_train_config,
    open_dataset,
    open_training_data,
)
from mrcnn_lite.console import quoted
from mrcnn_lite.course.lessons import write_lessons
from mrcnn_lite.datasets import ShapesDataset, export, read_image
from mrcnn_lite.engine import distributed
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.engine.evaluate import evaluate
from mrcnn_lite.engine.train import train
from mrcnn_lite.errors import InputError
from mrcnn_lite.experiments.demo import run_demo
from mrcnn_lite.explore.draw.scene import figure_of_prediction
from mrcnn_lite.files import (
    SHIPPED_WEIGHTS,
    check_file_can_be_written,
    make_folder,
    write_atomically,
    write_text,
)


def demo(options: Namespace) -> None:
    """Train `mini` on Shapes, measure it on scenes it never saw, draw what it sees."""
    run_demo(options.out, options.steps, options.seed, options.weights_out)


def train_model(options: Namespace) -> None:
    """Train a model from the beginning, or go on with an interrupted run."""
    with distributed.job():
        device = find_device(options.device)
        # What has to be downloaded is downloaded once.
        with distributed.first_goes_ahead():
            dataset, validation = open_training_data(options)
            torch.manual_seed(options.seed)
            model = make_model(options, dataset.num_classes).to(device)
        config = make_train_config(options, dataset, validation)
        if distributed.is_first():
            processes = distributed.num_processes()
            where = f"{processes} processes" if processes > 1 else str(device)
            print(
                f"training {options.model} on {len(dataset)} images with {where}: {config.steps} "
                f"steps of {config.batch_size} images, writing to {options.out}"
            )
        train(model, dataset, config, options.out, options.resume, validation)
        if distributed.is_first():
            out = quoted(options.out)
            print(f"done; next: mrcnn-lite evaluate {out} --dataset {options.dataset} ...")


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
        # Best first, so that these are views: a copy of the masks would take each whole picture.
        confident = int((detections["scores"] >= options.score).sum())
        detections = {name: value[:confident].cpu() for name, value in detections.items()}
        with write_atomically(drawing) as temporary:
            figure_of_prediction(image, detections, loaded.categories).savefig(temporary, dpi=100)
        print(f"{path}: {len(detections['boxes'])} objects, drawn in {drawing}")


def run_tables(options: Namespace) -> None:
    """Train the rows of the paper's tables in miniature, and write the tables."""
    # Only here, since no other command draws tables.
    from mrcnn_lite.experiments.ablate import ablate

    device = find_device(options.device)
    # One named GPU is that one; otherwise all that there are.
    device = str(device) if ":" in options.device else device.type
    ablate(
        options.tables,
        options.out,
        options.runs,
        options.seeds,
        options.steps,
        options.jobs,
        device,
    )


def write_shapes(options: Namespace) -> None:
    """Write Shapes as a COCO root."""
    try:
        dataset = ShapesDataset(options.scenes, options.seed, options.size, options.crowded)
    except ValueError as error:
        raise InputError(str(error)) from error
    out = export(dataset, options.out, options.split)
    print(f"wrote {len(dataset)} scenes to {out}")


def write_explorer(options: Namespace) -> None:
    """Write the misalignment explorer as a page that needs no kernel and no network."""
    # Only here, since no other command needs the widgets.
    from mrcnn_lite.explore.explorer.page import write_page

    check_file_can_be_written(options.out)
    write_page(options.out)
    print(f"wrote {options.out}; open it in any browser")


def copy_lessons(options: Namespace) -> None:
    """Write the lessons as they came with the package."""
    lessons = write_lessons(options.out)
    print(f"wrote {len(lessons)} lessons to {options.out}; next: jupyter lab {lessons[0]}")


def write_student_edition(options: Namespace) -> None:
    """Write the lessons without their solutions."""
    # Only here, because no other command needs the notebooks' tools.
    from mrcnn_lite.course.student import write_edition

    lessons = write_edition(options.out, options.solutions, options.hints)
    print(f"wrote {len(lessons)} lessons to {options.out}")


COMMANDS: dict[str, Callable[[Namespace], None]] = {
    "demo": demo,
    "train": train_model,
    "evaluate": evaluate_model,
    "predict": predict,
    "ablate": run_tables,
    "shapes": write_shapes,
    "lessons": copy_lessons,
    "student": write_student_edition,
    "explorer": write_explorer,
}
