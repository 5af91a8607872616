"""From a configuration to a model: the one place that asks what was chosen.

`BACKBONES`, `NECKS`, `BOX_HEADS` and `MASK_BRANCHES` say what each name stands for: a new one is a
file with the module, and a line here. All other files are handed their modules.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from torch import nn
from torchvision.models import WeightsEnum

from mrcnn_lite.models.backbone import RESNETS, Trunk, mini_trunk, resnet_trunk
from mrcnn_lite.models.c4 import SHARED_BINS, AveragePool, make_c4_backbone, make_c5_backbone
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.dilation import remove_stride
from mrcnn_lite.models.fast.few_at_once import KeypointRoIHeadsFewAtOnce, RoIHeadsFewAtOnce
from mrcnn_lite.models.fast.training import SampledRPN
from mrcnn_lite.models.fast.winograd import use_winograd
from mrcnn_lite.models.fcis import FCIS, PARTS, FCISHeads
from mrcnn_lite.models.fcn import FCN
from mrcnn_lite.models.fpn import make_fpn_backbone
from mrcnn_lite.models.heads import (
    BoxPredictor,
    make_convolutional_box_head,
    make_fcn_branch,
    make_mlp_box_head,
    make_mlp_branch,
)
from mrcnn_lite.models.images import ImageTransform
from mrcnn_lite.models.keypoints import make_keypoint_branch
from mrcnn_lite.models.losses import mask_loss, mask_probabilities, softmax_mask_loss
from mrcnn_lite.models.mask_rcnn import MaskRCNN
from mrcnn_lite.models.roi_features import SAMPLING_RATIO, make_roi_op
from mrcnn_lite.models.roi_heads import BOX_BINS, MASK_BINS
from mrcnn_lite.models.rpn import AnchorGenerator, RPNHead
from mrcnn_lite.models.weights import fetch_backbone_weights, load_trunk
from mrcnn_lite.ops.by_name import OPERATIONS


@dataclass(frozen=True)
class Neck:
    """What reads the trunk's maps, and what the two stages are like with it.

    Attributes:
        make: trunk and configuration to the backbone, which maps a batch to a list of maps of
            `out_channels` each; to a head that runs on every RoI before the branches part, or None;
            and to the channels of the RoI features that the branches get.
        single_map: whether there is one map, on which the anchors of all sizes stand; or a pyramid,
            whose coarsest level serves the RPN alone.
    """

    make: Callable[[Trunk, MaskRCNNConfig], tuple[nn.Module, nn.Module | None, int]]
    single_map: bool = False

    @property
    def num_mini_stages(self) -> int:
        """How many stages a small trunk has; a single map's last is for the RoIs."""
        return 4 if self.single_map else 3


def _make_mini(config: MaskRCNNConfig) -> Trunk:
    return mini_trunk(NECKS[config.neck].num_mini_stages, config.backbone)


def _make_resnet(config: MaskRCNNConfig) -> Trunk:
    return resnet_trunk(config.backbone, config.frozen_batch_norm, config.frozen_batch_norm_eps)


# By name: configuration to trunk.
BACKBONES = {
    "mini": _make_mini,
    "mini_resnext": _make_mini,
    **dict.fromkeys(RESNETS, _make_resnet),
}
NECKS = {
    "fpn": Neck(make_fpn_backbone),
    "fpn_bn": Neck(partial(make_fpn_backbone, batch_norm=True)),
    "c4": Neck(make_c4_backbone, single_map=True),
    "c5": Neck(make_c5_backbone, single_map=True),
}
# By name: RoI features' channels and side, and configuration; to box head. (With a single map the
# shared head is one.)
BOX_HEADS = {"mlp": make_mlp_box_head, "conv_bn": make_convolutional_box_head}
# By name: RoI features' channels and side, whether a shared head has run on them already, and
# configuration; to mask head and mask predictor.
MASK_BRANCHES = {
    "fcn": make_fcn_branch,
    "fcn_bn": partial(make_fcn_branch, batch_norm=True),
    "mlp": make_mlp_branch,
    "none": None,
}
# By name: the loss, and what the logits that it trains mean.
MASK_LOSSES = {
    "sigmoid": (mask_loss, mask_probabilities),
    "softmax": (softmax_mask_loss, partial(mask_probabilities, softmax=True)),
}
# The RoI operations that have a position-sensitive twin; "pool" is FCIS's own.
PS_ROI_OPS = {
    name: partial(operation.read_position_sensitively, sampling_ratio=SAMPLING_RATIO)
    for name, operation in OPERATIONS.items()
    if operation.read_position_sensitively is not None
}


def mini_config(num_classes: int, **overrides: Any) -> MaskRCNNConfig:
    """Make the configuration of the small model for 128-px scenes, with some fields changed.

    With the necks "c4" and "c5" the RPN sees one small map, so that it can afford to look at all of
    its anchors.
    """
    settings = {
        "backbone": "mini",
        "frozen_batch_norm": False,
        "trainable_backbone_layers": 4,
        "fpn_channels": 64,
        "aligned": True,
        "roi_canonical_size": 64,
        "roi_canonical_level": 3,
        "box_head_channels": 160,
        "mask_head_channels": (64, 32),
        "mask_mlp_channels": (256, 256),
        "keypoint_head_channels": (64, 64),
        "min_size": 128,
        "max_size": 256,
        "image_mean": (0.5, 0.5, 0.5),
        "image_std": (0.25, 0.25, 0.25),
        "anchor_sizes": ((16,), (32,), (64,), (128,)),
        "rpn_pre_nms_top_n_train": 128,
        "rpn_pre_nms_top_n_test": 256,
        "rpn_post_nms_top_n_train": 128,
        "rpn_post_nms_top_n_test": 128,
        "rpn_fg_iou_thresh": 0.6,
        "rpn_batch_size_per_image": 64,
        "box_detections_per_img": 20,
        "box_batch_size_per_image": 32,
        "box_positive_fraction": 0.5,
    }
    if overrides.get("neck", "fpn") in _single_maps():
        settings |= {
            "trainable_backbone_layers": 5,
            "rpn_pre_nms_top_n_train": 768,
            "rpn_pre_nms_top_n_test": 768,
        }
    return MaskRCNNConfig(num_classes=num_classes, **{**settings, **overrides})


def mask_rcnn(
    config: MaskRCNNConfig, weights_backbone: str | WeightsEnum | None = None
) -> MaskRCNN:
    """Build the Mask R-CNN that the configuration describes, with random weights.

    Args:
        config: every choice. Batch norm that is to be kept as loaded wants `weights_backbone`;
            without, set `frozen_batch_norm=False` and train all layers.
        weights_backbone: torchvision's classification weights for the trunk (and for the shared
            head that C4 makes of its last stage): "DEFAULT", "IMAGENET1K_V1", ...; or None.

    Raises:
        ValueError: the weights are those of another backbone, or it has none.
        InputError: weights could not be downloaded; the message says which file to put where.
    """
    backbone, shared_head, channels = _build_backbone(config)
    rpn = _build_rpn(backbone.out_channels, config)
    roi_heads = _build_roi_heads(channels, shared_head, config)
    predicts_masks = MASK_BRANCHES[config.mask_head] is not None
    model = MaskRCNN(
        _build_transform(config), backbone, rpn, roi_heads, config, predicts_masks=predicts_masks
    )
    if weights_backbone is not None:
        load_trunk(model, fetch_backbone_weights(config.backbone, weights_backbone))
    return model


def fcis(config: MaskRCNNConfig) -> FCIS:
    """Build FCIS with random weights: the trunk and the RPN of a Mask R-CNN, other heads.

    Args:
        config: of a single-map model, "c4" or "c5". `mask_head` and the fields that describe
            Mask R-CNN's heads are not read; `roi_op` may be "align" or, as in the paper, "pool".

    Raises:
        ValueError: the configuration asks for a pyramid, for no masks, for keypoints, or for an RoI
            operation that has no position-sensitive twin.
    """
    _refuse_keypoints("FCIS", config)
    for name, allowed in (("neck", _single_maps()), ("roi_op", list(PS_ROI_OPS))):
        if (value := getattr(config, name)) not in allowed:
            raise ValueError(f"FCIS wants {name} to be one of {', '.join(allowed)}, got {value!r}")
    if MASK_BRANCHES[config.mask_head] is None:
        raise ValueError(f"FCIS always predicts masks, but mask_head is {config.mask_head!r}")
    backbone, last_stage, channels = _build_backbone(config)
    rpn = _build_rpn(backbone.out_channels, config)
    heads = FCISHeads(
        config,
        shared_head=remove_stride(last_stage),
        score_maps=nn.Conv2d(channels, 2 * config.num_classes * PARTS**2, kernel_size=1),
        box_maps=nn.Conv2d(channels, 4 * PARTS**2, kernel_size=1),
        roi_op=PS_ROI_OPS[config.roi_op],
        aligned=config.roi_op == "align",
    )
    return FCIS(_build_transform(config), backbone, rpn, heads, config)


def fcn(config: MaskRCNNConfig) -> FCN:
    """Build an FCN with random weights on the trunk of a single-map Mask R-CNN.

    Args:
        config: `backbone`, `num_classes`, the image fields and `box_detections_per_img` count.

    Raises:
        ValueError: the configuration asks for a pyramid, whose trunk lacks the last stage, or for
            keypoints.
    """
    _refuse_keypoints("an FCN", config)
    if config.neck not in (allowed := _single_maps()):
        raise ValueError(f"an FCN wants neck to be {' or '.join(allowed)}, got {config.neck!r}")
    trunk = _build_trunk(config)
    remove_stride(trunk.get_submodule(f"layer{trunk.num_layers}"))
    scores = nn.ModuleList(
        nn.Conv2d(channels, config.num_classes, kernel_size=1) for channels in trunk.channels
    )
    return FCN(_build_transform(config), trunk, scores, config)


# The ways to segment instances that can be trained here; the models bear the name as `method`.
METHODS = {"mask_rcnn": mask_rcnn, "fcis": fcis, "fcn": fcn}


def _refuse_keypoints(name: str, config: MaskRCNNConfig) -> None:
    if config.num_keypoints:
        raise ValueError(f"{name} predicts no keypoints, but num_keypoints={config.num_keypoints}")


def _build_transform(config: MaskRCNNConfig) -> ImageTransform:
    one_size = isinstance(config.min_size, int)
    min_size = (config.min_size,) if one_size else config.min_size
    return ImageTransform(min_size, config.max_size, config.image_mean, config.image_std)


def _build_trunk(config: MaskRCNNConfig) -> Trunk:
    trunk = BACKBONES[config.backbone](config)
    trunk.freeze_all_but(config.trainable_backbone_layers)
    return trunk


def _build_backbone(config: MaskRCNNConfig) -> tuple[nn.Module, nn.Module | None, int]:
    return NECKS[config.neck].make(_build_trunk(config), config)


def _build_rpn(channels: int, config: MaskRCNNConfig) -> SampledRPN:
    sizes = config.anchor_sizes
    if NECKS[config.neck].single_map:
        sizes = (tuple(chain.from_iterable(sizes)),)
    anchor_generator = AnchorGenerator(sizes, config.anchor_ratios)
    head = RPNHead(channels, anchor_generator.num_anchors_per_cell, config.rpn_convolutions)
    return SampledRPN(anchor_generator, use_winograd(head), config)


def _build_roi_heads(
    channels: int, shared_head: nn.Module | None, config: MaskRCNNConfig
) -> RoIHeadsFewAtOnce:
    if shared_head is None:
        box_bins, mask_bins, mask_side = BOX_BINS, MASK_BINS, MASK_BINS
        box_channels = config.box_head_channels
        box_head = use_winograd(BOX_HEADS[config.box_head](channels, box_bins, config))
    else:
        box_bins, mask_bins, mask_side = SHARED_BINS, SHARED_BINS, SHARED_BINS // 2
        box_channels = channels
        box_head = AveragePool()
    box_predictor = BoxPredictor(box_channels, config.num_classes)
    make_mask_branch = MASK_BRANCHES[config.mask_head]
    mask_head = mask_predictor = None
    if make_mask_branch is not None:
        mask_head, mask_predictor = make_mask_branch(
            channels, mask_side, shared_head is not None, config
        )
        use_winograd(mask_head)
    loss, probabilities = MASK_LOSSES[config.mask_loss]
    make_roi_heads = RoIHeadsFewAtOnce
    if config.num_keypoints:
        head, predictor = make_keypoint_branch(channels, config)
        make_roi_heads = partial(
            KeypointRoIHeadsFewAtOnce,
            keypoint_head=use_winograd(head),
            keypoint_predictor=predictor,
        )
    return make_roi_heads(
        config,
        make_roi_op(config),
        box_head,
        box_predictor,
        mask_head,
        mask_predictor,
        shared_head,
        box_bins=box_bins,
        mask_bins=mask_bins,
        num_rpn_maps=0 if NECKS[config.neck].single_map else 1,
        mask_loss=loss,
        mask_probabilities=probabilities,
    )


def _single_maps() -> list[str]:
    return [name for name, neck in NECKS.items() if neck.single_map]
