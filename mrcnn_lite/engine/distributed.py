"""Several processes that train one model, each on its part of every batch (data parallelism).

`torchrun` starts them and tells each its number in environment variables. They compute gradients of
their own images, average them while the backward pass still runs (DistributedDataParallel), and
then all take the same step. Everything here also works, and costs nothing, in a single process.
"""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mrcnn_lite.errors import InputError

# Longer than the slowest thing one process does alone: scoring all of COCO's validation images.
TIMEOUT = timedelta(minutes=30)
# What gloo and NCCL say when somebody at the other end is gone.
SIGNS_OF_A_LOST_PROCESS = (
    *("closed by peer", "reset by peer", "roken pipe", "imed out", "NCCL"),
    "forcibly closed",  # Windows' word for it
)


@contextmanager
def job() -> Iterator[None]:
    """Join the other processes, if `torchrun` started any, for as long as the block runs.

    Raises:
        InputError: another process of the job ended before its time.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    # Python objects and single numbers travel over gloo, from CPU to CPU; gradients over NCCL.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=TIMEOUT)
    try:
        yield
    except RuntimeError as error:
        if not any(sign in str(error) for sign in SIGNS_OF_A_LOST_PROCESS):
            raise
        raise InputError(
            f"process {process_number()} of {num_processes()} lost another one of this job: it was "
            "killed, ran out of memory, stopped with an error of its own, or its machine is gone. "
            "The run's folder has the last checkpoint: start the job again with --resume"
        ) from error
    # In older releases (2.6 for one) the next line waits for gloo's threads while it keeps Python's
    # lock from them, and one may still need it to let go of its last tensor. Here it can have it.
    time.sleep(0.1)
    # Not after an error, when the others may be gone: it would wait for them.
    dist.destroy_process_group()


def is_parallel() -> bool:
    """Say whether there are other processes."""
    return dist.is_available() and dist.is_initialized()


def process_number() -> int:
    """Give this process's number, from 0: its rank."""
    return dist.get_rank() if is_parallel() else 0


def num_processes() -> int:
    """Give the number of processes: the world size."""
    return dist.get_world_size() if is_parallel() else 1


def is_first() -> bool:
    """Say whether this is the process that writes files and prints."""
    return process_number() == 0


def own_gpu() -> int:
    """Give the number of the GPU, on this machine, that belongs to this process."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def parallel(model: nn.Module) -> nn.Module:
    """Wrap a model so that its gradients become the mean over all processes."""
    if not is_parallel():
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(model, [device] if device.type == "cuda" else None)


def averaging(model: nn.Module, wanted: bool) -> AbstractContextManager[None]:
    """Make a context in which a wrapped model averages its gradients, or only adds them up."""
    if wanted or not isinstance(model, DistributedDataParallel):
        return nullcontext()
    return model.no_sync()


def average(values: list[float]) -> list[float]:
    """Average numbers over all processes; each gets the same result, to the bit."""
    if not is_parallel():
        return values
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(tensor)
    return (tensor / num_processes()).tolist()


def any_of(value: bool) -> bool:
    """Say whether `value` holds in some process."""
    return average([float(value)])[0] > 0


def gather(value: Any) -> list[Any]:
    """Bring a value of each process to the first, in order; the others get an empty list."""
    if not is_parallel():
        return [value]
    parts = [None] * num_processes() if is_first() else None
    dist.gather_object(value, parts)
    return parts or []


def share(value: Any) -> Any:
    """Give every process the first one's value."""
    if not is_parallel():
        return value
    parts = [value]
    dist.broadcast_object_list(parts)
    return parts[0]


def share_buffers(model: nn.Module) -> None:
    """Give every process the first one's buffers: batch norm's running means differ a little."""
    if is_parallel():
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


@contextmanager
def first_goes_ahead() -> Iterator[None]:
    """Let the first process run the block, for example a download, before all others do."""
    if not is_first():
        any_of(False)
    yield
    if is_first():
        any_of(False)
