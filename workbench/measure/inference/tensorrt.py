"""TensorRT: an adapter that has been run against a fake only, never on a GPU (`workbench doctor` says so)."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from workbench.errors import Problem
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference import onnx_runtime
from workbench.measure.inference.engine import Built, Loaded, Order, refusal

_ONNX, _PLAN = "model.onnx", "model.plan"

NEVER_RUN = "engine=tensorrt has never been run on a GPU by this project: it is tested against a stand-in"


class TensorRt:
    """TensorRT: the model as ONNX, built into a plan for one GPU, driver and version."""

    keeps = True
    packages: Sequence[str] = ("torch", "tensorrt", "onnxscript")

    def problems(self, knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
        """TensorRT that is missing, and a precision that it does not take here."""
        found = []
        if not importlib.util.find_spec("tensorrt"):
            remedy = "pip install tensorrt (it fetches libraries from NVIDIA), or take engine=compiled"
            found.append(Problem("tensorrt is not installed", "engine=tensorrt", remedy))
        if knobs.precision == "int8":
            remedy = "Take precision=fp16_weights, or engine=onnx on the CPU"
            found.append(Problem("int8 is not built for TensorRT here", "engine=tensorrt", remedy))
        return found

    def build(self, order: Order, folder: Path) -> Built:
        """Export the model, and let TensorRT build a plan: minutes."""
        import tensorrt

        onnx_runtime.export(order, folder / _ONNX)
        logger = tensorrt.Logger(tensorrt.Logger.ERROR)
        builder = tensorrt.Builder(logger)
        network = builder.create_network(0)
        parser = tensorrt.OnnxParser(network, logger)
        if not parser.parse((folder / _ONNX).read_bytes()):
            said = "; ".join(str(parser.get_error(number)) for number in range(parser.num_errors))
            raise refusal("tensorrt", f"TensorRT does not take the model ({said})", "Take engine=compiled")
        config = builder.create_builder_config()
        profile = builder.create_optimization_profile()
        one = tuple(order.model.example.shape[1:])
        usual, most = order.batch_sizes[0], max(order.batch_sizes)
        profile.set_shape(onnx_runtime.INPUT, (1, *one), (usual, *one), (most, *one))
        config.add_optimization_profile(profile)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise refusal("tensorrt", "TensorRT has built no plan", "Look into stderr.txt of the run for its reason")
        (folder / _PLAN).write_bytes(bytes(plan))
        return Built(notes=[NEVER_RUN])

    def load(self, order: Order, folder: Path, built: Built) -> Loaded:
        """Open the plan; it runs on the stream that is current."""
        import tensorrt

        runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR))
        engine = runtime.deserialize_cuda_engine((folder / _PLAN).read_bytes())
        if engine is None:
            what = "the plan is of another GPU, driver or TensorRT"
            raise refusal("tensorrt", what, f"Delete {folder}, and it is built anew")
        with torch.inference_mode():
            shape = order.module(order.input(1)).shape[1:]
        return Loaded(_Plan(engine, tuple(shape)), "TensorRT")


class _Plan:
    """Runs a plan."""

    def __init__(self, engine: Any, shape: tuple[int, ...]) -> None:
        self._context = engine.create_execution_context()
        self._engine = engine  # kept: the context does not
        self._shape = shape

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        images = images.contiguous()
        result = torch.empty((len(images), *self._shape), dtype=torch.float32, device=images.device)
        if not self._context.set_input_shape(onnx_runtime.INPUT, tuple(images.shape)):
            raise refusal("tensorrt", f"the plan was not built for an input of {tuple(images.shape)}")
        self._context.set_tensor_address(onnx_runtime.INPUT, images.data_ptr())
        self._context.set_tensor_address(onnx_runtime.OUTPUT, result.data_ptr())
        stream = torch.cuda.current_stream(images.device)
        if not self._context.execute_async_v3(stream.cuda_stream):
            raise refusal("tensorrt", "TensorRT did not run the plan", "Look into stderr.txt of the run for its reason")
        return result
