"""The operations on boxes and regions of interest, with torchvision's names and signatures.

The definitions come first, then what surrounds them:

    roi        RoIPool, RoIWarp and RoIAlign, by one formula
    axis       where the three differ, along one axis
    ps_roi     the position-sensitive ones, of FCIS
    bags       which cells each bin reads, for all pictures of these operations
    boxes      coding, matching and sampling of boxes
    masks      masks, pixel by pixel
    by_name    the one table of the RoI operations
    arguments  what a wrong argument is told
    fast       the same numbers, faster: what `mrcnn_lite.ops.roi_align` and the others run
"""

from torchvision.ops import (
    batched_nms,
    box_iou,
    clip_boxes_to_image,
    nms,
    remove_small_boxes,
)

from mrcnn_lite.ops.bags import Bags, Bin
from mrcnn_lite.ops.fast.ps_roi import ps_roi_align, ps_roi_pool
from mrcnn_lite.ops.fast.roi import roi_align, roi_pool, roi_warp
from mrcnn_lite.ops.ps_roi import ps_roi_align_bags, ps_roi_pool_bags
from mrcnn_lite.ops.roi import roi_align_bags, roi_pool_bags, roi_warp_bags

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
]
