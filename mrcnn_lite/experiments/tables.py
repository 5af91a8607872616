"""What the paper compares, in miniature: which models each table trains, and the paper's figures.

Tables are named as in Mask R-CNN (He, Gkioxari, Dollar, Girshick 2017), section 4; "text" collects
comparisons that its text makes, "fcis" those with its rivals; "alignment" trains no rows of its own
but measures table 2c's once more (see `mrcnn_lite.experiments.alignment`); "cells" is a curve (see
`mrcnn_lite.experiments.cells`). The paper's figures are AP of COCO, in percent, and its models are
other ones on other pictures: what can carry over is an order and the size of a gap, never a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mrcnn_lite.models import MaskRCNNConfig, mini_config

# Of box AP and of mask AP: AP, AP50, AP75.
Figures = tuple[float, ...]


@dataclass(frozen=True)
class Model:
    """One model that tables train.

    Attributes:
        settings: fields of `MaskRCNNConfig` in which it differs from `mini`.
        image_size: side of its scenes, in pixels.
        crowded: whether its scenes are (see `ShapesDataset`).
        method: "mask_rcnn"; "fcis", one pass of score maps; "fcn", a class for every pixel.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    image_size: int = 128
    crowded: bool = False
    method: Literal["mask_rcnn", "fcis", "fcn"] = "mask_rcnn"

    def config(self, num_classes: int) -> MaskRCNNConfig:
        """Make the model's configuration, for scenes of its size."""
        scale = self.image_size // 128
        sizes = {
            "min_size": self.image_size,
            "max_size": self.image_size,
            "anchor_sizes": tuple((scale * size,) for size in (16, 32, 64, 128)),
        }
        return mini_config(num_classes, **{**COMMON, **sizes, **self.settings})


# Half of mini's RoIs: with a single map the head on every RoI takes most of a step, and more steps
# are worth more than more RoIs.
COMMON = {"box_batch_size_per_image": 16, "rpn_post_nms_top_n_test": 64}

_C4 = {"neck": "c4"}
_C5 = {"neck": "c5"}
_POOL = {"roi_op": "pool"}

MODELS = {
    "fpn": Model(),
    "fpn-pool": Model(_POOL),
    # The smaller the canonical size, the coarser the level that a RoI is read from, and the fewer
    # cells it covers.
    **{
        f"fpn-{size}{name}": Model({"roi_canonical_size": size, **settings})
        for size in (8, 16, 32)
        for name, settings in (("", {}), ("-pool", _POOL))
    },
    "fpn-no-masks": Model({"mask_head": "none"}),
    "fpn-mlp": Model({"mask_head": "mlp"}),
    "fpn-mlp-deeper": Model({"mask_head": "mlp", "mask_mlp_channels": (256, 256, 256)}),
    "fpn-resnext": Model({"backbone": "mini_resnext"}),
    "c4": Model(_C4),
    "c4-resnext": Model(_C4 | {"backbone": "mini_resnext"}),
    "c4-softmax": Model(_C4 | {"mask_loss": "softmax"}),
    "c4-class-agnostic": Model(_C4 | {"class_agnostic_masks": True}),
    "c4-pool": Model(_C4 | _POOL),
    "c4-warp-max": Model(_C4 | {"roi_op": "warp", "roi_reduce": "max"}),
    "c4-warp": Model(_C4 | {"roi_op": "warp"}),
    "c4-max": Model(_C4 | {"roi_reduce": "max"}),
    # Twice the size, since on 128 px a map of stride 32 has four cells a side.
    "c5-256": Model(_C5, image_size=256),
    "c5-256-pool": Model(_C5 | _POOL, image_size=256),
    "c4-crowded": Model(_C4, crowded=True),
    "fcis": Model(_C4, crowded=True, method="fcis"),
    "fcn": Model(_C4, crowded=True, method="fcn"),
}


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        name: as the table prints it.
        model: a key of `MODELS`; a model that several tables have is trained once.
        paper_mask, paper_box: the paper's figures, where it has them.
        paper_model: what the paper trained.
    """

    name: str
    model: str
    paper_model: str = ""
    paper_mask: Figures = ()
    paper_box: Figures = ()


@dataclass(frozen=True)
class Comparison:
    """A claim: `better` gains over `base`, or is on par with it.

    Attributes:
        better, base: names of rows.
        kind: of AP, masks' or boxes'.
        claim: "gain"; "on par" where the paper says that the two are as good as each other.
        paper_base: the paper's figures to compare with, where they are not those of the base's row.
    """

    better: str
    base: str
    kind: Literal["segm", "bbox"] = "segm"
    claim: Literal["gain", "on par"] = "gain"
    paper_base: Figures = ()


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        title: what it compares.
        rows: as in the paper.
        comparisons: between rows, by their names.
        seeds: how many, if nobody says otherwise.
        steps: of training, likewise.
        held_out: scenes to measure on.
    """

    title: str
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    seeds: int = 3
    steps: int = 400
    held_out: int = 200


TABLES = {
    "2a": Table(
        "backbones",
        (
            Row("ResNet, C4", "c4", "R50-C4", (30.3, 51.2, 31.5)),
            Row("ResNeXt, C4", "c4-resnext"),
            Row("ResNet, FPN", "fpn", "R50-FPN", (33.6, 55.2, 35.3)),
            Row(
                "ResNeXt, FPN",
                "fpn-resnext",
                "X101-FPN; beside it R101-FPN, 35.4 / 57.3 / 37.5",
                (36.7, 59.5, 38.9),
            ),
        ),
        (
            Comparison("ResNet, FPN", "ResNet, C4"),
            # The paper's ResNeXt has 101 layers, so it is compared with its ResNet of 101.
            Comparison("ResNeXt, FPN", "ResNet, FPN", paper_base=(35.4, 57.3, 37.5)),
            Comparison("ResNeXt, C4", "ResNet, C4"),
        ),
    ),
    "2b": Table(
        "the mask loss: classes that compete, and classes that do not",
        (
            Row("softmax", "c4-softmax", "R50-C4", (24.8, 44.1, 25.1)),
            Row("sigmoid", "c4", "R50-C4", (30.3, 51.2, 31.5)),
        ),
        (Comparison("sigmoid", "softmax"),),
        seeds=5,
    ),
    "2c": Table(
        "the RoI operation at stride 16",
        (
            Row("RoIPool, max", "c4-pool", "R50-C4", (26.9, 48.8, 26.4)),
            Row("RoIWarp, max", "c4-warp-max", "R50-C4", (27.2, 49.2, 27.1)),
            Row("RoIWarp, mean", "c4-warp", "R50-C4", (27.1, 48.9, 27.1)),
            Row("RoIAlign, max", "c4-max", "R50-C4", (30.2, 51.0, 31.8)),
            Row("RoIAlign, mean", "c4", "R50-C4", (30.3, 51.2, 31.5)),
        ),
        (
            Comparison("RoIAlign, mean", "RoIPool, max"),
            Comparison("RoIAlign, max", "RoIPool, max"),
            Comparison("RoIWarp, mean", "RoIPool, max", claim="on par"),
            Comparison("RoIWarp, max", "RoIPool, max", claim="on par"),
            Comparison("RoIAlign, mean", "RoIWarp, mean"),
        ),
        seeds=5,
    ),
    "2d": Table(
        "the RoI operation at stride 32",
        (
            Row("RoIPool", "c5-256-pool", "R50-C5", (23.6, 46.5, 21.6), (28.2, 52.7, 26.9)),
            Row("RoIAlign", "c5-256", "R50-C5", (30.9, 51.8, 32.1), (34.0, 55.3, 36.4)),
        ),
        (Comparison("RoIAlign", "RoIPool"), Comparison("RoIAlign", "RoIPool", "bbox")),
    ),
    "2e": Table(
        "the mask head",
        (
            Row("MLP, two layers", "fpn-mlp", "R50-FPN, 1024-1024", (31.5, 53.7, 32.8)),
            Row(
                "MLP, three layers",
                "fpn-mlp-deeper",
                "R50-FPN, 1024-1024-1024",
                (31.5, 54.0, 32.6),
            ),
            Row("FCN", "fpn", "R50-FPN", (33.6, 55.2, 35.3)),
        ),
        (Comparison("FCN", "MLP, two layers"), Comparison("FCN", "MLP, three layers")),
    ),
    "text": Table(
        "what the text compares",
        (
            Row("C4, a mask for every class", "c4", "R50-C4", (30.3,)),
            Row("C4, one mask for all classes", "c4-class-agnostic", "R50-C4", (29.7,)),
            # The text has no figures of RoIPool on a pyramid, only what RoIAlign gains over it.
            Row(
                "FPN, RoIPool",
                "fpn-pool",
                "RoIAlign's, less the 1.5 points of mask AP and 0.5 of box AP that the text names",
                (32.1,),
                (37.7,),
            ),
            Row(
                "FPN, RoIAlign",
                "fpn",
                "masks R50-FPN, boxes R101-FPN on test-dev",
                (33.6,),
                (38.2,),
            ),
            Row(
                "FPN, RoIAlign, without masks",
                "fpn-no-masks",
                "R101-FPN, box AP on test-dev",
                (),
                (37.3,),
            ),
        ),
        (
            Comparison(
                "C4, a mask for every class", "C4, one mask for all classes", claim="on par"
            ),
            Comparison("FPN, RoIAlign", "FPN, RoIPool"),
            Comparison("FPN, RoIAlign", "FPN, RoIPool", "bbox"),
            Comparison("FPN, RoIAlign", "FPN, RoIAlign, without masks", "bbox"),
        ),
    ),
    "alignment": Table(
        "one trained model, its RoI operation swapped",
        (Row("trained with RoIPool", "c4-pool"), Row("trained with RoIAlign", "c4")),
        (),
        seeds=5,
    ),
    "cells": Table(
        "RoIAlign over RoIPool, against the object's size in feature cells",
        tuple(
            Row(f"canonical size {size}, {operation}", f"fpn{level}{name}")
            for size, level in ((8, "-8"), (16, "-16"), (32, "-32"), (64, ""))
            for operation, name in (("RoIPool", "-pool"), ("RoIAlign", ""))
        ),
        (),
        held_out=400,
    ),
    "fcis": Table(
        "Mask R-CNN, FCIS and FCN on crowded scenes",
        (
            Row("FCN, connected regions", "fcn"),
            # The paper's table 1. FCIS+++ is FCIS with training and tests at several sizes, with
            # flips and hard examples; Mask R-CNN has none of these.
            Row("FCIS", "fcis", "R101, test-dev; FCIS+++ 33.6", (29.2,)),
            Row("Mask R-CNN, C4", "c4-crowded", "R101-C4, test-dev", (33.1,)),
        ),
        (Comparison("Mask R-CNN, C4", "FCIS"),),
        # Crowds take longer to learn, and few instances are overlapped by more than half.
        steps=1000,
        held_out=500,
    ),
}
