"""The operations on boxes and regions of interest, with torchvision's names and signatures."""

from torchvision.ops import (
    batched_nms,
    box_iou,
    clip_boxes_to_image,
    nms,
    remove_small_boxes,
)

from mrcnn_lite.ops.bags import Bags, Bin
from mrcnn_lite.ops.kernels import torchvision_kernels
from mrcnn_lite.ops.ps_roi import (
    ps_roi_align,
    ps_roi_align_bags,
    ps_roi_pool,
    ps_roi_pool_bags,
)
from mrcnn_lite.ops.roi import (
    roi_align,
    roi_align_bags,
    roi_pool,
    roi_pool_bags,
    roi_warp,
    roi_warp_bags,
)

__all__ = [
    "Bags",
    "Bin",
    "batched_nms",
    "box_iou",
    "clip_boxes_to_image",
    "nms",
    "ps_roi_align",
    "ps_roi_align_bags",
    "ps_roi_pool",
    "ps_roi_pool_bags",
    "remove_small_boxes",
    "roi_align",
    "roi_align_bags",
    "roi_pool",
    "roi_pool_bags",
    "roi_warp",
    "roi_warp_bags",
    "torchvision_kernels",
]
