"""A 3x3 convolution over a large map, whose weights learn by matrix products on every processor.

What it replaces: `nn.Conv2d` in the pyramid. The gradient to its weights sums, for each of the nine
places of the kernel, the products of gradients and inputs over all cells: a product of two matrices
with a row for each cell. With channels last in memory and a border of zeros, the inputs at each
place of the kernel are the same rows, shifted, so nothing has to be copied for it.

Why it is faster: with AVX2 oneDNN's kernel for this gradient takes five times as long for a map of
120 x 160 cells; with AVX-512 both take the same time. `benchmarks/model.py` measures the training
step with each set of instructions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mrcnn_lite.models.fast.winograd import WinogradConv2d

ROWS_AT_ONCE = 32  # of the map, so that what is copied stays small beside it


class LargeMapConv2d(WinogradConv2d):
    """A convolution of kernel 3, stride 1 and padding 1 that is trained in float32 on a CPU.

    Where it does not learn, it detects as its parent does. Elsewhere, and in half precision, it is
    an ordinary one.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map `Tensor[N, C, H, W]` to `Tensor[N, K, H, W]`."""
        learns = torch.is_grad_enabled() and self.weight.requires_grad
        if not learns or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        return _Convolution.apply(x, self.weight, self.bias)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias, padding=1)

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody asks for the gradient's gradient
            return _gradients(grad, x, weight, ctx.needs_input_grad)
        wanted = ctx.needs_input_grad[0], False, False
        to_x, _, _ = _gradients(grad, x, weight, wanted)
        to_weight = weight_gradient(x, grad) if ctx.needs_input_grad[1] else None
        to_bias = grad.sum(dim=(0, 2, 3)) if ctx.needs_input_grad[2] else None
        return to_x, to_weight, to_bias


def _gradients(grad: Tensor, x: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]):
    """What PyTorch computes for a convolution: the gradients to x, weight and bias."""
    sizes = [len(weight)], [1, 1], [1, 1], [1, 1]  # bias, stride, padding, dilation
    return torch.ops.aten.convolution_backward(
        grad, x, weight, *sizes, False, [0, 0], 1, list(wanted)
    )


def weight_gradient(x: Tensor, grad: Tensor) -> Tensor:
    """Compute the gradient to the weights of a convolution of kernel 3, stride 1 and padding 1.

    Args:
        x: `Tensor[N, C, H, W]`, what was convolved; fastest in channels-last format.
        grad: `Tensor[N, K, H, W]`, the gradient to what came out.

    Returns:
        `Tensor[K, C, 3, 3]`.
    """
    height, width = x.shape[2:]
    x, grad = x.permute(0, 2, 3, 1), grad.permute(0, 2, 3, 1)  # [N, H, W, C], [N, H, W, K]
    sums = x.new_zeros(9, grad.shape[-1], x.shape[-1])  # [9, K, C]
    line = width + 2  # cells of a row of the map with its border
    for top in range(0, height, ROWS_AT_ONCE):
        bottom = min(top + ROWS_AT_ONCE, height)
        # One row more on either side, of the map or of zeros: [N (S + 2) (W + 2), C].
        border = 0, 0, 1, 1, int(top == 0), int(bottom == height)
        inputs = F.pad(x[:, max(top - 1, 0) : bottom + 1], border).flatten(0, 2)
        # In place of that row zeros: [N (S + 2) (W + 2), K].
        grads = F.pad(grad[:, top:bottom], (0, 0, 1, 1, 1, 1)).flatten(0, 2)
        first, last = line + 1, len(grads) - line - 1  # the rest is border
        grads = grads[first:last].t()
        for place in range(9):
            shift = (place // 3 - 1) * line + place % 3 - 1
            sums[place].addmm_(grads, inputs[first + shift : last + shift])
    return sums.view(3, 3, *sums.shape[1:]).permute(2, 3, 0, 1)
