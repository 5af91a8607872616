"""What several commands share: how a command is added, and the options that more than one has."""

import argparse
from pathlib import Path

from mrcnn_lite.cli.argument_types import ids, not_negative, path, positive

DEFAULT = "default: %(default)s"
# Those of MaskRCNNConfig, which cannot be asked here without waiting for PyTorch.
BACKBONES = (
    "mini",
    "mini_resnext",
    "resnet50",
    "resnet101",
    "resnext50_32x4d",
    "resnext101_64x4d",
)
# Those of mrcnn_lite.models.published, likewise.
PUBLISHED = ("coco", "coco_v2")


def add_command(
    commands: argparse._SubParsersAction, name: str, arguments: str, description: str, example: str
) -> argparse.ArgumentParser:
    """Add a command with its help: how it is typed, what it does, an example."""
    command = commands.add_parser(
        name,
        help=description,
        description=description[0].upper() + description[1:] + ".",
        epilog=f"example: {example}",
        # The generated usage line repeats all options and fills half a screen.
        usage=f"mrcnn-lite {name} {arguments}",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=32, width=88),
    )
    # Wherever an option says `type=Path`.
    command.register("type", Path, path)
    return command


def add_data_options(command: argparse.ArgumentParser) -> None:
    """Add what says which data set to read, and which part of it."""
    command.add_argument(
        "--dataset",
        choices=("shapes", "coco", "penn-fudan"),
        metavar="NAME",
        help="shapes (the default), coco or penn-fudan",
    )
    command.add_argument("--root", metavar="DIR", type=Path, help="folder of coco or penn-fudan")
    command.add_argument("--download", action="store_true", help="fetch penn-fudan into --root")
    command.add_argument("--split", metavar="NAME", help="of coco, if it has several: train2017")
    command.add_argument(
        "--annotations", metavar="FILE", type=Path, help="in COCO's format; in place of --root"
    )
    command.add_argument("--images", metavar="DIR", type=Path, help="the pictures of --annotations")
    command.add_argument("--image-ids", type=ids, metavar="ID,ID,...", help="only these images")
    command.add_argument("--scenes", metavar="N", type=positive, help="of shapes: how many")
    command.add_argument(
        "--scenes-seed", metavar="N", type=not_negative, help="of shapes: seed of the scenes"
    )


def add_published_option(command: argparse._MutuallyExclusiveGroup) -> None:
    """Add `--weights` where only published ones can be named."""
    command.add_argument(
        "--weights",
        metavar="NAME",
        choices=PUBLISHED,
        help="torchvision's, for photographs: coco or coco_v2",
    )


def add_workers_option(command: argparse.ArgumentParser) -> None:
    """Add `--workers`."""
    command.add_argument(
        "--workers",
        metavar="N",
        type=not_negative,
        default=0,
        help="loading processes (%(default)s)",
    )


def add_precision_option(command: argparse.ArgumentParser) -> None:
    """Add `--precision`."""
    command.add_argument(
        "--precision",
        metavar="NAME",
        choices=("float32", "bf16", "fp16"),
        default="float32",
        help="float32, or by autocast bf16 or fp16",
    )


def add_device_option(command: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    command.add_argument(
        "--device",
        metavar="NAME",
        default="auto",
        help="cpu, cuda, cuda:1, ..., mps (%(default)s: the first there is of cuda, mps and cpu)",
    )
