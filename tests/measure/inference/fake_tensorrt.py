"""A stand-in for `tensorrt` that keeps its rules: what must be called in which order, and where results go.

It computes with ONNX Runtime in host memory, where `data_ptr` points as well.
"""

from __future__ import annotations

import ctypes
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np


class _Context:
    def __init__(self, session, log):
        self._session, self._log = session, log
        self._shape, self._addresses = None, {}

    def set_input_shape(self, name, shape):
        low, high = self._session.profile[0], self._session.profile[2]
        if not all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)):
            return False
        self._shape = shape
        return True

    def set_tensor_address(self, name, address):
        self._addresses[name] = address

    def execute_async_v3(self, stream):
        self._log.append(("execute", stream, self._shape))
        count = int(np.prod(self._shape))
        given = np.ctypeslib.as_array((ctypes.c_float * count).from_address(self._addresses["images"]))
        result = self._session.run({"images": given.reshape(self._shape).copy()})
        ctypes.memmove(self._addresses["result"], result.ctypes.data, result.nbytes)
        return True


class _Session:
    def __init__(self, plan):
        import onnxruntime

        header, _, model = plan.partition(b"|")
        self.profile = eval(header)
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def run(self, feed):
        return np.ascontiguousarray(self._session.run(["result"], feed)[0])


def fake_tensorrt(log: list, *, parses: bool = True, builds: bool = True, opens: bool = True) -> ModuleType:
    """The module. Each flag off is a fault of the real one."""

    class Parser:
        num_errors = 1

        def __init__(self, network, logger):
            self._network = network

        def parse(self, data):
            self._network.data = data
            return parses

        def get_error(self, number):
            return "unsupported operator Foo"

    class Builder:
        def __init__(self, logger):
            self._profile = None

        def create_network(self, flags):
            return SimpleNamespace(data=b"")

        def create_builder_config(self):
            return SimpleNamespace(add_optimization_profile=lambda profile: setattr(self, "_profile", profile))

        def create_optimization_profile(self):
            profile = SimpleNamespace(shapes=None)
            profile.set_shape = lambda name, low, usual, high: setattr(profile, "shapes", (low, usual, high))
            return profile

        def build_serialized_network(self, network, config):
            log.append(("build", self._profile.shapes))
            return repr(self._profile.shapes).encode() + b"|" + network.data if builds else None

    class Runtime:
        def __init__(self, logger):
            pass

        def deserialize_cuda_engine(self, plan):
            session = _Session(plan) if opens else None
            return session and SimpleNamespace(create_execution_context=lambda: _Context(session, log))

    class Logger:
        ERROR = 1

        def __init__(self, level):
            pass

    module = ModuleType("tensorrt")
    module.__spec__ = ModuleSpec("tensorrt", None)
    module.__dict__.update(Logger=Logger, Builder=Builder, OnnxParser=Parser, Runtime=Runtime)
    return module
