"""What can be typed: the options of every command, and their help."""

import argparse
from pathlib import Path

from mrcnn_lite.cli.argument_types import (
    lesson_numbers,
    not_negative,
    positive,
    rate,
    score,
    setting,
)
from mrcnn_lite.cli.shared_options import (
    BACKBONES,
    DEFAULT,
    add_command,
    add_data_options,
    add_device_option,
    add_precision_option,
    add_published_option,
    add_workers_option,
)

# Those of mrcnn_lite.experiments.tables, which cannot be asked here without waiting for PyTorch.
_TABLES = ("2a", "2b", "2c", "2d", "2e", "text", "alignment", "cells", "fcis")


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands; each one's help fits a screen."""
    parser = argparse.ArgumentParser(
        prog="mrcnn-lite", description="Mask R-CNN, small enough to be read."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = add_command(
        commands,
        "demo",
        "[options]",
        "train the mini model on Shapes, measure it, draw what it sees",
        "mrcnn-lite demo --out runs/demo",
    )
    demo.add_argument("--out", type=Path, default=Path("runs/demo"), help=DEFAULT)
    demo.add_argument(
        "--steps", metavar="N", type=positive, default=None, help="fewer for a quick look"
    )
    demo.add_argument("--seed", metavar="N", type=not_negative, default=0, help=DEFAULT)
    demo.add_argument("--weights-out", type=Path, metavar="FILE", help="keep the weights there too")

    train = add_command(
        commands,
        "train",
        "--out DIR [options]",
        "train a model on Shapes, COCO or Penn-Fudan",
        "mrcnn-lite train --dataset coco --root COCO --split train2017 --out runs/coco",
    )
    add_data_options(train)
    train.add_argument(
        "--model",
        choices=BACKBONES,
        metavar="NAME",
        default="mini",
        help=f"{', '.join(BACKBONES[:3])}, ... (%(default)s)",
    )
    train.add_argument(
        "--weights",
        metavar="NAME",
        help="start from: coco, coco_v2 (torchvision's), or a checkpoint",
    )
    train.add_argument(
        "--weights-backbone", metavar="NAME", help="or from ImageNet's in the backbone: DEFAULT"
    )
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    length = train.add_mutually_exclusive_group()
    length.add_argument("--steps", metavar="N", type=positive, help="default: the model's recipe")
    length.add_argument("--epochs", metavar="N", type=positive, help="in place of --steps")
    train.add_argument(
        "--batch-size", metavar="N", type=positive, help="of all processes (the recipe's)"
    )
    train.add_argument(
        "--accumulate", metavar="N", type=positive, help="micro-batches to a batch (1)"
    )
    train.add_argument("--optimizer", choices=("adamw", "sgd"), help="default: the recipe's")
    train.add_argument(
        "--learning-rate", metavar="X", type=rate, help="default: the recipe's, by batch size"
    )
    add_precision_option(train)
    train.add_argument("--compile", action="store_true", help="compile the backbone")
    train.add_argument(
        "--min-size",
        metavar="N",
        type=positive,
        nargs="+",
        help="images' shorter side, pixels; one of several",
    )
    train.add_argument(
        "--max-size", metavar="N", type=positive, help="bound of the longer side, pixels"
    )
    train.add_argument(
        "--validation", metavar="X", help="measure on: a share as 10%%, a split, or N images"
    )
    train.add_argument("--evaluate-every", metavar="N", type=positive, help="steps (one epoch)")
    train.add_argument("--tensorboard", action="store_true", help="also write event files")
    add_workers_option(train)
    train.add_argument("--seed", metavar="N", type=not_negative, default=0, help=DEFAULT)
    train.add_argument(
        "--set",
        metavar="NAME=X",
        type=setting,
        action="append",
        default=[],
        help="any other setting, as warmup_steps=500",
    )
    add_device_option(train)

    evaluate = add_command(
        commands,
        "evaluate",
        "CHECKPOINT [options]",
        "measure a model's box and mask AP by pycocotools",
        "mrcnn-lite evaluate runs/coco --dataset coco --root data/coco --split val2017",
    )
    detector = evaluate.add_mutually_exclusive_group(required=True)
    detector.add_argument(
        "checkpoint", type=Path, nargs="?", help="a run's folder, or a file of weights"
    )
    add_published_option(detector)
    add_data_options(evaluate)
    evaluate.add_argument(
        "--validation", metavar="X", help="only what train held out with the same option"
    )
    evaluate.add_argument("--batch-size", metavar="N", type=positive, default=8, help=DEFAULT)
    add_workers_option(evaluate)
    add_precision_option(evaluate)
    evaluate.add_argument("--out", type=Path, help="also write the numbers to this JSON file")
    add_device_option(evaluate)

    predict = add_command(
        commands,
        "predict",
        "IMAGE ... [options]",
        "detect objects in pictures; draw them, or write them for other programs",
        "mrcnn-lite predict photo.jpg --checkpoint runs/coco --out runs/predictions",
    )
    predict.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="picture file")
    detector = predict.add_mutually_exclusive_group()
    detector.add_argument(
        "--checkpoint", metavar="PATH", type=Path, help="default: mini, which knows shapes only"
    )
    add_published_option(detector)
    predict.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="of drawings; default, if nothing else is asked for: runs/predictions",
    )
    predict.add_argument(
        "--json", type=Path, metavar="FILE", help="write boxes and masks (RLE) as COCO's results"
    )
    predict.add_argument(
        "--annotations", type=Path, metavar="FILE", help="take the ids in --json from this file"
    )
    predict.add_argument(
        "--masks", type=Path, metavar="DIR", help="write a PNG for each object; a new folder"
    )
    predict.add_argument(
        "--score",
        metavar="X",
        type=score,
        default=0.5,
        help="lowest score that counts (%(default)s)",
    )
    add_device_option(predict)

    export = add_command(
        commands,
        "export",
        "CHECKPOINT [--torchvision FILE] [--onnx FILE]",
        "write a model for torchvision or ONNX (of those that torchvision has)",
        "mrcnn-lite export runs/coco --torchvision maskrcnn.pth --onnx maskrcnn.onnx",
    )
    export.add_argument("checkpoint", type=Path, help="a run's folder, or a file of weights")
    export.add_argument(
        "--torchvision", type=Path, metavar="FILE", help="weights by torchvision's names"
    )
    export.add_argument(
        "--onnx", type=Path, metavar="FILE", help="torchvision's model with these weights"
    )

    ablate = add_command(
        commands,
        "ablate",
        "TABLE ... [options]",
        "run the paper's tables in miniature, row by row",
        "mrcnn-lite ablate 2c --seeds 5",
    )
    ablate.add_argument(
        "tables", choices=_TABLES, nargs="+", metavar="TABLE", help=", ".join(_TABLES)
    )
    ablate.add_argument(
        "--seeds", metavar="N", type=positive, help="of each row; default: the table's"
    )
    ablate.add_argument(
        "--steps", metavar="N", type=positive, help="of training; default: the table's"
    )
    ablate.add_argument(
        "--jobs", metavar="N", type=positive, help="runs at a time; default: one per core or GPU"
    )
    ablate.add_argument("--out", type=Path, default=Path("docs/results"), help=DEFAULT)
    ablate.add_argument(
        "--runs", type=Path, default=Path("runs/ablate"), help="of single runs; %(default)s"
    )
    add_device_option(ablate)

    shapes = add_command(
        commands,
        "shapes",
        "--out DIR [options]",
        "write Shapes as a data set in COCO's format",
        "mrcnn-lite shapes --out data/shapes-1000 --scenes 1000 --seed 7",
    )
    shapes.add_argument("--out", type=Path, required=True, help="new folder, a COCO root")
    shapes.add_argument("--scenes", metavar="N", type=positive, default=100, help=DEFAULT)
    shapes.add_argument("--seed", metavar="N", type=not_negative, default=0, help=DEFAULT)
    shapes.add_argument("--split", metavar="NAME", default="train", help=DEFAULT)
    shapes.add_argument(
        "--size", metavar="N", type=positive, default=128, help="pixels (%(default)s)"
    )
    shapes.add_argument("--crowded", action="store_true", help="more instances, overlapping")

    lessons = add_command(
        commands,
        "lessons",
        "--out DIR",
        "write the lessons, solved, into a folder of your own",
        "mrcnn-lite lessons --out lessons",
    )
    lessons.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")

    student = add_command(
        commands,
        "student",
        "--out DIR [options]",
        "write the lessons without their solutions, ready for nbgrader",
        "mrcnn-lite student --out runs/student",
    )
    student.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    student.add_argument("--solutions", action="store_true", help="leave the solutions in")
    student.add_argument(
        "--lessons", metavar="02,03,...", type=lesson_numbers, help="only these (default: all)"
    )
    student.add_argument(
        "--no-hints", dest="hints", action="store_false", help="let check.hint give none"
    )
    explorer = add_command(
        commands,
        "explorer",
        "[--out FILE]",
        "write the misalignment explorer as one HTML file that works on its own",
        "mrcnn-lite explorer --out misalignment.html",
    )
    explorer.add_argument(
        "--out", type=Path, metavar="FILE", default=Path("misalignment.html"), help=DEFAULT
    )
    return parser
