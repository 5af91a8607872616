"""A 3x3 convolution with a quarter of the multiplications (Lavin and Gray 2016, section 4).

Five outputs in a row and a kernel of three are the coefficients of polynomials. A product of
polynomials is known from its values at 7 points, one multiplication each, where the convolution
takes 5 x 3; in two dimensions 49 take the place of 225. Getting to the values and back are weighted
sums, the same for every channel, and between them stand 49 matrix products. The paper has tiles of
2 and 4 outputs; 5 waste less of a mask head's 14 x 14 cells, 4 less of a box head's 7 x 7.

The sums subtract values of unlike size, so rounding errors grow about eight times: harmless in
float32, far too much in half precision.

What it replaces: `nn.Conv2d` of kernel 3 where a model detects on a CPU: in RPN, pyramid and heads
of every model as built, and everywhere in a prepared one. The kernels' values are made at each
call: they take five times the memory of the weights, and little of the time where there are enough
tiles. docs/results/model.md has what inference takes with it.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.polynomial.polynomial import polyfromroots
from torch import Tensor, nn

from mrcnn_lite.ops.fast.dry_run import ValuelessTensor

# Where the polynomials are evaluated, and at infinity, which gives the highest coefficient. The
# first two must stay: see `_convolve_tiles`. Smaller tiles use the first ones.
POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5)
KERNEL = 3
CELLS = len(POINTS) - 1  # outputs per tile and axis
# So many at a time: their values and products stay in a processor's cache. 9 cover a 14 x 14 map.
TILES_AT_ONCE = 144
# So many kernels' values at a time, 25 MiB of them for 512 channels.
KERNELS_AT_ONCE = 256
# Of fewer channels, the sums cost what the products save; for fewer tiles, making the kernels'
# values does. (On an Intel Xeon, family 6, model 167, 48 tiles of 256 channels gain a tenth with
# AVX-512 and half with AVX2.)
MIN_CHANNELS = 128
MIN_TILES = 40


class Matrices(NamedTuple):
    """What takes inputs x and kernel w to `to_output @ ((to_values @ x) * (values_of @ w))`.

    For one axis, with P points besides infinity: P - 1 outputs of P + 1 inputs.

    Attributes:
        to_values: `Tensor[P + 1, P + 1]`, B^T in the paper.
        values_of: `Tensor[P + 1, 3]`, G.
        to_output: `Tensor[P - 1, P + 1]`, A^T.
    """

    to_values: Tensor
    values_of: Tensor
    to_output: Tensor


def transform_matrices(points: tuple[float, ...]) -> Matrices:
    """Compute the matrices of one axis, in float64, for polynomials evaluated at these points."""
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
    return Matrices(*(torch.from_numpy(m.copy()) for m in (to_values, values_of, to_output.T)))


class WinogradConv2d(nn.Conv2d):
    """A convolution of kernel 3, stride 1 and padding 1 that detects on a CPU.

    Elsewhere, in half precision, for small maps, and wherever a gradient is wanted, it is an
    ordinary one.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True):
        super().__init__(in_channels, out_channels, kernel_size=KERNEL, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map `Tensor[N, C, H, W]` to `Tensor[N, K, H, W]`."""
        if is_faster(x, self.weight):
            return convolve(x, self.weight, self.bias)
        return super().forward(x)


def use_winograd(module: nn.Module) -> nn.Module:
    """Turn all plain convolutions in a module that keep the map's size into `WinogradConv2d`.

    Returns:
        The module.
    """
    for layer in module.modules():
        if type(layer) is nn.Conv2d and keeps_size(layer):
            # There is nothing to add: parameters, hooks and all stay what they are.
            layer.__class__ = WinogradConv2d
    return module


def keeps_size(layer: nn.Conv2d) -> bool:
    """Say whether a convolution has kernel 3, stride 1 and zeros around the map: one group."""
    return (
        layer.kernel_size == (KERNEL, KERNEL)
        and layer.padding == (1, 1)
        and layer.stride == layer.dilation == (1, 1)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
    )


def is_faster(x: Tensor, weight: Tensor) -> bool:
    """Say whether `convolve` may take a convolution's place, and is the faster way."""
    wants_gradient = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    return (
        # Who traces, compiles or counts layers wants to see a convolution.
        not torch.jit.is_tracing()
        and not torch.compiler.is_compiling()
        and not isinstance(x, ValuelessTensor)
        and not wants_gradient
        and x.device.type == "cpu"
        and x.dtype == weight.dtype
        and x.dtype in (torch.float32, torch.float64)
        and not torch.is_autocast_enabled("cpu")
        and min(weight.shape[:2]) >= MIN_CHANNELS
        # PyTorch says what is wrong with any other input.
        and x.dim() == 4
        and x.shape[1] == weight.shape[1]
        and count_tiles(x.shape, best_cells(x.shape)) >= MIN_TILES
    )


def count_tiles(shape: torch.Size, cells: int) -> int:
    """Count the tiles of `cells` x `cells` outputs that cover maps `Tensor[N, C, H, W]`."""
    return shape[0] * -(-shape[2] // cells) * -(-shape[3] // cells)


def best_cells(shape: torch.Size) -> int:
    """Choose the outputs per tile and axis, 5 or 4, for maps `Tensor[N, C, H, W]`.

    Larger tiles have fewer multiplications for each output, but may reach further over the border.
    """
    return min(
        (CELLS, CELLS - 1), key=lambda cells: count_tiles(shape, cells) * (cells + KERNEL - 1) ** 2
    )


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute `F.conv2d(x, weight, bias, padding=1)`, but for rounding.

    Args:
        x: `Tensor[N, C, H, W]`.
        weight: `Tensor[K, C, 3, 3]`.
        bias: `Tensor[K]`, or None.

    Returns:
        `Tensor[N, K, H, W]`, channels last in memory.
    """
    number, _, height, width = x.shape
    outputs = x.new_empty(number, height, width, len(weight))
    for first in range(0, len(weight), KERNELS_AT_ONCE):
        some = slice(first, first + KERNELS_AT_ONCE)
        _convolve(x, weight[some], None if bias is None else bias[some], outputs[..., some])
    return outputs.permute(0, 3, 1, 2)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, outputs: Tensor) -> None:
    """Write what some kernels make of `Tensor[N, C, H, W]` to `Tensor[N, H, W, K]`."""
    number, _, height, width = x.shape
    cells = best_cells(x.shape)
    matrices = _matrices_of_both_axes(cells, x.dtype)
    kernels = values_of_kernels(weight, matrices)  # [49, C, K]
    rows, columns = -(-height // cells), -(-width // cells)
    images_at_once = max(TILES_AT_ONCE // (rows * columns), 1)
    cells_at_once = max(TILES_AT_ONCE // columns, 1) * cells
    for first in range(0, number, images_at_once):
        images = x[first : first + images_at_once]
        image_outputs = outputs[first : first + images_at_once]
        for top in range(0, height, cells_at_once):
            strip_outputs = image_outputs[:, top : top + cells_at_once]
            bottom = top + -(-strip_outputs.shape[1] // cells) * cells
            # What a strip reads lies one cell beyond it; negative padding crops.
            horizontal = 1, cells * columns + 1 - width
            vertical = 1 - top, bottom + 1 - height
            strip = F.pad(images, (*horizontal, *vertical))
            whole_tiles = _convolve_tiles(strip, kernels, bias, cells, matrices)
            strip_outputs.copy_(whole_tiles[:, : strip_outputs.shape[1], :width])


def values_of_kernels(weight: Tensor, matrices: Matrices) -> Tensor:
    """Evaluate the kernels `Tensor[K, C, 3, 3]`: `Tensor[49, C, K]`, a matrix for each value."""
    by_place = weight.permute(2, 3, 1, 0).flatten(0, 1)  # [9, C, K]
    values = matrices.values_of @ by_place.flatten(1)  # [49, 9] @ [9, C K]
    return values.unflatten(1, by_place.shape[1:])


def _convolve_tiles(
    strip: Tensor, kernels: Tensor, bias: Tensor | None, cells: int, matrices: Matrices
) -> Tensor:
    """Map padded `Tensor[N, C, H + 2, W + 2]` to `Tensor[N, H, W, K]`, both whole tiles.

    The shapes below are those of 5 outputs per tile and axis.
    """
    tile = cells + KERNEL - 1
    # Overlapping windows, cut out where they lie: `Tensor[N, rows, columns, 7, 7, C]`.
    tiles = strip.unfold(2, tile, cells).unfold(3, tile, cells).permute(0, 2, 3, 4, 5, 1)
    values = (matrices.to_values @ tiles.flatten(3, 4).flatten(0, 2)).transpose(0, 1)
    products = torch.bmm(values, kernels)  # [49, T, C] @ [49, C, K] to [49, T, K]
    del values  # not needed where memory peaks
    if bias is not None:
        # A constant is the same at every output if it is added to the value at the point (1, 1).
        products[tile + 1] += bias
    outputs = matrices.to_output @ products.flatten(1)  # [25, 49] @ [49, T K]
    outputs = outputs.view(cells, cells, *tiles.shape[:3], -1).permute(2, 3, 0, 4, 1, 5)
    return outputs.flatten(3, 4).flatten(1, 2)  # [N, rows 5, columns 5, K]


@lru_cache
def _matrices_of_both_axes(cells: int, dtype: torch.dtype) -> Matrices:
    """Both axes at once: the rows of a tile one after another are one vector."""
    one_axis = transform_matrices(POINTS[: cells + 1])
    return Matrices(*(torch.kron(m, m).to(dtype).contiguous() for m in one_axis))
