"""The one new file of `test_build.py`: a neck and a mask branch that the package does not have."""

import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models.backbone import Trunk
from mrcnn_lite.models.config import MaskRCNNConfig


class BottomUp(nn.Module):
    """Each map of the trunk by itself, at one width, and the coarsest one subsampled."""

    def __init__(self, body: Trunk, out_channels: int):
        super().__init__()
        self.body = body
        self.lateral = nn.ModuleList(nn.Conv2d(c, out_channels, 1) for c in body.channels)
        self.out_channels = out_channels

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = [layer(x) for layer, x in zip(self.lateral, self.body(images))]
        return [*maps, F.max_pool2d(maps[-1], kernel_size=1, stride=2)]


def make_bottom_up(trunk: Trunk, config: MaskRCNNConfig) -> tuple[nn.Module, None, int]:
    return BottomUp(trunk, config.fpn_channels), None, config.fpn_channels


class CoarseMasks(nn.Module):
    """The mean of the features says how each class's mask of 7 x 7 looks."""

    def __init__(self, channels: int, num_masks: int):
        super().__init__()
        self.say = nn.Linear(channels, num_masks * 49)

    def forward(self, features: Tensor) -> Tensor:
        return self.say(features.mean(dim=(2, 3))).unflatten(1, (-1, 7, 7))


def make_coarse_branch(
    in_channels: int, side: int, after_shared_head: bool, config: MaskRCNNConfig
) -> tuple[nn.Module, nn.Module]:
    assert side == (7 if after_shared_head else 14)
    return nn.Tanh(), CoarseMasks(in_channels, config.num_masks)
