"""A 3x3 convolution with a quarter of the multiplications (Lavin and Gray 2016, section 4).

Five outputs in a row and a kernel of three are the coefficients of polynomials. A product of
polynomials is known from its values at 7 points, one multiplication each, where the convolution
takes 5 x 3; in two dimensions 49 take the place of 225. Getting to the values and back are weighted
sums, the same for every channel, and between them stand 49 matrix products. The paper has tiles of
2 and 4 outputs; 5 waste less of a mask head's 14 x 14 cells, 4 less of a box head's 7 x 7.

The sums subtract values of unlike size, so rounding errors grow about eight times: harmless in
float32, far too much in half precision.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.polynomial.polynomial import polyfromroots
from torch import Tensor, nn

# Where the polynomials are evaluated, and at infinity, which gives the highest coefficient. The
# first two must stay: see `WinogradConv2d._convolve`. Smaller tiles use the first ones.
POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5)
KERNEL = 3
CELLS = len(POINTS) - 1  # outputs per tile and axis
# So many at a time: their values and products stay in a processor's cache. 9 cover a 14 x 14 map.
TILES_AT_ONCE = 144


def transform_matrices(points: tuple[float, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the matrices of one axis.

    The outputs of inputs x and kernel w are `to_output @ ((to_values @ x) * (values_of @ w))`.

    Args:
        points: where to evaluate, besides infinity; with a kernel of 3, P points give P - 1 outputs
            of P + 1 inputs.

    Returns:
        In float64: `to_values` `Tensor[P + 1, P + 1]`, B^T in the paper; `values_of`
        `Tensor[P + 1, 3]`, G; `to_output` `Tensor[P - 1, P + 1]`, A^T.
    """
    number = len(points) + 1
    others = [np.delete(points, i) for i in range(len(points))]
    to_values = np.zeros((number, number))
    for row, roots in zip(to_values, [*others, points]):
        row[: len(roots) + 1] = polyfromroots(roots)
    divisors = np.array([np.prod(point - roots) for point, roots in zip(points, others)])
    values_of = np.vander(points, KERNEL, increasing=True) / divisors[:, None]
    to_output = np.vander(points, number - KERNEL + 1, increasing=True)
    # The value at infinity is the highest coefficient itself.
    values_of, to_output = (
        np.vstack([matrix, np.eye(matrix.shape[1])[-1]]) for matrix in (values_of, to_output)
    )
    return tuple(torch.from_numpy(matrix.copy()) for matrix in (to_values, values_of, to_output.T))


class WinogradConv2d(nn.Module):
    """Takes the place of a 3x3 convolution that keeps the map's size, for inference on a CPU.

    It computes in its weights' precision, under autocast too. They take five times the memory of
    the convolution's.

    Args:
        convolution: of kernel 3, stride 1 and padding 1, in one group.
        cells: outputs per tile and axis, up to 5; see `best_cells`.

    Raises:
        ValueError: the convolution is another one.
    """

    def __init__(self, convolution: nn.Conv2d, cells: int = CELLS):
        super().__init__()
        if not keeps_size(convolution):
            raise ValueError(
                "convolution should have kernel size 3, stride 1, padding 1 (zeros), dilation 1 "
                f"and one group, got {convolution}"
            )
        weight = convolution.weight.detach()
        self.cells = cells
        to_values, values_of, to_output = transform_matrices(POINTS[: cells + 1])
        # In float64 on the CPU, since not every device has it.
        values = torch.einsum("iy, kcyx, jx -> ijck", values_of, weight.cpu().double(), values_of)
        bias = weight.new_zeros(len(weight)) if convolution.bias is None else convolution.bias
        self.register_buffer("bias", bias.detach())
        # Both axes at once: the rows of a tile one after another are one vector.
        for name, matrix in (
            ("weight", values.flatten(0, 1)),
            ("to_values", torch.kron(to_values, to_values)),
            ("to_output", torch.kron(to_output, to_output)),
        ):
            matrix = matrix.to(weight.dtype).contiguous()
            self.register_buffer(name, matrix.to(weight.device))

    def forward(self, x: Tensor) -> Tensor:
        """Map `Tensor[N, C, H, W]` to `Tensor[N, K, H, W]`, channels last in memory."""
        number, _, height, width = x.shape
        cells = self.cells
        rows, columns = -(-height // cells), -(-width // cells)
        images_at_once = max(TILES_AT_ONCE // (rows * columns), 1)
        cells_at_once = max(TILES_AT_ONCE // columns, 1) * cells
        outputs = self.weight.new_empty(number, height, width, len(self.bias))
        with torch.autocast(x.device.type, enabled=False):
            for first in range(0, number, images_at_once):
                # Slices, not `split`, into whose parts autograd refuses to write.
                images = x[first : first + images_at_once]
                image_outputs = outputs[first : first + images_at_once]
                for top in range(0, height, cells_at_once):
                    strip_outputs = image_outputs[:, top : top + cells_at_once]
                    bottom = top + -(-strip_outputs.shape[1] // cells) * cells
                    # What a strip reads lies one cell beyond it; negative padding crops.
                    horizontal = 1, cells * columns + 1 - width
                    vertical = 1 - top, bottom + 1 - height
                    strip = F.pad(images, (*horizontal, *vertical)).to(self.weight.dtype)
                    strip_outputs.copy_(self._convolve(strip)[:, : strip_outputs.shape[1], :width])
        return outputs.permute(0, 3, 1, 2)

    def _convolve(self, strip: Tensor) -> Tensor:
        """Map padded `Tensor[N, C, H + 2, W + 2]` to `Tensor[N, H, W, K]`, both whole tiles.

        The shapes below are those of 5 outputs per tile and axis.
        """
        cells, tile = self.cells, self.cells + KERNEL - 1
        # Overlapping windows, cut out where they lie: `Tensor[N, rows, columns, 7, 7, C]`.
        tiles = strip.unfold(2, tile, cells).unfold(3, tile, cells).permute(0, 2, 3, 4, 5, 1)
        values = (self.to_values @ tiles.flatten(3, 4).flatten(0, 2)).transpose(0, 1)
        products = torch.bmm(values, self.weight)  # [49, T, C] @ [49, C, K] to [49, T, K]
        del values  # not needed where memory peaks
        # A constant is the same at every output if it is added to the value at the point (1, 1).
        products[tile + 1] += self.bias
        outputs = self.to_output @ products.flatten(1)  # [25, 49] @ [49, T K]
        shape = (cells, cells, *tiles.shape[:3], len(self.bias))
        return outputs.view(shape).permute(2, 3, 0, 4, 1, 5).flatten(3, 4).flatten(1, 2)


def best_cells(side: int) -> int:
    """Choose the outputs per tile and axis, 4 or 5, for maps of one size.

    Larger tiles have fewer multiplications for each output, but may reach further over the border.
    """

    def multiplications(cells: int) -> int:
        return (-(-side // cells) * (cells + KERNEL - 1)) ** 2

    return min(CELLS, CELLS - 1, key=multiplications)


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
