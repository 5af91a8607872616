"""What `model.py` measures: cases, whose calls are compared in each, and how a call is made."""

import copy

import torch
from lively_model import (
    NUM_CLASSES,
    NUM_CLASSES_WITH_KEYPOINTS,
    make_torchvision,
    make_torchvision_keypoints,
    make_torchvision_v2,
)
from model_page import BASELINE

from mrcnn_lite.models import (
    keypoint_rcnn_resnet50_fpn,
    mask_rcnn_resnet50_fpn,
    mask_rcnn_resnet50_fpn_v2,
)
from mrcnn_lite.models.fast.native_precision import native_precision
from mrcnn_lite.models.fast.prepare import prepare_for_inference

SMALL = {"min_size": 480, "max_size": 640}
LARGE = {"min_size": 800, "max_size": 1333}
BF16 = torch.bfloat16
# Torchvision's two versions, and its model with keypoints in place of masks: torchvision's model,
# ours, and what ours is told to be alike.
FROZEN = {"frozen_batch_norm": True, "trainable_backbone_layers": 3}
FIRST = (make_torchvision, mask_rcnn_resnet50_fpn, {"num_classes": NUM_CLASSES, **FROZEN})
SECOND = (make_torchvision_v2, mask_rcnn_resnet50_fpn_v2, {"num_classes": NUM_CLASSES})
KEYPOINTS = (
    make_torchvision_keypoints,
    keypoint_rcnn_resnet50_fpn,
    {"num_classes": NUM_CLASSES_WITH_KEYPOINTS, **FROZEN},
)
# name, what is done, sizes, images, instances of each, threads, version
CASES = [
    ("inference, 480 x 640, one thread", "detect", SMALL, 1, 15, 1, FIRST),
    ("inference, 480 x 640", "detect", SMALL, 1, 15, 2, FIRST),
    ("training step, 480 x 640, 2 images of 15 instances", "train", SMALL, 2, 15, 2, FIRST),
    ("inference, second version, 480 x 640", "detect", SMALL, 1, 15, 2, SECOND),
    ("inference, keypoints, 480 x 640", "detect", SMALL, 1, 15, 2, KEYPOINTS),
    ("inference, 800/1333", "detect", LARGE, 1, 15, 2, FIRST),
    ("training step, 800/1333, 1 image of 20 instances", "train", LARGE, 1, 20, 2, FIRST),
]
SIDES = {
    "detect": (BASELINE, "ours, as built", "ours, prepared", "ours, prepared, bf16"),
    "train": (BASELINE, "torchvision, channels-last", "ours", "ours, bf16"),
}


def sides_of(action):
    """Whose calls are measured; bf16 only where the processor multiplies it by itself."""
    native = native_precision(torch.device("cpu")) == BF16
    return [side for side in SIDES[action] if native or not side.endswith("bf16")]


def make_call(side, action, sizes, theirs, pictures, version=FIRST):
    """A function without arguments: detections of the pictures, or one step of training."""
    if side.startswith("torchvision"):
        model = copy.deepcopy(theirs)
    else:
        _, build, alike = version
        model = build(**alike, **sizes)
        model.load_state_dict(theirs.state_dict(), strict=True)
    if side != BASELINE and side != "ours, as built":
        model.to(memory_format=torch.channels_last)
    if "prepared" in side:
        model = prepare_for_inference(model, BF16 if side.endswith("bf16") else torch.float32)
    images, targets = pictures
    if action == "detect":
        model.eval()
        return lambda: model(images)
    model.train()
    precision = torch.autocast("cpu", BF16, enabled=side.endswith("bf16"))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.0, momentum=0.9, weight_decay=1e-4)

    def train():
        with precision:
            losses = model(images, copy.deepcopy(targets))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        return losses

    return train
