"""Engines that run a graph of torch's own, made once: torch.export, AOTInductor and TorchScript."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from workbench.errors import BadInput, Problem
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference.compiler import missing_compiler, use_cache
from workbench.measure.inference.engine import Built, Loaded, Order, refusal

#: An operator as torch's messages name it.
_OPERATOR = re.compile(r"\b(?:aten|torchvision|prims)(?:\.|::)\w+")

#: A graph is made for batches of up to this size, or of the largest that will come.
_MOST_SAMPLES = 64

#: The longest message of torch's that is passed on.
_MOST_LETTERS = 300


def export(order: Order, module: torch.nn.Module, engine: str) -> torch.export.ExportedProgram:
    """The model as a graph, for any number of samples.

    Args:
        order: Its input, and the sizes of the batches.
        module: The model.
        engine: For whom, by its name.

    Raises:
        BadInput: Where the model has what no graph can hold.
    """
    example, dynamic_shapes = any_number(order)
    try:
        with torch.no_grad():
            return torch.export.export(module, (example,), dynamic_shapes=dynamic_shapes)
    except Exception as error:  # whatever torch raises of a foreign model
        raise not_exportable(engine, error) from error


def any_number(order: Order) -> tuple[torch.Tensor, tuple[dict[int, Any]]]:
    """An example for an export, and the shapes that say that its number of samples may be another one."""
    samples = torch.export.Dim("samples", min=1, max=max(_MOST_SAMPLES, *order.batch_sizes))
    return order.input(max(2, order.batch_sizes[0])), ({0: samples},)  # of one sample a graph is made for one


def not_exportable(engine: str, error: BaseException) -> BadInput:
    """An error that names the operator which cannot be exported, as far as torch names it."""
    said = " ".join(str(part) for part in _chain(error))
    operators = ", ".join(dict.fromkeys(_OPERATOR.findall(said)))
    reason = str(error).strip().split("\n")[0][:_MOST_LETTERS] or type(error).__name__
    named = f" because of the operator {operators}" if operators else ""
    remedy = "Take engine=eager or compiled, or write that part of the model otherwise"
    return refusal(engine, f"the model cannot be exported{named} ({reason})", remedy)


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


class Exported:
    """torch.export: the graph, run operation by operation."""

    keeps = True
    packages: Sequence[str] = ("torch",)
    _file = "model.pt2"

    def problems(self, knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
        """None: torch is there."""
        return []

    def build(self, order: Order, folder: Path) -> Built:
        """Export the model, and save it."""
        torch.export.save(export(order, order.module, "exported"), folder / self._file)
        return Built()

    def load(self, order: Order, folder: Path, built: Built) -> Loaded:
        """Load the graph."""
        program = torch.export.load(folder / self._file)
        module = program.module()
        graphs = [part.graph for part in module.modules() if isinstance(part, torch.fx.GraphModule)]
        nodes = sum(node.op == "call_function" for graph in graphs for node in graph.nodes)
        return Loaded(module, "torch.export", num_nodes=nodes)


class AotInductor:
    """AOTInductor: the graph, compiled into a library once; no compiler is needed to run it."""

    keeps = True
    packages: Sequence[str] = ("torch", "triton")
    _file = "model.pt2"

    def problems(self, knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
        """A compiler of C++."""
        return missing_compiler("aoti")

    def build(self, order: Order, folder: Path) -> Built:
        """Export and compile the model into a package."""
        use_cache(folder)
        program = export(order, order.module, "aoti")
        try:
            with torch.no_grad():
                torch._inductor.aoti_compile_and_package(program, package_path=str(folder / self._file))
        except Exception as error:
            raise not_exportable("aoti", error) from error
        return Built()

    def load(self, order: Order, folder: Path, built: Built) -> Loaded:
        """Load the package."""
        compiled = torch._inductor.aoti_load_package(str(folder / self._file))
        return Loaded(compiled, "AOTInductor")


class TorchScript:
    """TorchScript: the operations of one call, traced and frozen. Legacy: torch itself warns of it."""

    keeps = True
    packages: Sequence[str] = ("torch",)
    _file = "model.pt"

    def problems(self, knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
        """None: torch is there."""
        return []

    def build(self, order: Order, folder: Path) -> Built:
        """Trace the model, freeze it, and save it."""
        with _quiet(), torch.no_grad():
            try:
                traced = torch.jit.freeze(torch.jit.trace(order.module, order.input(order.batch_sizes[0])))  # type: ignore[no-untyped-call]
            except Exception as error:
                raise not_exportable("torchscript", error) from error
            torch.jit.save(traced, str(folder / self._file))
        return Built(notes=["engine=torchscript is legacy: torch no longer supports it"])

    def load(self, order: Order, folder: Path, built: Built) -> Loaded:
        """Load what was traced."""
        with _quiet():
            module = torch.jit.load(str(folder / self._file), map_location=order.device)  # type: ignore[no-untyped-call]
        return Loaded(module, "TorchScript")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warnings that TorchScript is legacy: the record says so."""
    with warnings.catch_warnings():
        for kind in (FutureWarning, DeprecationWarning):
            warnings.filterwarnings("ignore", message=r".*torch\.jit.*", category=kind)
        yield
