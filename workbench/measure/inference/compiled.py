"""The module as torch runs it: operation by operation, or compiled where it is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from workbench.errors import Problem
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference import pt2e
from workbench.measure.inference.compiler import missing_compiler, missing_headers, use_cache
from workbench.measure.inference.engine import Built, Loaded, Order


class Eager:
    """The module as it is."""

    keeps = False
    packages: Sequence[str] = ("torch",)

    def problems(self, knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
        """None: torch is there."""
        return []

    def build(self, order: Order, folder: Path) -> Built:
        """Nothing."""
        return Built()

    def load(self, order: Order, folder: Path, built: Built) -> Loaded:
        """The module."""
        return Loaded(order.module, "torch")


class Compiled:
    """torch.compile: kernels made for each size of batch, in a cache of torch's own that lies in the folder."""

    keeps = True
    packages: Sequence[str] = ("torch", "triton", "torchao")
    _quantized = "int8.pt2"

    def problems(self, knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
        """A compiler of C++, Python's headers, and what 8-bit integers lack."""
        return [*missing_compiler("compiled"), *missing_headers("compiled"), *pt2e.problems(knobs, on_gpu=on_gpu)]

    def build(self, order: Order, folder: Path) -> Built:
        """Quantize, where that is asked for. The rest is compiled when the model is called first, into the folder."""
        if order.knobs.precision == "int8":
            pt2e.quantize(order, folder / self._quantized)
        return Built()

    def load(self, order: Order, folder: Path, built: Built) -> Loaded:
        """The compiled module: each size of batch is compiled when it comes first."""
        from torch._inductor.async_compile import shutdown_compile_workers

        use_cache(folder)
        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, len(order.batch_sizes) + 2)
        is_int8 = order.knobs.precision == "int8"
        module = pt2e.load(folder / self._quantized) if is_int8 else order.module
        compiled = torch.compile(module, dynamic=False)
        with torch.inference_mode():
            for size in order.batch_sizes:
                compiled(order.input(size))
        shutdown_compile_workers()  # they would count among the trial's processes
        return Loaded(compiled, "inductor", int8_nodes=pt2e.int8_nodes() if is_int8 else None)
