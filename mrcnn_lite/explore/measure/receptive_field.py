"""Which pixels a cell of a feature map sees: by arithmetic, and by gradient (Luo et al. 2016)."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Layer(NamedTuple):
    """A convolution or pooling along one axis; a dilated kernel counts with its gaps."""

    kernel: int
    stride: int
    padding: int


@dataclass(frozen=True)
class ReceptiveField:
    """The pixels that the cells of a map see along one axis.

    Attributes:
        size: of the patch that one cell sees, in image pixels.
        stride: image pixels from one cell's patch to the next one's.
        start: where the first cell's patch begins; below 0, since padding counts as seen.
    """

    size: int
    stride: int
    start: int

    def pixels(self, cell: int) -> tuple[int, int]:
        """Say which pixels a cell sees: from the first up to, but without, the second number."""
        first = self.start + cell * self.stride
        return first, first + self.size


def main_path(trunk: nn.Module) -> dict[str, list[Layer]]:
    """List what stands between the image and each of C2, C3, ... on the longest way.

    Shortcuts are left out, since the branch beside them sees more.

    Args:
        trunk: a ResNet, torchvision's or this package's, with stages layer1, layer2, ...
    """
    path: list[Layer] = []
    by_level = {}
    for name, module in trunk.named_modules():
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)) and "downsample" not in name:
            kernel, stride, padding, dilation = (
                size if isinstance(size, int) else size[-1]
                for size in (
                    module.kernel_size,
                    module.stride,
                    module.padding,
                    getattr(module, "dilation", 1),
                )
            )
            path.append(Layer(dilation * (kernel - 1) + 1, stride, padding))
        stage = name.split(".")[0].removeprefix("layer")
        if stage.isdigit():
            by_level[f"C{int(stage) + 1}"] = list(path)
    return by_level


def receptive_field(layers: list[Layer]) -> ReceptiveField:
    """Compute what a cell sees after some layers, the first of which reads the image."""
    size, stride, start = 1, 1, 0
    for layer in layers:
        size += (layer.kernel - 1) * stride
        start -= layer.padding * stride
        stride *= layer.stride
    return ReceptiveField(size, stride, start)


def influence_of_pixels(
    trunk: nn.Module, images: Tensor, level: int, cell: tuple[int, int]
) -> Tensor:
    """Measure how strongly every pixel moves one cell: the gradient's length, mean over images.

    What is derived is half the sum of the squares of the cell's channels, so that channels count
    by how strongly they respond.

    Args:
        trunk: returns C2, C3, ... of a batch, finest first.
        images: `Tensor[N, 3, H, W]`, normalised.
        level: 2 for C2, and so on.
        cell: (row, column).

    Returns:
        `Tensor[H, W]`; 0 where the cell sees nothing.
    """
    images = images.detach().requires_grad_()
    row, column = cell
    with torch.enable_grad():
        response = trunk(images)[level - 2][:, :, row, column]
        (gradient,) = torch.autograd.grad(response.square().sum() / 2, images)
    return gradient.square().sum(dim=1).sqrt().mean(dim=0)


def smallest_square(influence: Tensor, center: tuple[float, float], share: float) -> int:
    """Find the side of the smallest square about a point that holds a share of the influence.

    Args:
        influence: `Tensor[H, W]`.
        center: (y, x) in image pixels.
        share: of the whole, from 0 to 1.

    Returns:
        The side in pixels, a whole number of pixels on either side of the point.
    """
    height, width = influence.shape
    # Distance of each pixel's far edge from the point, along the axis on which it is farther.
    y = (torch.arange(height) + 0.5 - center[0]).abs()[:, None]
    x = (torch.arange(width) + 0.5 - center[1]).abs()[None]
    distance = (torch.maximum(y, x) + 0.5).ceil().long().flatten()
    within = torch.zeros(int(distance.max()) + 1, dtype=torch.float64)
    within.index_add_(0, distance, influence.detach().flatten().double())
    reached = within.cumsum(dim=0) >= share * within.sum() - 1e-12
    return 2 * int(reached.nonzero()[0])
