"""A 3x3 convolution with a quarter of the multiplications (Lavin and Gray 2016, section 4).

An output of a row of 4 cells and a kernel of 3 are polynomials' coefficients; a product of
polynomials is known from its values at 6 points, one multiplication each, where the convolution
takes 4 x 3. In two dimensions 36 take the place of 144: F(4x4, 3x3). Getting to the values and back
are sums, the same for every channel, and the products between are 36 matrix products.

The sums subtract values of unlike size, so rounding errors grow about seven times: harmless in
float32, far too much in half precision.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.polynomial.polynomial import polyfromroots
from torch import Tensor, nn

CELLS = 4  # outputs per tile and axis
KERNEL = 3
# Where the polynomials are evaluated; infinity, which gives the highest coefficient, is the sixth.
POINTS = np.array([0.0, 1.0, -1.0, 2.0, -2.0])
TILE = len(POINTS) + 1  # inputs per tile and axis
# So many at a time: their values and products stay in a processor's cache.
TILES_AT_ONCE = 256


def transform_matrices() -> tuple[Tensor, Tensor, Tensor]:
    """Compute the matrices of one axis.

    The outputs of inputs x and kernel w are `to_output @ ((to_values @ x) * (values_of @ w))`.

    Returns:
        In float64: `to_values` `Tensor[6, 6]`, B^T in the paper; `values_of` `Tensor[6, 3]`, G;
        `to_output` `Tensor[4, 6]`, A^T.
    """
    others = [np.delete(POINTS, i) for i in range(len(POINTS))]
    to_values = np.zeros((TILE, TILE))
    for row, roots in zip(to_values, [*others, POINTS]):
        row[: len(roots) + 1] = polyfromroots(roots)
    at_infinity = np.eye(1, TILE)[:, ::-1]
    divisors = [np.prod(point - roots) for point, roots in zip(POINTS, others)]
    values_of = np.vander(POINTS, KERNEL, increasing=True) / np.array(divisors)[:, None]
    values_of = np.concatenate([values_of, at_infinity[:, -KERNEL:]])
    to_output = np.vander(POINTS, CELLS, increasing=True)
    to_output = np.concatenate([to_output, at_infinity[:, -CELLS:]]).T
    return tuple(torch.from_numpy(matrix.copy()) for matrix in (to_values, values_of, to_output))


class WinogradConv2d(nn.Module):
    """Takes the place of a 3x3 convolution that keeps the map's size, for inference on a CPU.

    It computes in its weights' precision, under autocast too. They take four times the memory of
    the convolution's.

    Args:
        convolution: of kernel 3, stride 1 and padding 1, in one group.

    Raises:
        ValueError: the convolution is another one.
    """

    def __init__(self, convolution: nn.Conv2d):
        super().__init__()
        if not keeps_size(convolution):
            raise ValueError(
                "convolution should have kernel size 3, stride 1, padding 1 (zeros), dilation 1 "
                f"and one group, got {convolution}"
            )
        weight = convolution.weight.detach()
        to_values, values_of, to_output = (
            matrix.to(weight.device) for matrix in transform_matrices()
        )
        # Both axes at once: the rows of a tile one after another are one vector.
        values = torch.einsum("iy, kcyx, jx -> ijck", values_of, weight.double(), values_of)
        bias = weight.new_zeros(len(weight)) if convolution.bias is None else convolution.bias
        self.register_buffer("weight", values.flatten(0, 1).to(weight.dtype).contiguous())
        self.register_buffer("bias", bias.detach())
        for name, matrix in (("to_values", to_values), ("to_output", to_output)):
            self.register_buffer(name, torch.kron(matrix, matrix).to(weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Map `Tensor[N, C, H, W]` to `Tensor[N, K, H, W]`, channels last in memory."""
        number, _, height, width = x.shape
        rows, columns = -(-height // CELLS), -(-width // CELLS)
        outputs = self.weight.new_empty(number, rows, CELLS, columns, CELLS, len(self.bias))
        images_at_once = max(TILES_AT_ONCE // (rows * columns), 1)
        rows_at_once = max(TILES_AT_ONCE // columns, 1)
        with torch.autocast(x.device.type, enabled=False):
            for images, of_images in zip(x.split(images_at_once), outputs.split(images_at_once)):
                for first in range(0, rows, rows_at_once):
                    of_strip = of_images[:, first : first + rows_at_once]
                    last = first + of_strip.shape[1]
                    # What a strip reads lies one cell beyond it; negative padding crops.
                    horizontal = 1, CELLS * columns + 1 - width
                    vertical = 1 - CELLS * first, CELLS * last + 1 - height
                    strip = F.pad(images, (*horizontal, *vertical)).to(self.weight.dtype)
                    of_strip.copy_(self._convolve(strip))
        outputs = outputs.flatten(3, 4).flatten(1, 2)[:, :height, :width]
        return outputs.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

    def _convolve(self, strip: Tensor) -> Tensor:
        """Map padded `Tensor[N, C, H, W]` to `Tensor[N, rows, 4, columns, 4, K]`."""
        # Overlapping windows, cut out where they lie: `Tensor[N, rows, columns, 6, 6, C]`.
        tiles = strip.unfold(2, TILE, CELLS).unfold(3, TILE, CELLS).permute(0, 2, 3, 4, 5, 1)
        values = self.to_values @ tiles.flatten(3, 4).flatten(0, 2)
        products = torch.bmm(values.transpose(0, 1), self.weight)
        # A constant is the same at every output if it is added to the value at the point (1, 1).
        products[TILE + 1] += self.bias
        outputs = self.to_output @ products.flatten(1)
        shape = (CELLS, CELLS, *tiles.shape[:3], len(self.bias))
        return outputs.view(shape).permute(2, 3, 0, 4, 1, 5)


def keeps_size(layer: nn.Module) -> bool:
    """Say whether a layer is a convolution that `WinogradConv2d` can replace."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (KERNEL, KERNEL)
        and layer.padding == (1, 1)
        and layer.stride == layer.dilation == (1, 1)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
    )
