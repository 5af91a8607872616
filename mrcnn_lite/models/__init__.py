"""Mask R-CNN and its parts, one file each.

To be read in the order in which an image goes through them:

    mask_rcnn     the whole, in one forward pass
    arguments     what a malformed image or target is told
    images        images in, batch out
    backbone      the trunk, a ResNet: C2 to C5
    fpn           the pyramid on top of it: P2 to P6
    c4            the single map that there was before pyramids
    rpn           anchors, the RPN's head, proposals
    roi_features  which level a box is read from, and the reading
    heads         what is asked of each RoI
    second_stage  which boxes they learn from, and which are kept
    roi_heads     the second stage, which puts the last three together
    losses        all five
    keypoints     a mask with one pixel: head, target, loss, and the place in the image
    keypoint_roi_heads  the second stage that asks for them, too
    paste         masks back into the image

What decides which of them there are, and what they start from:

    config          every choice
    build           from the choices to a model: the one place that asks
    published       torchvision's two models, and their weights by name
    keypoint_rcnn   torchvision's model with keypoints in place of masks
    weights         fetching published weights
    to_torchvision  and back: a trained model as torchvision's own
    fast            what stands in place of a plain part for speed alone

And the rivals:

    fcis          one pass of score maps, read by position
    fcn           a class for every pixel
    components    what hangs together in an FCN's map
    dilation      a stage at the resolution of its input, for both
"""

from mrcnn_lite.models.build import mask_rcnn, mini_config
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.fast.prepare import prepare_for_inference
from mrcnn_lite.models.keypoint_rcnn import keypoint_rcnn_resnet50_fpn
from mrcnn_lite.models.mask_rcnn import MaskRCNN
from mrcnn_lite.models.published import mask_rcnn_resnet50_fpn, mask_rcnn_resnet50_fpn_v2

__all__ = [
    "MaskRCNN",
    "MaskRCNNConfig",
    "keypoint_rcnn_resnet50_fpn",
    "mask_rcnn",
    "mask_rcnn_resnet50_fpn",
    "mask_rcnn_resnet50_fpn_v2",
    "mini_config",
    "prepare_for_inference",
]
