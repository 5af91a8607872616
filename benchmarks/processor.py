"""Which processor this is, and how a process is kept to some of its instructions.

A library picks its kernels by what the processor can do. These variables are read by oneDNN, MKL
and PyTorch when they are loaded, so they are set for a process of its own.
"""

import platform
from pathlib import Path

import torch

# From the least to the most. The name in `torch.cpu.get_capabilities`, and what keeps a process to
# it; the last set that a processor has needs no limit.
INSTRUCTION_SETS = {
    "AVX2": (
        "avx2",
        {
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "ATEN_CPU_CAPABILITY": "avx2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        },
    ),
    "AVX-512": ("avx512_f", {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}),
    "AVX-512 with bf16": ("avx512_bf16", {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}),
    "AMX": ("amx_bf16", {}),
}


def instruction_sets() -> dict[str, dict[str, str]]:
    """Name the sets that this processor has, each with the environment that limits to it."""
    has = torch.cpu.get_capabilities()
    found = {name: limits for name, (key, limits) in INSTRUCTION_SETS.items() if has.get(key)}
    if not found:
        return {platform.machine(): {}}
    found[list(found)[-1]] = {}
    return found


def name_of_processor() -> str:
    """What the operating system calls it; of a virtual machine's vague name also the numbers."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    lines = [line.split(":", 1) for line in cpuinfo.read_text("utf-8").splitlines() if ":" in line]
    facts = {key.strip(): value.strip() for key, value in reversed(lines)}  # of the first core
    name = facts.get("model name", platform.machine())
    if "cpu family" in facts:
        name += f" (family {facts['cpu family']}, model {facts['model']})"
    return name
