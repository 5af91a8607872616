"""The operations on boxes and regions of interest, with torchvision's names and signatures."""

from torchvision.ops import (
    batched_nms,
    box_iou,
    clip_boxes_to_image,
    nms,
    remove_small_boxes,
    roi_align,
    roi_pool,
)

roi_warp = roi_align

__all__ = [
    "batched_nms",
    "box_iou",
    "clip_boxes_to_image",
    "nms",
    "remove_small_boxes",
    "roi_align",
    "roi_pool",
]
