"""What is asked of each RoI: class and box from one branch, a mask from another, in parallel.

Parameter names are torchvision's. The heads are those of Mask R-CNN's figure 4, right (FPN).
"""

import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BoxHead(nn.Module):
    """Two fully connected layers over the flattened RoI features (FPN, section 4.2).

    Args:
        in_features: channels x height x width of the RoI features.
        channels: width of both layers.
    """

    def __init__(self, in_features: int, channels: int):
        super().__init__()
        self.fc6 = nn.Linear(in_features, channels)
        self.fc7 = nn.Linear(channels, channels)

    def forward(self, roi_features: Tensor) -> Tensor:
        """Map `Tensor[R, C, P, P]` to `Tensor[R, channels]`."""
        # The first layer as a convolution as large as the map: the same sum, without bringing
        # channels-last features into the order of the layer's weights, which are channels-first.
        weight = self.fc6.weight.view(-1, *roi_features.shape[1:])
        hidden = F.relu(F.conv2d(roi_features, weight, self.fc6.bias).flatten(start_dim=1))
        return F.relu(self.fc7(hidden))

    def store_as_convolution(self, in_channels: int) -> None:
        """Keep the first layer's weight as `Tensor[channels, C, P, P]`, channels last in memory.

        It is then read as it lies. The parameter no longer has torchvision's shape, so this is for
        a model that will not be saved.
        """
        side = math.isqrt(self.fc6.in_features // in_channels)
        weight = self.fc6.weight.detach().unflatten(1, (in_channels, side, side))
        self.fc6.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), False)


class BoxPredictor(nn.Module):
    """Class logits, and for every class a box of its own (Fast R-CNN, section 2.1)."""

    def __init__(self, in_channels: int, num_classes: int):
        super().__init__()
        self.cls_score = nn.Linear(in_channels, num_classes)
        self.bbox_pred = nn.Linear(in_channels, num_classes * 4)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Map `Tensor[R, C]` to logits `Tensor[R, K]` and deltas `Tensor[R, K * 4]`."""
        return self.cls_score(hidden), self.bbox_pred(hidden)


class MaskHead(nn.Sequential):
    """3x3 convolutions that keep the RoI's grid: `Tensor[R, C, P, P]` to `Tensor[R, C', P, P]`.

    Convolutions rather than fully connected layers, since pixels stay where they are (section 3.1,
    "Mask Representation"; table 2e).
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...]):
        layers = []
        for out_channels in channels:
            layers.append(_convolution_and_relu(in_channels, out_channels))
            in_channels = out_channels
        super().__init__(*layers)


class MaskPredictor(nn.Sequential):
    """Double the resolution, then one mask of logits per class.

    Maps `Tensor[R, C, P, P]` to `Tensor[R, num_classes, 2 P, 2 P]`: the K x m x m of section 3. The
    mask of class 0 is computed, as in torchvision, and never read.
    """

    def __init__(self, in_channels: int, channels: int, num_classes: int):
        upsample = nn.ConvTranspose2d(in_channels, channels, kernel_size=2, stride=2)
        logits = nn.Conv2d(channels, num_classes, kernel_size=1)
        for layer in (upsample, logits):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        super().__init__(
            OrderedDict(conv5_mask=upsample, relu=nn.ReLU(inplace=True), mask_fcn_logits=logits)
        )

    def predict_class(self, hidden: Tensor, labels: Tensor) -> Tensor:
        """Compute one class's mask for each RoI, where nobody looks at the others.

        Args:
            hidden: `Tensor[R, C, P, P]`, as for `forward`.
            labels: `Tensor[R]` of int64, each RoI's class.

        Returns:
            `Tensor[R, 2 P, 2 P]`: `forward(hidden)[r, labels[r]]` for each r.
        """
        upsampled = self.relu(self.conv5_mask(hidden))
        pixels = upsampled.permute(0, 2, 3, 1).flatten(1, 2)
        weight = self.mask_fcn_logits.weight[labels].flatten(1)[..., None]
        logits = pixels @ weight + self.mask_fcn_logits.bias[labels, None, None]
        return logits.view(len(labels), *upsampled.shape[-2:])


def _convolution_and_relu(in_channels: int, out_channels: int) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    nn.init.zeros_(convolution.bias)
    return nn.Sequential(convolution, nn.ReLU(inplace=True))
