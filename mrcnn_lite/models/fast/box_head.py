"""The box head of a prepared model: its first layer's weights lie as RoI features do.

The RoI operations leave features channels last in memory, and the columns of the first layer's
weight are channels first, as in torchvision. So the plain head copies all features into that order
first. Here the columns have been put into the features' order once, and nothing is copied.

It stays a matrix product, which every processor is quick at. The same sum can be had from a
convolution as large as the map, without any copy; but for that oneDNN has a fast kernel on some
processors only, and with AVX2 it takes eight times as long. `benchmarks/model.py` measures the
model with each set of instructions.
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models.heads import BoxHead


class ChannelsLastBoxHead(BoxHead):
    """Takes the place of a `BoxHead`, for inference.

    Args:
        head: its second layer is used as it is. The first layer's weight is copied, with its
            columns in another order, so a state dict of this head is not one of a `BoxHead`.
        in_channels: C of the RoI features `Tensor[R, C, P, P]`.
    """

    def __init__(self, head: BoxHead, in_channels: int):
        nn.Module.__init__(self)
        side = math.isqrt(head.fc6.in_features // in_channels)  # P
        weight = head.fc6.weight.detach().unflatten(1, (in_channels, side, side))
        weight = weight.permute(0, 2, 3, 1).flatten(1).contiguous()  # [channels, P P C]
        self.fc6 = head.fc6
        self.fc6.weight = nn.Parameter(weight, requires_grad=False)
        self.fc7 = head.fc7

    def forward(self, roi_features: Tensor) -> Tensor:
        """Map `Tensor[R, C, P, P]` to `Tensor[R, channels]`."""
        rows = roi_features.permute(0, 2, 3, 1).flatten(1)  # [R, P P C]
        return F.relu(self.fc7(F.relu(self.fc6(rows))))  # [R, channels]
