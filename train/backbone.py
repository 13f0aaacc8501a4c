"""Turns the backbone's weights, a state dict in PyTorch's old format, into safetensors.

    python3 train/backbone.py IN.pth OUT.safetensors
Needs numpy and safetensors, not PyTorch: the file is a few pickles, then the raw storages. The
pickle may name tensors, storages and ordered dicts, nothing else.
"""

import collections
import pickle
import struct
import sys

import numpy
from safetensors.numpy import save_file

MAGIC = 0x1950A86A20F9469CFC6C
TYPES = {"FloatStorage": numpy.dtype("<f4"), "LongStorage": numpy.dtype("<i8")}


class Storage:
    def __init__(self, dtype):
        self.dtype = dtype
        self.values = None


class StateDict(pickle.Unpickler):
    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) in (("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor")):
            return lambda storage, offset, size, stride, *rest: (storage, offset, size, stride)
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a state dict")

    def persistent_load(self, saved):
        kind, dtype, key, *_ = saved
        if kind != "storage":
            raise pickle.UnpicklingError(f"unknown object {kind!r}")
        return self.storages.setdefault(key, Storage(dtype))


def read(path):
    with open(path, "rb") as file:
        if pickle.load(file) != MAGIC:
            sys.exit(f"{path} is not a state dict in the old format")
        pickle.load(file)  # protocol
        pickle.load(file)  # system
        unpickler = StateDict(file)
        tensors = unpickler.load()
        for key in pickle.load(file):
            storage = unpickler.storages[key]
            (count,) = struct.unpack("<q", file.read(8))
            storage.values = numpy.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
    out = {}
    for name, (storage, offset, size, stride) in tensors.items():
        if not size:
            continue  # counters of batches
        steps = [s * storage.dtype.itemsize for s in stride]
        view = numpy.lib.stride_tricks.as_strided(storage.values[offset:], size, steps)
        out[name] = numpy.ascontiguousarray(view)
    return out


if __name__ == "__main__":
    save_file(read(sys.argv[1]), sys.argv[2])
