"""How a residual block runs (He et al. 2016, figure 5): torchvision's modules, fewer passes.

Batch norm that is not trained is a scale and a shift per channel, and so is part of the convolution
before it: n(w * x) = (scale w) * x + shift. Folding it there spares two passes over the activations
and, under autocast, keeps them in half precision: the weights are small beside what they make.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops import FrozenBatchNorm2d


def run_stage(stage: nn.Sequential, x: Tensor) -> Tensor:
    """Run a ResNet's stage, a sequence of torchvision's `BasicBlock` or `Bottleneck`.

    Args:
        stage: its blocks.
        x: `Tensor[N, C, H, W]`.

    Returns:
        What `stage(x)` returns, but for rounding.
    """
    for block in stage:
        x = run_block(block, x)
    return x


def run_block(block: BasicBlock | Bottleneck, x: Tensor) -> Tensor:
    """Run one residual block: relu(convolutions(x) + shortcut(x))."""
    layers = [(block.conv1, block.bn1), (block.conv2, block.bn2)]
    if isinstance(block, Bottleneck):
        layers.append((block.conv3, block.bn3))
    hidden = x
    for number, (convolution, norm) in enumerate(layers, start=1):
        hidden = convolve(hidden, convolution, norm)
        if number < len(layers):
            hidden = F.relu(hidden, inplace=True)
    shortcut = x if block.downsample is None else convolve(x, *block.downsample)
    return F.relu(hidden.add_(shortcut), inplace=True)


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
