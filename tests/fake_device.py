"""A device that is not there: a model runs on it, and what a real one would refuse is refused.

PyTorch's FakeTensorMode finds mixed devices without a GPU but has no numbers, and a detector's
shapes depend on numbers: on how many boxes pass a threshold, on which proposals are drawn. So here
tensors say that they are on a device, "cuda:0" or "mps:0", and compute on the CPU. To PyTorch's
core, which wants a driver for those two, they are on "meta"; so autocast, which asks there, does
nothing.
"""

import functools
from pathlib import Path

import torch
import torchgen
import yaml
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_iter, tree_map

from mrcnn_lite.cli.options import MPS_SINCE

# What Apple's GPUs do not compute with, and how PyTorch says so.
NOT_ON_MPS = (torch.float64, torch.complex128)
REFUSAL = (
    "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. "
    "Please use float32 instead."
)


class FakeDeviceTensor(Tensor):
    """Says that it is on a device; `value` is its content, on the CPU."""

    @staticmethod
    def __new__(cls, value: Tensor, kind: str):
        return Tensor._make_wrapper_subclass(
            cls,
            value.size(),
            strides=value.stride(),
            storage_offset=value.storage_offset(),
            dtype=value.dtype,
            device="meta",
        )

    def __init__(self, value: Tensor, kind: str):
        self.value = value
        self.kind = kind

    @property
    def device(self):
        return torch.device(self.kind, 0)

    @property
    def is_meta(self):
        return False

    def __repr__(self):
        return f"on fake {self.kind}: {self.value}"

    def tolist(self):
        return self.value.tolist()

    def new_tensor(self, data, dtype=None):
        return torch.tensor(data, dtype=dtype or self.dtype, device=self.device)

    def __reduce_ex__(self, protocol):
        # A checkpoint that is read on a machine without the device has CPU tensors.
        return self.value.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        # Outside of the mode too: a fake tensor stays on its device.
        kinds = [leaf.kind for leaf in tree_iter((args, kwargs)) if isinstance(leaf, cls)]
        with FakeDevice(kinds[0]):
            return function(*args, **(kwargs or {}))


class FakeDevice(TorchDispatchMode):
    """Within it, what is made on the device is a `FakeDeviceTensor`.

    An operation on tensors from both devices raises a RuntimeError, as on a real one: all but a
    copy, and but a CPU tensor without dimensions, which counts as a number.

    On "mps" a tensor of float64 raises a TypeError, and an operation without a kernel for MPS a
    NotImplementedError. So does a copy that nobody waits for: a real device would go on reading
    memory that is let go of.

    Args:
        kind: "cuda" or "mps".
    """

    # As FakeTensorMode has it: PyTorch looks for no driver, and data is first put on the CPU.
    _mode_key = torch._C._TorchDispatchModeKey.FAKE

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind

    def __enter__(self):
        self.lifted_before = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        torch._C._set_only_lift_cpu_tensors(self.lifted_before)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if torch.is_inference_mode_enabled():
            # Without autograd, operations made of others come here whole.
            with self:
                result = function.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        name = function.overloadpacket.__name__
        tensors = [leaf for leaf in tree_iter((args, kwargs)) if isinstance(leaf, Tensor)]
        fake = [leaf for leaf in tensors if isinstance(leaf, FakeDeviceTensor)]
        on_cpu = [t for t in tensors if not isinstance(t, FakeDeviceTensor) and t.dim() > 0]
        if fake and on_cpu and name not in ("copy_", "_to_copy"):
            shapes = ", ".join(str(tuple(t.shape)) for t in on_cpu)
            raise RuntimeError(f"{name}: on the CPU, among {self.kind} tensors: shape {shapes}")
        result_is_fake = bool(fake)
        if name == "copy_":
            result_is_fake = isinstance(args[0], FakeDeviceTensor)
        elif kwargs.get("device") is not None:
            result_is_fake = torch.device(kwargs["device"]).type in (self.kind, "meta")
        if self.kind == "mps" and (fake or result_is_fake):
            if not has_mps_kernel(function):
                raise NotImplementedError(
                    f"The operator '{function}' is not currently implemented for the MPS device."
                )
            waits = not (kwargs.get("non_blocking") or (name == "copy_" and True in args[2:]))
            if not waits and (len(fake) < len(tensors) or not result_is_fake):
                raise NotImplementedError("a copy to or from MPS that nobody waits for")

        def inside(leaf):
            if isinstance(leaf, torch.device):
                return torch.device("cpu")
            return leaf.value if isinstance(leaf, FakeDeviceTensor) else leaf

        result = function(*tree_map(inside, args), **tree_map(inside, kwargs))
        if not result_is_fake:
            return result
        result = tree_map(self._put, result)
        return return_and_correct_aliasing(function, args, kwargs, result)

    def _put(self, value):
        if not isinstance(value, Tensor):
            return value
        if self.kind == "mps" and value.dtype in NOT_ON_MPS:
            raise TypeError(REFUSAL)
        # An ordinary tensor in any case: in inference mode too, views of such are ordinary ones.
        with torch.inference_mode(False):
            return FakeDeviceTensor(value, self.kind)


@functools.cache
def has_mps_kernel(function: torch._ops.OpOverload) -> bool:
    """Whether PyTorch's own list of kernels has one of this operation for MPS, or for any device.

    Torchvision has all its operations there. Versions of PyTorch that `find_device` refuses on MPS
    are not asked: they lack some that a model needs.
    """
    if torch.__version__ < MPS_SINCE or function.namespace == "torchvision":
        return True
    schema = function._schema
    entry = _native_functions()[schema.name.removeprefix("aten::"), schema.overload_name]
    if delegate := entry.get("structured_delegate"):
        name, _, overload = delegate.partition(".")
        entry = _native_functions()[name, overload]
    # Without a table an operation is made of others on every device.
    devices = ", ".join(entry.get("dispatch", {"Composite": ""})).split(", ")
    return any(device == "MPS" or device.startswith("Composite") for device in devices)


@functools.cache
def _native_functions() -> dict[tuple[str, str], dict]:
    path = Path(torchgen.__path__[0]) / "packaged/ATen/native/native_functions.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries = {}
    for entry in yaml.load(path.read_text("utf-8"), Loader=loader):
        name, _, overload = entry["func"].partition("(")[0].partition(".")
        entries[name, overload] = entry
    return entries
