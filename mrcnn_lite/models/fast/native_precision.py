"""In which numbers a processor multiplies by itself: those of a model prepared for inference.

bfloat16 halves what is read and written. Where the processor multiplies it natively, products take
half the time or less; where it does not, every number is converted back and forth, and they take
several times as long as in float32.
"""

import os
import platform

import torch

# By the names of `torch.cpu.get_capabilities`: x86's two, and ARM's.
BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")
# What a CPU's products can be limited to in the environment (oneDNN's CPU dispatcher control).
LIMITS_WITHOUT_BF16 = (
    "SSE41",
    "AVX",
    "AVX2",
    "AVX2_VNNI",
    "AVX2_VNNI_2",
    "AVX512_CORE",
    "AVX512_CORE_VNNI",
)


def native_precision(device: torch.device) -> torch.dtype:
    """Choose bfloat16 if the device multiplies it natively, else float32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type == "cpu" and _cpu_multiplies_bf16()
    return torch.bfloat16 if native else torch.float32


def _cpu_multiplies_bf16() -> bool:
    limits = (os.environ.get(name, "") for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"))
    if any(limit.upper() in LIMITS_WITHOUT_BF16 for limit in limits):
        return False
    # Without oneDNN, as on macOS, PyTorch has no fast products of bfloat16.
    if not torch.backends.mkldnn.is_available():
        return False
    if hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in BF16_INSTRUCTIONS)
    # Older versions have these instead. On x86, the last one counts emulation too.
    if platform.machine().lower() in ("aarch64", "arm64"):
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
