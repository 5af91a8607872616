"""In which numbers a step computes: float32, or 16 bits where they are enough (AMP).

bf16 has float32's range and 8 bits of mantissa; fp16 has 11 bits, but ends at 65,504 and loses what
is under 6e-8. So an fp16 loss is multiplied by a large factor before the backward pass, and the
gradients are divided by it afterwards (Micikevicius et al. 2018, "Mixed Precision Training").
Weights, gradients and the optimiser stay in float32 in any case.
"""

import torch

HALF_PRECISION = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Make the context in which a model's forward pass uses `precision` where that is safe."""
    dtype = HALF_PRECISION.get(precision)
    return torch.autocast(device.type, dtype, enabled=dtype is not None)


def make_scaler(device: torch.device, precision: str) -> torch.amp.GradScaler:
    """Make the scaler of the loss; for anything but fp16 it passes everything on as it is."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
