"""RoIPool and RoIAlign on a CPU when there is little to read: torchvision's kernels.

What they replace: the sparse products of `sparse.py` and `maximum.py`, which take half a
millisecond before they read anything, and which copy a channels-first map whole. torchvision's loop
goes through the outputs one by one. That is several times slower for each of them, but nothing
comes before it, and of a contiguous map it only touches what the RoIs cover. So it is the faster
one for some ten RoIs, and for a map of a single channel, where products have nothing to do at once.

Where it was measured: docs/results/roi_ops.md. `EQUAL` is a fit to such measurements: when both
ways take equally long. RoIAlign's is that of an AMD EPYC (family 25, model 17) in one thread,
RoIPool's of that and of an Intel Xeon (family 6, model 167) in one and in two, for 10 to 512 RoIs.
Where they nearly do, the kernel is taken, with which there is least to lose on another processor.

The output stays as the kernels lay it out, channels first: another layout would be a copy.

In one thing this goes beyond torchvision's own operations: each kernel's gradient is again a
kernel, so that second derivatives can be had.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mrcnn_lite.ops.fast.dry_run import ValuelessTensor
from mrcnn_lite.ops.fast.few_boxes import FEW

# In sizes of the map. Of boxes beyond this torchvision's kernels read every sample that is off the
# map, and in the end their numbers overflow.
FARTHEST = 8
# To find a cell and list it takes the product as long as to read so many of its channels.
CHANNELS_PER_CELL = 20


class Equal(NamedTuple):
    """When both ways take equally long; an output is one number of RoIs x bins x channels.

    The bound is `fixed + per_output * outputs + per_number * input.numel()`. RoIPool's kernel is
    the faster way while its bins read fewer numbers of the map than that, RoIAlign's, where an
    output takes as long in every bin, while the bound is above 0.
    """

    fixed: float
    per_output: float
    per_number: float


# Operation, whether the map is contiguous, whether it wants a gradient. A channels-last map is
# copied by torchvision, a contiguous one by us: hence the signs of the last numbers.
EQUAL = {
    ("align", True, False): Equal(130e3, -1, 1 / 20),
    ("align", True, True): Equal(20e3, -1, 1 / 64),
    ("align", False, False): Equal(150e3, -1, -1 / 4),
    ("align", False, True): Equal(20e3, -1, -1 / 10),
    ("pool", True, False): Equal(1000e3, 0.5, 1),
    ("pool", True, True): Equal(1000e3, 0.5, 3),
    ("pool", False, False): Equal(300e3, 1, 0),
    ("pool", False, True): Equal(1000e3, 1.5, -1),
}


def reads_little(
    name: str, input: Tensor, rois: Tensor, output_size: tuple[int, int], spatial_scale: float
) -> bool:
    """Say whether torchvision's kernel can be used for a call, and is the faster way.

    It can't read a box that is inverted or far off the map, and has no gradient to the boxes.

    Args:
        name: "align" or "pool".
        input: `Tensor[N, C, H, W]`, the features.
        rois: `Tensor[K, 5]` of (image, x1, y1, x2, y2) in image pixels.
        output_size: (P_h, P_w).
        spatial_scale: feature cells per image pixel.
    """
    can = (
        input.device.type == "cpu"
        and input.dtype in (torch.float32, torch.float64)
        and rois.dtype == input.dtype
        and not rois.requires_grad
        and len(rois) > 0
        and not isinstance(rois, ValuelessTensor)
        and not torch._C._functorch.is_functorch_wrapped_tensor(rois)
    )
    if not can:
        return False
    few = len(rois) <= FEW
    table = rois.tolist() if few else rois.unbind(dim=1)
    if input.shape[1] > 1:
        equal = EQUAL[name, input.is_contiguous(), _wants_gradient(input)]
        outputs = len(rois) * input.shape[1] * output_size[0] * output_size[1]
        bound = equal.fixed + equal.per_output * outputs + equal.per_number * input.numel()
        if bound < 0:
            return False
        if name == "pool":

            def cells(_, x1, y1, x2, y2):  # bins are rounded outwards, each by about a cell
                width, height = (x2 - x1) * spatial_scale, (y2 - y1) * spatial_scale
                return (width + output_size[1]) * (height + output_size[0])

            read = sum(cells(*roi) for roi in table) if few else float(cells(*table).sum())
            if read * max(input.shape[1] - CHANNELS_PER_CELL, 0) > bound:
                return False
    reach = FARTHEST * max(input.shape[2:]) / spatial_scale  # in image pixels
    if few:
        return all(
            -reach <= x1 <= x2 <= reach and -reach <= y1 <= y2 <= reach
            for _, x1, y1, x2, y2 in table
        )
    low, high = rois[:, 1:3], rois[:, 3:]  # [K, 2] each
    return bool((low <= high).all() and low.min() >= -reach and high.max() <= reach)


def roi_align(
    input: Tensor,
    rois: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """`mrcnn_lite.ops.roi_align`, of the mean, for arguments that `reads_little` accepts."""
    settings = spatial_scale, output_size, tuple(input.shape), sampling_ratio, aligned
    if _wants_gradient(input):
        return _Align.apply(input, rois, *settings)
    return _run_align(input, rois, *settings)


def roi_pool(
    input: Tensor, rois: Tensor, output_size: tuple[int, int], spatial_scale: float
) -> Tensor:
    """`mrcnn_lite.ops.roi_pool`, for arguments that `reads_little` accepts."""
    if _wants_gradient(input):
        return _Pool.apply(input, rois, spatial_scale, output_size)
    return torch.ops.torchvision.roi_pool(input, rois, spatial_scale, *output_size)[0]


def _wants_gradient(input: Tensor) -> bool:
    return input.requires_grad and torch.is_grad_enabled()


def _run_align(input, rois, scale, output_size, _, sampling_ratio, aligned):
    return torch.ops.torchvision.roi_align(
        input, rois, scale, *output_size, sampling_ratio, aligned
    )


class _Align(torch.autograd.Function):
    """Features to outputs: `Tensor[N, C, H, W]` to `Tensor[K, C, P_h, P_w]`."""

    @staticmethod
    def forward(ctx, input, rois, scale, output_size, shape, sampling_ratio, aligned):
        ctx.rois = rois
        ctx.settings = scale, output_size, shape, sampling_ratio, aligned
        return _run_align(input, rois, *ctx.settings)

    @staticmethod
    def backward(ctx, grad):
        return _SpreadAligned.apply(grad, ctx.rois, *ctx.settings), *[None] * 6


class _SpreadAligned(torch.autograd.Function):
    """Gradients back to the features: the transpose of `_Align`, whose transpose is `_Align`."""

    @staticmethod
    def forward(ctx, grad, rois, scale, output_size, shape, sampling_ratio, aligned):
        ctx.rois = rois
        ctx.settings = scale, output_size, shape, sampling_ratio, aligned
        return torch.ops.torchvision._roi_align_backward(
            grad, rois, scale, *output_size, *shape, sampling_ratio, aligned
        )

    @staticmethod
    def backward(ctx, grad):
        return _Align.apply(grad, ctx.rois, *ctx.settings), *[None] * 6


class _Pool(torch.autograd.Function):
    """Features to maxima; for the gradient, the cell of each is kept."""

    @staticmethod
    def forward(ctx, input, rois, scale, output_size):
        output, cells = torch.ops.torchvision.roi_pool(input, rois, scale, *output_size)
        ctx.save_for_backward(rois, cells)  # each maximum's cell
        ctx.settings = scale, output_size, tuple(input.shape)
        return output

    @staticmethod
    def backward(ctx, grad):
        return _SpreadPooled.apply(grad, *ctx.saved_tensors, *ctx.settings), None, None, None


class _SpreadPooled(torch.autograd.Function):
    """Gradients back to the cells that the maxima were read from."""

    @staticmethod
    def forward(ctx, grad, rois, cells, scale, output_size, shape):
        ctx.save_for_backward(rois, cells)
        return torch.ops.torchvision._roi_pool_backward(
            grad, rois, cells, scale, *output_size, *shape
        )

    @staticmethod
    def backward(ctx, grad):
        rois, cells = ctx.saved_tensors
        image = rois[:, 0].long()[:, None, None, None]  # [K, 1, 1, 1]
        channel = torch.arange(grad.shape[1])[:, None, None]  # [C, 1, 1]
        read = grad.flatten(2)[image, channel, cells.clamp(min=0).long()]  # [K, C, P_h, P_w]
        return read.where(cells >= 0, 0), *[None] * 5  # an empty bin has the cell -1
