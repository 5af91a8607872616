"""Tensors without values: a dry run of shapes, types and devices (PyTorch's `FakeTensorMode`).

Whoever looks at a value (is this box finite? how many cells do all bins read together?) asks first
whether there is one.
"""

from torch._subclasses.fake_tensor import FakeTensor as ValuelessTensor

__all__ = ["ValuelessTensor"]
