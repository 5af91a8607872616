"""The operations on boxes and regions of interest, with torchvision's names and signatures.

To be read in this order:

- `roi.py`: RoIPool, RoIWarp, RoIAlign by their definitions; `axis.py`: where the three differ,
  along one axis; `ps_roi.py`: the position-sensitive ones of FCIS.
- `bags.py`: which cells each bin reads, for the pictures of all these operations.
- `boxes.py`: coding, matching and sampling of boxes; `masks.py`: masks pixel by pixel.
- `by_name.py`: the one table of the RoI operations; `arguments.py`: what a wrong argument is told.
- `fast/`: the same numbers, faster. The operations that this package gives are these.
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
