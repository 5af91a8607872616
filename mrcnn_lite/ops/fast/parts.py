"""Tens of thousands of RoIs, some at a time, so that memory is the output and little more.

What it replaces: one call for all RoIs. Which cells each bin reads, and with which weights, takes
128 bytes a bin with two samples per axis: as much as 32 channels of output, and for a gradient it
is all kept. Here it is made for some RoIs at a time, and for the gradient made again.

Where it was measured: docs/results/roi_ops.md, "50,000 RoIs". Below `BINS_AT_ONCE` nothing changes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# 1,300 RoIs of 7 x 7 bins, more than a step of training has; what is made for them takes 8 MiB.
BINS_AT_ONCE = 2**16

# Features `Tensor[N, C, H, W]` and RoIs `Tensor[K, 5]` to `Tensor[K, C, P_h, P_w]`.
Read = Callable[[Tensor, Tensor], Tensor]


def in_parts(read: Read, input: Tensor, rois: Tensor, bins: int) -> Tensor:
    """Compute `read(input, rois)`, whose RoIs do not depend on each other, and its gradients.

    Args:
        read: an RoI operation with all other arguments given.
        input: `Tensor[N, C, H, W]`, the features.
        rois: `Tensor[K, 5]`.
        bins: P_h * P_w.

    Returns:
        `Tensor[K, C, P_h, P_w]` in channels-last format.
    """
    at_once = max(BINS_AT_ONCE // bins, 1)
    if len(rois) <= at_once:
        return read(input, rois)
    return _InParts.apply(read, at_once, input, rois)


class _InParts(torch.autograd.Function):
    @staticmethod
    def forward(ctx, read, at_once, input, rois):
        ctx.read, ctx.at_once = read, at_once
        ctx.save_for_backward(input, rois)
        outputs = None
        for first in range(0, len(rois), at_once):
            part = read(input, rois[first : first + at_once])  # [at once, C, P_h, P_w]
            if outputs is None:
                shape = len(rois), *part.shape[1:]
                layout = {"dtype": part.dtype, "memory_format": torch.channels_last}
                outputs = torch.empty(shape, device=part.device, **layout)
            outputs[first : first + at_once] = part
        return outputs  # [K, C, P_h, P_w]

    @staticmethod
    def backward(ctx, grad):
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():  # somebody asks for the gradient's gradient
            inputs = [tensor for tensor, wants in zip(ctx.saved_tensors, wanted) if wants]
            output = ctx.read(*ctx.saved_tensors)
            gradients = iter(torch.autograd.grad(output, inputs, grad, create_graph=True))
            return None, None, *(next(gradients) if wants else None for wants in wanted)
        input, rois = (tensor.detach() for tensor in ctx.saved_tensors)
        to_input, to_rois = (
            torch.zeros_like(tensor) if wants else None
            for tensor, wants in zip((input, rois), wanted)
        )
        for first in range(0, len(rois), ctx.at_once):
            rows = slice(first, first + ctx.at_once)
            with torch.enable_grad():
                leaves = input.requires_grad_(wanted[0]), rois[rows].requires_grad_(wanted[1])
                output = ctx.read(*leaves)
            inputs = [leaf for leaf in leaves if leaf.requires_grad]
            gradients = iter(torch.autograd.grad(output, inputs, grad[rows]))
            if wanted[0]:
                to_input += next(gradients)
            if wanted[1]:
                to_rois[rows] = next(gradients)
        return None, None, to_input, to_rois
