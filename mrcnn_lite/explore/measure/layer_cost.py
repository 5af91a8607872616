"""What a network costs: parameters, and multiplications of its convolutions and linear layers."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """What a part of a network costs.

    Attributes:
        parameters: that it holds, trained or not.
        multiply_adds: multiplications, each with an addition, of convolutions and linear layers.
            Papers often call them FLOPs; counted singly, there are twice as many.
    """

    parameters: int
    multiply_adds: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.parameters + other.parameters, self.multiply_adds + other.multiply_adds)


def cost_of(module: nn.Module, *input_sizes: Sequence[int]) -> Cost:
    """Count what a module costs on inputs of these sizes; nothing is computed."""
    return cost_of_parts(module, ("",), *input_sizes)[""]


def cost_of_parts(
    module: nn.Module, parts: Sequence[str], *input_sizes: Sequence[int]
) -> dict[str, Cost]:
    """Count what the parts of a module cost while it runs once; nothing is computed.

    Args:
        module: any; it is left as it is.
        parts: names of submodules, such as "layer1" or "body.layer1"; "" is the module itself.
        input_sizes: of each argument of `module`, such as (1, 3, 224, 224).

    Returns:
        The cost of each part, by name.

    Raises:
        AttributeError: there is no such part.
    """
    # On the "meta" device tensors have sizes and no numbers, so the largest network runs at once.
    shadow = copy.deepcopy(module).to("meta").eval()
    inputs = [torch.empty(tuple(size), device="meta") for size in input_sizes]
    with FlopCounterMode(display=False) as counter:
        shadow(*inputs)
    counted = counter.get_flop_counts()
    root = type(module).__name__
    costs = {}
    for part in parts:
        held = module.get_submodule(part)
        flops = counted.get(f"{root}.{part}" if part else "Global", {})
        parameters = sum(parameter.numel() for parameter in held.parameters())
        costs[part] = Cost(parameters, sum(flops.values()) // 2)
    return costs
