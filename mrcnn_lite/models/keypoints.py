"""Keypoints: a keypoint is a mask with one pixel (Mask R-CNN, section 5).

Every keypoint has a map of its own over the RoI, m x m places of which one is right. So the places
of a map compete, under a softmax, where the pixels of a mask do not: a mask may cover any number of
pixels, a keypoint is at exactly one. The maps do not compete with each other, as masks do not.

Parameter names, and the conversion between places and image coordinates, are torchvision's.
"""

import math
from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models.config import MaskRCNNConfig


class KeypointHead(nn.Sequential):
    """3x3 convolutions on the RoI's grid: `Tensor[R, C, P, P]` to `Tensor[R, C', P, P]`."""

    def __init__(self, in_channels: int, channels: tuple[int, ...]):
        layers = []
        for out_channels in channels:
            convolution = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(convolution.bias)
            layers += [convolution, nn.ReLU(inplace=True)]
            in_channels = out_channels
        super().__init__(*layers)


class KeypointPredictor(nn.Sequential):
    """Four times the resolution, in two steps: half of a place is half of the error.

    Maps `Tensor[R, C, P, P]` to logits `Tensor[R, K, 4 P, 4 P]`, one map for each keypoint: 56 x 56
    in the paper, where masks have 28 x 28.
    """

    def __init__(self, in_channels: int, num_keypoints: int):
        upsample = nn.ConvTranspose2d(in_channels, num_keypoints, 4, stride=2, padding=1)
        nn.init.kaiming_normal_(upsample.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(upsample.bias)
        twice = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        super().__init__(OrderedDict(kps_score_lowres=upsample, upsample=twice))


def make_keypoint_branch(
    in_channels: int, config: MaskRCNNConfig
) -> tuple[KeypointHead, KeypointPredictor]:
    """Build head and predictor for RoI features of `in_channels`."""
    channels = config.keypoint_head_channels
    return KeypointHead(in_channels, channels), KeypointPredictor(
        channels[-1], config.num_keypoints
    )


def keypoint_places(keypoints: Tensor, boxes: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Say which place of its map each keypoint is at: the target of a softmax over m x m places.

    Seen through the box, x lies in column floor((x - x1) / (x2 - x1) * m). A keypoint exactly on
    the right or the lower edge belongs to the last column or row.

    Args:
        keypoints: `Tensor[R, K, 3]`, (x, y, visibility) of the object that each RoI is matched
            with, in image pixels.
        boxes: `Tensor[R, 4]`, the RoIs.
        side: m.

    Returns:
        `Tensor[R, K]` of int64, the place, counted row by row (0 where there is none); and
        `Tensor[R, K]` of bool, whether there is something to learn: the keypoint is annotated
        (visibility above 0) and lies inside the box.
    """
    top_left, bottom_right = boxes[:, None].split(2, dim=-1)  # [R, 1, 2] each
    points, visibility = keypoints[..., :2], keypoints[..., 2]  # [R, K, 2], [R, K]
    cells = ((points - top_left) * (side / (bottom_right - top_left))).floor().long()  # [R, K, 2]
    cells = torch.where(points == bottom_right, side - 1, cells)
    inside = ((cells >= 0) & (cells < side)).all(dim=-1)  # [R, K]
    learnt = inside & (visibility > 0)
    column, row = cells.unbind(dim=-1)  # [R, K] each
    return torch.where(learnt, row * side + column, 0), learnt


def keypoint_loss(logits: Tensor, keypoints: Tensor, boxes: Tensor) -> Tensor:
    """Compute the cross-entropy of each keypoint's m x m places (section 5).

    Args:
        logits: `Tensor[R, K, m, m]`, for the RoIs that are objects.
        keypoints, boxes: as for `keypoint_places`.

    Returns:
        The mean over the keypoints that are annotated and inside their RoI; the others get no
        gradient. Without any a zero that still reaches the parameters.
    """
    places, learnt = keypoint_places(keypoints, boxes, logits.shape[-1])  # [R, K], [R, K]
    if not learnt.any():
        return logits.sum() * 0
    by_place = logits.flatten(start_dim=2)  # [R, K, m m]
    return F.cross_entropy(by_place[learnt], places[learnt])


def enlarge(maps: Tensor, rows: int, columns: int) -> Tensor:
    """Enlarge maps `Tensor[K, m, m]` to `Tensor[K, rows, columns]` by bicubic interpolation."""
    size = (rows, columns)
    return F.interpolate(maps[None], size=size, mode="bicubic", align_corners=False)[0]


def find_keypoints(
    logits: Tensor,
    boxes: Tensor,
    enlarge: Callable[[Tensor, int, int], Tensor] = enlarge,
) -> tuple[Tensor, Tensor]:
    """Read from each map where its keypoint is, in image pixels.

    A map is enlarged to the box's size in pixels (bicubic), which places its maximum between the
    m x m places; column j of the enlarged map stands for the interval from j to j + 1, so the
    keypoint is put in its middle: + 0.5. If the maximum occurs twice, the first counts.

    Args:
        logits: `Tensor[R, K, m, m]`.
        boxes: `Tensor[R, 4]` in image pixels.
        enlarge: how maps are enlarged.

    Returns:
        Keypoints `Tensor[R, K, 3]`, (x, y, 1), as torchvision gives them: the place has no
        gradient. And scores `Tensor[R, K]`, the enlarged maps' logits there.
    """
    places = boxes.new_zeros(*logits.shape[:2], 2)  # [R, K, 2]
    scores = logits.new_zeros(logits.shape[:2])  # [R, K]
    for i, (maps, box) in enumerate(zip(logits, boxes.detach())):
        size = (box[2:] - box[:2]).clamp(min=1)  # [2]: width, height
        columns, rows = (math.ceil(side) for side in size.tolist())
        enlarged = enlarge(maps, rows, columns)  # [K, h, w]
        best = enlarged.flatten(start_dim=1).max(dim=1)  # of [K, h w]
        at = torch.stack([best.indices % columns, best.indices // columns], dim=1)  # [K, 2]
        # A box that is no whole number of pixels wide has columns a little narrower than a pixel.
        places[i] = box[:2] + (at + 0.5) * (size / size.ceil())
        scores[i] = best.values
    return torch.cat([places, torch.ones_like(places[..., :1])], dim=-1), scores
