"""From knobs and a model to an engine that runs, built or found on disk; and what it did while steps were counted."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from workbench.errors import BadInput, Problem
from workbench.knobs.inference import EXPORTING, InferenceKnobs
from workbench.measure.inference.compiled import Compiled, Eager
from workbench.measure.inference.engine import Built, Engine, Loaded, Order, refusal
from workbench.measure.inference.exported import AotInductor, Exported, TorchScript
from workbench.measure.inference.kept import KeptEngine
from workbench.measure.inference.onnx_runtime import OnnxRuntime
from workbench.measure.inference.precision import at_precision, forbid_tf32, precision_in_words
from workbench.measure.inference.tensorrt import TensorRt
from workbench.measure.timing.spans import Clock
from workbench.records import EngineFacts
from workbench.units import NS_PER_S, counted
from workbench.workload import InferenceModel

#: TorchScript makes its graph anew in the first two runs, and others take memory in theirs.
_WARM_RUNS = 3

#: By value of the knob `engine`.
ENGINES: Mapping[str, Engine] = {
    "eager": Eager(),
    "compiled": Compiled(),
    "exported": Exported(),
    "aoti": AotInductor(),
    "torchscript": TorchScript(),
    "onnx": OnnxRuntime(),
    "tensorrt": TensorRt(),
}


def check_engine(knobs: InferenceKnobs, *, has_model: bool, on_gpu: bool) -> None:
    """See whether an engine can be had on this machine, before any trial.

    Args:
        knobs: Which one.
        has_model: Whether the workload hands over its model (`workload.RunsEngines`).
        on_gpu: Whether it is on a CUDA device.

    Raises:
        BadInput: With everything that is missing.
    """
    problems = ENGINES[knobs.engine].problems(knobs, on_gpu=on_gpu)
    asked = {"engine": knobs.engine, "precision": knobs.precision}
    if not has_model and asked != {"engine": "eager", "precision": "fp32"}:
        where = ", ".join(f"{name}={value}" for name, value in asked.items())
        remedy = (
            "Take engine=eager and precision=fp32, or give it inference_model and use_engine (docs/own_workload.md)"
        )
        problems = [Problem("the workload does not hand over its model", where, remedy), *problems]
    if problems:
        raise BadInput("the engine", problems)


def set_threads(knobs: InferenceKnobs, device: str) -> None:
    """Let torch have the threads, and the arithmetic on CUDA, that the knobs ask for; for the whole process."""
    if knobs.model_threads is not None and device == "cpu":
        torch.set_num_threads(knobs.model_threads)
    if knobs.precision == "ieee" and device == "cuda":
        forbid_tf32()


def open_engine(
    knobs: InferenceKnobs, model: InferenceModel, batch_sizes: Sequence[int], clock: Clock, root: Path | None = None
) -> RunningEngine:
    """An engine that has run each size of batch once.

    Args:
        knobs: Which one, in which precision.
        model: The workload's.
        batch_sizes: Samples of the batches that will come, the usual size first.
        clock: Reads the time.
        root: Where engines are kept; None: in the user's cache folder.

    Raises:
        BadInput: Where it cannot be built of this model, or would not run as it was asked to.
    """
    begin = clock()
    model.module.eval().requires_grad_(False)
    module = at_precision(model.module, knobs.precision, model.example.device).eval()
    order = Order(model, module, knobs, tuple(batch_sizes))
    engine = ENGINES[knobs.engine]
    if not engine.keeps:
        running = _warmed(order, engine.load(order, Path(), Built()))
        running.load_s = running.build_s = (clock() - begin) / NS_PER_S
        return running
    kept = KeptEngine(order, engine, root)
    label, why = kept.read()
    try:
        built = Built(label.notes, label.facts) if label else engine.build(order, kept.clear())
        running = _warmed(order, engine.load(order, kept.folder, built))
    except BaseException:
        if label is None:
            kept.remove()
        raise
    running.was_kept = label is not None
    running.notes += built.notes
    if why:
        running.notes.append(f"the engine that was kept in {kept.folder} {why}: it was built anew")
    running.load_s = (clock() - begin) / NS_PER_S
    running.build_s = (label or kept.finish(running.load_s, built)).build_s
    running.num_bytes = kept.num_bytes()
    return running


def _warmed(order: Order, loaded: Loaded) -> RunningEngine:
    """An engine that has run each size of batch."""
    running = RunningEngine(order.knobs, order, loaded)
    for size in order.batch_sizes:
        for _ in range(_WARM_RUNS):
            running(order.input(size))
    return running


class RunningEngine:
    """An engine at work.

    Args:
        knobs: What was asked for.
        order: What was built; None in training, where the workload runs its own module.
        loaded: The engine; None likewise.

    Attributes:
        notes: What a reader of the figures should know; more come while it runs.
        load_s: Seconds until it was ready.
        build_s: Seconds that building it took.
        was_kept: Whether it was found on disk.
        num_bytes: Of its files; None: it keeps none.
    """

    def __init__(self, knobs: InferenceKnobs, order: Order | None, loaded: Loaded | None) -> None:
        self.notes: list[str] = []
        self.load_s = self.build_s = 0.0
        self.was_kept = False
        self.num_bytes: int | None = None
        self._knobs, self._order, self._loaded = knobs, order, loaded
        self._calls = self._counted_calls = self._module_calls = 0
        self._compiled_before = self._compiled_late = 0
        self._shape: torch.Size | None = None
        if order is not None and knobs.engine in EXPORTING:
            order.model.module.register_forward_pre_hook(self._count_module)
            self._shape = order.model.example.shape[1:]

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Run it.

        Raises:
            BadInput: For a shape that the engine was not built for.
        """
        assert self._loaded is not None
        if self._shape is not None and images.shape[1:] != self._shape:
            built, got = list(self._shape), list(images.shape[1:])
            remedy = "Take engine=eager or compiled, or give all images one size"
            raise refusal(self._knobs.engine, f"it was built for images of {built}, and got {got}", remedy)
        self._calls += 1
        with torch.inference_mode():
            return self._loaded.run(images)

    def begin(self) -> None:
        """Steps count from here on."""
        self._compiled_before = _compilations()
        self._calls = self._module_calls = 0

    def end(self) -> None:
        """They count no more."""
        self._compiled_late = _compilations() - self._compiled_before
        self._counted_calls = self._calls
        if self._compiled_late:
            graphs = counted(self._compiled_late, "graph")
            self.notes.insert(
                0, f"torch.compile was at work while steps were counted: {graphs}, of batches of a new shape"
            )
        if breaks := _graph_breaks():
            self.notes.append(
                f"torch.compile left the graph at {counted(breaks, 'place')}, and ran what is there as it is"
            )

    def facts(self, device: torch.device) -> EngineFacts:
        """What ran, for the record.

        Args:
            device: Where the model is.

        Raises:
            BadInput: Where that was not what was asked for.
        """
        knobs, loaded, order = self._knobs, self._loaded, self._order
        if knobs.engine == "compiled" and not self._compiled_before + self._compiled_late:
            remedy = "Take engine=eager; torch says why with TORCH_LOGS=graph_breaks"
            raise refusal("compiled", "torch.compile compiled nothing of this model", remedy)
        if order is not None and knobs.engine != "eager" and not self._counted_calls:
            what = "no counted step ran the engine that was asked for"
            if self._module_calls:
                what += f": the model itself was called {self._module_calls} times"
            raise refusal(knobs.engine, what, "Let the workload's step call what use_engine gave it")
        return EngineFacts(
            engine=knobs.engine,
            provider=loaded.provider if loaded else "torch" if knobs.engine == "eager" else "inductor",
            precision=precision_in_words(knobs.precision, device),
            build_s=self.build_s,
            load_s=self.load_s,
            was_kept=self.was_kept,
            artefact_bytes=self.num_bytes,
            num_nodes=loaded.num_nodes if loaded else None,
            int8_nodes=loaded.int8_nodes if loaded else None,
            batch_sizes=list(order.batch_sizes) if order else [],
            threads=None if device.type == "cuda" else knobs.model_threads or torch.get_num_threads(),
            spinning=knobs.spinning if knobs.engine == "onnx" else None,
            calls=self._counted_calls,
            compilations=self._compiled_before,
            late_compilations=self._compiled_late,
            graph_breaks=_graph_breaks(),
        )

    def _count_module(self, module: torch.nn.Module, inputs: object) -> None:
        self._module_calls += 1


def _counters() -> Mapping[str, Mapping[str, int]]:
    """What torch.compile counts; nothing where it was never used."""
    loaded = sys.modules.get("torch._dynamo.utils")
    return {} if loaded is None else loaded.counters


def _compilations() -> int:
    return int(_counters().get("stats", {}).get("unique_graphs", 0))


def _graph_breaks() -> int:
    return sum(_counters().get("graph_break", {}).values())
