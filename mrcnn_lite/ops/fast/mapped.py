"""Operations under `torch.vmap`: all maps and all their RoIs in one call.

torchvision's operations run there once for each map. Here the maps become one batch and the RoIs
one table, whose image numbers count on from map to map. `torch.vmap` shows an operation tensors
without the dimension that is mapped, and forbids to look at their values; so this is done before
the arguments are checked.
"""

from collections.abc import Callable, Sequence
from functools import wraps

import torch
from torch import Tensor

from mrcnn_lite.ops.arguments import as_rois, joined

Operation = Callable[..., Tensor]


def mappable(operation: Operation) -> Operation:
    """An operation on (input, boxes, ...) that can also be mapped over them by `torch.vmap`."""

    @wraps(operation)
    def mapped(input: Tensor, boxes: Tensor | Sequence[Tensor], *arguments, **keywords) -> Tensor:
        several = isinstance(boxes, (list, tuple))
        if not any(map(_is_mapped, (input, *boxes) if several else (input, boxes))):
            return operation(input, boxes, *arguments, **keywords)
        rois = joined(boxes, len(input)) if several else boxes

        def folded(input: Tensor, rois: Tensor) -> Tensor:
            return mapped(input, rois, *arguments, **keywords)

        return _Folded.apply(folded, input, rois)

    return mapped


def _is_mapped(value: object) -> bool:
    # PyTorch has no public name for it.
    return isinstance(value, Tensor) and torch._C._functorch.is_batchedtensor(value)


class _Folded(torch.autograd.Function):
    """The mapped dimension folded into the batch; outside of it, autograd sees a plain call."""

    @staticmethod
    def forward(operation: Operation, input: Tensor, rois: Tensor) -> Tensor:
        return operation(input, rois)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        pass

    @staticmethod
    def vmap(info, in_dims, operation: Operation, input: Tensor, rois: Tensor):
        _, input_dim, rois_dim = in_dims
        maps = info.batch_size
        if input_dim is not None:
            input = input.movedim(input_dim, 0)  # [B, N, C, H, W]
        images = len(input) if input_dim is None else input.shape[1]
        rois = rois.expand(maps, -1, -1) if rois_dim is None else rois.movedim(rois_dim, 0)
        per_map = rois.shape[1]
        rois = as_rois(rois.flatten(0, 1), images)  # [B * K, 5]
        if input_dim is not None:
            input = input.flatten(0, 1)  # [B * N, C, H, W]
            first = images * torch.arange(maps, device=rois.device).repeat_interleave(per_map)
            rois = torch.cat([rois[:, :1] + first[:, None], rois[:, 1:]], dim=1)
        output = operation(input, rois)  # [B * K, C, P_h, P_w]
        return output.unflatten(0, (maps, per_map)), 0
