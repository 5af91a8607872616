"""What a training step costs: operations and bytes counted from the model, and time from those.

Nothing is computed here: on PyTorch's "meta" device tensors have a shape and no numbers, so the
whole of a step at full size is counted within seconds.
"""

from dataclasses import astuple, dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mrcnn_lite.models import mask_rcnn
from mrcnn_lite.models.config import MaskRCNNConfig

FLOAT_BYTES = 4


@dataclass(frozen=True)
class PartCost:
    """Floating-point operations of one part, for one image; a multiplication and an addition are 2.

    Attributes:
        forward, backward: operations of matrix products and convolutions, which are nearly all.
        saved_bytes: what the forward pass keeps for the backward one, in float32.
    """

    forward: int
    backward: int
    saved_bytes: int


@dataclass(frozen=True)
class StepCost:
    """What one image costs in a training step, and what the model costs whatever the batch.

    Attributes:
        parts: by name.
        parameters, trainable: numbers of parameters.
    """

    parts: dict[str, PartCost]
    parameters: int
    trainable: int

    @property
    def forward(self) -> int:
        """Operations of the forward pass of one image."""
        return sum(part.forward for part in self.parts.values())

    @property
    def flops(self) -> int:
        """Operations of forward and backward pass of one image."""
        return sum(part.forward + part.backward for part in self.parts.values())

    @property
    def gradient_bytes(self) -> int:
        """What processes have to add up in every step: one float32 per trained parameter."""
        return self.trainable * FLOAT_BYTES

    @property
    def state_bytes(self) -> int:
        """Weights, gradients and momentum, in float32."""
        return (self.parameters + 2 * self.trainable) * FLOAT_BYTES

    @property
    def saved_bytes(self) -> int:
        """What one image's forward pass keeps for the backward pass."""
        return sum(part.saved_bytes for part in self.parts.values())


@dataclass(frozen=True)
class Cluster:
    """The machines, as assumptions: no number here is measured.

    Attributes:
        gpus: in all.
        gpus_per_node: in one machine.
        peak_flops: of one GPU in the precision used, operations per second.
        utilisation: which part of the peak a step reaches.
        inside: bytes per second between GPUs of one machine, per GPU and direction.
        between: bytes per second between machines, per machine and direction.
        overlap: which part of the backward pass an all-reduce can hide behind.
        price: per GPU and hour.
    """

    gpus: int
    gpus_per_node: int = 8
    peak_flops: float = 312e12
    utilisation: float = 0.08
    inside: float = 200e9
    between: float = 12.5e9
    overlap: float = 0.7
    price: float = 2.0


def count_step(
    config: MaskRCNNConfig, height: int, width: int, num_rois: int = 512, num_mask_rois: int = 128
) -> StepCost:
    """Count what one image costs in a training step.

    Args:
        config: of a model with the neck "fpn" and the mask head "fcn".
        height, width: of the padded image, multiples of 32.
        num_rois: RoIs of the box branch.
        num_mask_rois: RoIs of the mask branch: at most the quarter of `num_rois` that may be
            objects, fewer while the proposals are bad.
    """
    with torch.device("meta"):
        model = mask_rcnn(config)
        image = torch.empty(1, 3, height, width)
        boxes = torch.empty(num_rois, config.fpn_channels, 7, 7, requires_grad=True)
        masks = torch.empty(num_mask_rois, config.fpn_channels, 14, 14, requires_grad=True)
    heads, backbone = model.roi_heads, model.backbone
    pyramid = [level.detach().requires_grad_() for level in backbone(image)]
    trunk, both = _count(backbone.body, image), _count(backbone, image)
    box_branch = nn.Sequential(heads.box_head, heads.box_predictor)
    mask_branch = nn.Sequential(heads.mask_head, heads.mask_predictor)
    parts = {
        "backbone": trunk,
        "FPN": PartCost(*(a - b for a, b in zip(astuple(both), astuple(trunk)))),
        "RPN": _count(model.rpn.head, pyramid),
        "box branch": _count(box_branch, boxes),
        "mask branch": _count(mask_branch, masks),
    }
    return StepCost(
        parts,
        parameters=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
    )


@dataclass(frozen=True)
class StepTime:
    """How long a step takes on a cluster, in seconds, if its assumptions hold.

    Attributes:
        compute: forward and backward passes.
        all_reduce: adding up gradients, if nothing else went on.
        waiting: the part of it that the backward pass does not hide.
    """

    compute: float
    all_reduce: float
    waiting: float

    @property
    def total(self) -> float:
        """From one step to the next."""
        return self.compute + self.waiting


def predict_step(cost: StepCost, cluster: Cluster, images_per_gpu: int) -> StepTime:
    """Predict a step's time.

    In a ring of N members each sends 2 (N - 1) / N times the gradients: once around to add them up,
    once to hand the sums out (Patarasuk and Yuan 2009). Between machines the ring's members are the
    machines, which share one link each; within a machine they are its GPUs.
    """
    speed = cluster.peak_flops * cluster.utilisation
    compute = images_per_gpu * cost.flops / speed
    inside = min(cluster.gpus, cluster.gpus_per_node)
    nodes = -(-cluster.gpus // cluster.gpus_per_node)
    all_reduce = cost.gradient_bytes * (
        ring_volume(inside) / cluster.inside + ring_volume(nodes) / cluster.between
    )
    backward = images_per_gpu * (cost.flops - cost.forward) / speed
    return StepTime(compute, all_reduce, max(0.0, all_reduce - cluster.overlap * backward))


def ring_volume(members: int) -> float:
    """Say how often each member of a ring sends all gradients in one all-reduce."""
    return 2 * (members - 1) / members


def _count(module: nn.Module, inputs: Tensor | list[Tensor]) -> PartCost:
    """Count one part's forward and backward pass; parameters are not "saved" for it."""
    own = {value.untyped_storage()._cdata for value in (*module.parameters(), *module.buffers())}
    saved: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        with FlopCounterMode(display=False) as forward:
            outputs = _flat(module(inputs))
        with FlopCounterMode(display=False) as backward:
            torch.stack([output.sum() for output in outputs]).sum().backward()
    return PartCost(forward.get_total_flops(), backward.get_total_flops(), sum(saved.values()))


def _flat(outputs: Tensor | list | tuple) -> list[Tensor]:
    if isinstance(outputs, Tensor):
        return [outputs]
    return [tensor for output in outputs for tensor in _flat(output)]
