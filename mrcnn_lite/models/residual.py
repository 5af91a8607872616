"""How a residual block runs (He et al. 2016, figure 5): torchvision's modules, fewer passes.

Batch norm that is not trained is a scale and a shift per channel, and so is part of the convolution
before it: n(w * x) = (scale w) * x + shift. Folding it there spares two passes over the activations
and, under autocast, keeps them in half precision: the weights are small beside what they make.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.ops import FrozenBatchNorm2d


class BasicBlock(resnet.BasicBlock):
    """torchvision's block of two 3x3 convolutions: relu(convolutions(x) + shortcut(x))."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `Tensor[N, C, H, W]` as torchvision's block does, but for rounding."""
        hidden = F.relu(convolve(x, self.conv1, self.bn1), inplace=True)
        return _add_shortcut(self, convolve(hidden, self.conv2, self.bn2), x)


class Bottleneck(resnet.Bottleneck):
    """torchvision's block of a 3x3 convolution between two of 1x1."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `Tensor[N, C, H, W]` as torchvision's block does, but for rounding."""
        hidden = F.relu(convolve(x, self.conv1, self.bn1), inplace=True)
        hidden = F.relu(convolve(hidden, self.conv2, self.bn2), inplace=True)
        return _add_shortcut(self, convolve(hidden, self.conv3, self.bn3), x)


def convolve(x: Tensor, convolution: nn.Conv2d, norm: nn.Module) -> Tensor:
    """Convolve and normalise, in one step if the normalisation is not being trained."""
    constant = isinstance(norm, FrozenBatchNorm2d) or (
        isinstance(norm, nn.BatchNorm2d) and not norm.training
    )
    if not constant:
        return norm(convolution(x))
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    weight = convolution.weight * scale[:, None, None, None]
    return F.conv2d(
        x,
        weight,
        shift,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
        convolution.groups,
    )


def _add_shortcut(block: BasicBlock | Bottleneck, branch: Tensor, x: Tensor) -> Tensor:
    shortcut = x if block.downsample is None else convolve(x, *block.downsample)
    return F.relu(branch.add_(shortcut), inplace=True)
