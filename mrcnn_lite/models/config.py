"""Every choice of a Mask R-CNN in one place; the fields that torchvision has bear its names."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from mrcnn_lite.settings import (
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Range,
    check_settings,
)

# A file may ask for any number, and memory is taken for it before the weights show that it is
# wrong. The papers have 1,024 channels at most; the largest sets of categories 22,000.
Channels = Annotated[int, Range("from 1 to 4,096", lambda value: 1 <= value <= 4096)]
# Likewise of layers.
Layers = Annotated[int, Range("from 1 to 64", lambda value: 1 <= value <= 64)]
MOST_CLASSES = 100_000
MOST_ENTRIES = 64


@dataclass(frozen=True)
class MaskRCNNConfig:
    """What `mask_rcnn` builds. The defaults are ResNet-50 with FPN as torchvision publishes it.

    Sizes are in pixels of the resized image, thresholds are IoUs unless they say score. The names
    of backbones, necks and heads are those of the tables in `mrcnn_lite.models.build`.

    Attributes:
        num_classes: classes including the background, which is class 0.
        backbone: a key of `BACKBONES`: "resnet50", "resnet101", "resnext50_32x4d",
            "resnext101_64x4d"; or "mini" and "mini_resnext" for 128-px scenes.
        frozen_batch_norm: keep batch norm as loaded (`mini` and `mini_resnext` always train it).
        frozen_batch_norm_eps: added to the variance by frozen batch norm; torchvision's published
            detection weights want 0.
        trainable_backbone_layers: how many of the backbone's last stages are trained; one more than
            there are trains the stem too.
        neck: a key of `NECKS`: "fpn" reads a pyramid, "fpn_bn" one with batch norm; "c4" (stride
            16) and "c5" (stride 32) read a single map, and the next stage of the backbone runs on
            every RoI (see `mrcnn_lite.models.c4`).
        fpn_channels: channels of every pyramid level.
        roi_op: how a RoI's features are read: "align", "warp" or "pool".
        roi_reduce: what RoIAlign and RoIWarp make of a bin's samples: "mean" or "max". RoIPool
            always takes the maximum.
        aligned: whether RoIAlign puts cell centres at half-integer coordinates; False is what
            torchvision's published weights were trained with.
        roi_canonical_size, roi_canonical_level: a RoI of this size (root of its area) is read
            from this pyramid level, one twice as large a level higher (FPN, equation 1).
        box_head: a key of `BOX_HEADS`: "mlp" has two fully connected layers; "conv_bn"
            convolutions with batch norm, then one such layer. "c4" and "c5" bring their own.
        box_head_channels: width of the fully connected layers.
        box_conv_channels: of "conv_bn": channels of its 3x3 convolutions, one entry each.
        mask_head: a key of `MASK_BRANCHES`: "fcn" is convolutional, "fcn_bn" that with batch norm,
            "mlp" fully connected (table 2e); "none" leaves the mask branch out: Faster R-CNN.
        mask_head_channels: of "fcn" and "fcn_bn": channels of the 3x3 convolutions, one entry each;
            the last is also the width of the upsampling, and with "c4" and "c5", where the shared
            head takes the convolutions' place, only that counts.
        mask_mlp_channels: of "mlp": widths of the layers before the masks.
        mask_logits_std: of "fcn" and "fcn_bn": standard deviation of the weights that the last
            layer starts with. None is torchvision's, the root of 2 / (number of masks): 0.15 for
            COCO, but 1 for a single class, where training first has to shrink the logits.
        mask_loss: "sigmoid" decouples the classes' masks, "softmax" lets them compete (table 2b).
        class_agnostic_masks: one mask for whatever the object is, instead of one per class.
        num_keypoints: of every object, whatever its class; 0 leaves the keypoint branch out.
        keypoint_head_channels: channels of the keypoint branch's 3x3 convolutions.
        min_size: shorter side after resizing; of several, training draws one per image.
        max_size: the longer side's upper bound.
        image_mean, image_std: normalisation per channel, for values in 0..1.
        anchor_sizes: for each level, finest first, roots of the anchors' areas; a single map gets
            all of them.
        anchor_ratios: height / width of the anchors.
        rpn_convolutions: how many 3x3 convolutions the RPN's head has before its predictions.
        rpn_*: numbers of proposals, thresholds and sampling of the RPN.
        box_*: thresholds and sampling of the box head, number of detections.
        bbox_reg_weights: factors for dx, dy, dw, dh in the box head.
    """

    num_classes: int = 91
    backbone: str = "resnet50"
    frozen_batch_norm: bool = True
    frozen_batch_norm_eps: NonNegativeFloat = 1e-5
    trainable_backbone_layers: NonNegativeInt = 3
    neck: str = "fpn"
    fpn_channels: Channels = 256
    roi_op: Literal["align", "warp", "pool"] = "align"
    roi_reduce: Literal["mean", "max"] = "mean"
    aligned: bool = False
    roi_canonical_size: PositiveInt = 224
    roi_canonical_level: int = 4
    box_head: str = "mlp"
    box_head_channels: Channels = 1024
    box_conv_channels: tuple[Channels, ...] = (256, 256, 256, 256)
    mask_head: str = "fcn"
    mask_head_channels: tuple[Channels, ...] = (256, 256, 256, 256)
    mask_mlp_channels: tuple[Channels, ...] = (1024, 1024)
    mask_logits_std: PositiveFloat | None = None
    mask_loss: Literal["sigmoid", "softmax"] = "sigmoid"
    class_agnostic_masks: bool = False
    num_keypoints: Annotated[int, Range("from 0 to 1,000", lambda value: 0 <= value <= 1000)] = 0
    keypoint_head_channels: tuple[Channels, ...] = (512,) * 8

    min_size: PositiveInt | tuple[PositiveInt, ...] = 800
    max_size: PositiveInt = 1333
    image_mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    image_std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (0.229, 0.224, 0.225)

    anchor_sizes: tuple[tuple[PositiveFloat, ...], ...] = ((32,), (64,), (128,), (256,), (512,))
    anchor_ratios: tuple[PositiveFloat, ...] = (0.5, 1.0, 2.0)
    rpn_convolutions: Layers = 1
    rpn_pre_nms_top_n_train: NonNegativeInt = 2000
    rpn_pre_nms_top_n_test: NonNegativeInt = 1000
    rpn_post_nms_top_n_train: NonNegativeInt = 2000
    rpn_post_nms_top_n_test: NonNegativeInt = 1000
    rpn_nms_thresh: float = 0.7
    rpn_fg_iou_thresh: float = 0.7
    rpn_bg_iou_thresh: float = 0.3
    rpn_batch_size_per_image: PositiveInt = 256
    rpn_positive_fraction: Fraction = 0.5
    rpn_score_thresh: float = 0.0

    box_score_thresh: float = 0.05
    box_nms_thresh: float = 0.5
    box_detections_per_img: NonNegativeInt = 100
    box_fg_iou_thresh: float = 0.5
    box_bg_iou_thresh: float = 0.5
    box_batch_size_per_image: PositiveInt = 512
    box_positive_fraction: Fraction = 0.25
    bbox_reg_weights: tuple[PositiveFloat, PositiveFloat, PositiveFloat, PositiveFloat] = (
        10.0,
        10.0,
        5.0,
        5.0,
    )

    def __post_init__(self):
        for field in fields(self):
            # Whoever writes lists, as JSON and torchvision do, means the same configuration.
            object.__setattr__(self, field.name, _as_tuple(getattr(self, field.name)))
        self._check_names()
        check_settings(self)
        if self.num_classes < 2:
            raise ValueError(
                "num_classes counts the background too, so it should be at least 2, "
                f"got {self.num_classes}"
            )
        if self.num_classes > MOST_CLASSES:
            raise ValueError(
                f"num_classes should be at most {MOST_CLASSES:,}, got {self.num_classes}"
            )
        for name in (
            "box_conv_channels",
            "mask_head_channels",
            "mask_mlp_channels",
            "keypoint_head_channels",
            "anchor_sizes",
            "anchor_ratios",
        ):
            value = getattr(self, name)
            entries = max(
                len(value), *(len(entry) for entry in value if isinstance(entry, tuple)), 0
            )
            if entries > MOST_ENTRIES:
                raise ValueError(
                    f"{name} should have at most {MOST_ENTRIES} entries, got {entries:,}"
                )
        if self.mask_loss == "softmax" and self.class_agnostic_masks:
            raise ValueError(
                "mask_loss='softmax' lets the classes' masks compete, but with "
                "class_agnostic_masks there is only one mask"
            )
        self._check_parts()

    def _check_names(self) -> None:
        # Only here, as build.py, which knows the parts by name, takes this file's configurations.
        from mrcnn_lite.models.build import BACKBONES, BOX_HEADS, MASK_BRANCHES, NECKS

        for name, parts in (
            ("backbone", BACKBONES),
            ("neck", NECKS),
            ("box_head", BOX_HEADS),
            ("mask_head", MASK_BRANCHES),
        ):
            if (value := getattr(self, name)) not in list(parts):
                raise ValueError(f"{name} should be one of {', '.join(parts)}, got {value!r}")

    def _check_parts(self) -> None:
        from mrcnn_lite.models.build import MASK_BRANCHES, NECKS

        if MASK_BRANCHES[self.mask_head] is None and (
            self.mask_loss == "softmax" or self.class_agnostic_masks
        ):
            raise ValueError(
                f"mask_head={self.mask_head!r} predicts no masks, so mask_loss='softmax' and "
                "class_agnostic_masks do not go with it"
            )
        if NECKS[self.neck].single_map and self.box_head != "mlp":
            raise ValueError(
                f"box_head={self.box_head!r} goes with a pyramid; neck={self.neck!r} brings a box "
                "head of its own"
            )
        levels = self._num_levels()
        if not NECKS[self.neck].single_map and len(self.anchor_sizes) != levels:
            raise ValueError(
                f"anchor_sizes should have one entry for each of the {levels} levels that the RPN "
                f"reads with backbone={self.backbone!r}, got {len(self.anchor_sizes)}"
            )

    @property
    def is_mini(self) -> bool:
        """Whether the backbone is one of the small ones for 128-px scenes."""
        return self.backbone in ("mini", "mini_resnext")

    @property
    def num_masks(self) -> int:
        """How many masks are predicted for each RoI."""
        return 1 if self.class_agnostic_masks else self.num_classes

    def _num_levels(self) -> int:
        # One for each stage, and a subsampled one.
        return 3 + 1 if self.is_mini else 4 + 1

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "MaskRCNNConfig":
        """Rebuild a configuration from what JSON or a checkpoint kept of it.

        Raises:
            ValueError: a key is not a field of the configuration.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"not a field of MaskRCNNConfig: {', '.join(unknown)}")
        return cls(**values)


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, (list, tuple)) else value
