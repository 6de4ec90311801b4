"""ONNX Runtime: the model as ONNX, on the CPU or on CUDA, as fp32, fp16 or 8-bit integers."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from workbench.errors import Problem
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference import onnx_int8
from workbench.measure.inference.engine import Built, Loaded, Order, Run, refusal
from workbench.measure.inference.exported import any_number, not_exportable

_MODEL, _OPTIMIZED = "model.onnx", "optimized.onnx"
INPUT, OUTPUT = "images", "result"

#: What onnxruntime calls the place where a model runs.
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

#: Errors only: of a model that is stored optimized it warns that it fits one processor, which is what it is stored for.
_ERRORS_ONLY = 3


class OnnxRuntime:
    """ONNX Runtime."""

    keeps = True
    packages: Sequence[str] = ("torch", "onnxruntime", "onnxscript", "onnx")

    def problems(self, knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
        """The packages that are missing."""
        missing = [name for name in ("onnxruntime", "onnxscript") if not importlib.util.find_spec(name)]
        if not missing:
            return []
        remedy = "pip install 'workbench[engines]', or take engine=compiled"
        return [Problem(f"{' and '.join(missing)} cannot be imported", "engine=onnx", remedy)]

    def build(self, order: Order, folder: Path) -> Built:
        """Export the model, quantize it where that is asked for, and optimize it for this machine."""
        export(order, folder / _MODEL)
        if order.knobs.precision == "int8":
            onnx_int8.quantize(order, folder / _MODEL)
        _session(order, folder / _MODEL, store=folder / _OPTIMIZED)
        num_nodes, int8_nodes = onnx_int8.count_nodes(folder / _OPTIMIZED)
        return Built(facts={"nodes": num_nodes, "int8_nodes": int8_nodes})

    def load(self, order: Order, folder: Path, built: Built) -> Loaded:
        """Open the optimized model."""
        session = _session(order, folder / _OPTIMIZED)
        int8_nodes = built.facts["int8_nodes"]
        if order.knobs.precision == "int8" and not int8_nodes:
            what = "no node computes in 8-bit integers, although precision=int8 was asked for"
            raise refusal("onnx", what, "Take precision=fp32: this onnxruntime has quantized nothing of this model")
        run = _bound(session, order) if order.device.type == "cuda" else _on_cpu(session)
        return Loaded(run, session.get_providers()[0], num_nodes=built.facts["nodes"], int8_nodes=int8_nodes)


def export(order: Order, path: Path) -> None:
    """Write the model as ONNX, for any number of samples."""
    example, dynamic_shapes = any_number(order)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of the exporter about its own future
            torch.onnx.export(
                order.module,
                (example,),
                str(path),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=dynamic_shapes,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # whatever torch raises of a foreign model
        raise not_exportable("onnx", error) from error


def _session(order: Order, path: Path, store: Path | None = None) -> Any:
    """A session on the device of the order.

    Raises:
        BadInput: Where it would run on something else.
    """
    import onnxruntime

    wanted = _PROVIDERS[order.device.type]
    available = onnxruntime.get_available_providers()
    if wanted not in available:
        remedy = "pip install onnxruntime-gpu in place of onnxruntime, or take device=cpu"
        raise refusal("onnx", f"this onnxruntime has no {wanted}: it would run on {available[0]}", remedy)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = order.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(order.knobs.spinning)))
    if store is not None:
        options.optimized_model_filepath = str(store)
    providers: list[Any] = [wanted]
    if wanted != _PROVIDERS["cpu"]:
        # Without an error it would run on the CPU what it cannot run there (microsoft/onnxruntime#23372).
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        stream = torch.cuda.current_stream(order.device).cuda_stream
        providers = [(wanted, {"device_id": order.device.index or 0, "user_compute_stream": str(stream)})]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        remedy = "Take device=cpu, or engine=compiled"
        raise refusal("onnx", f"onnxruntime does not take the model ({str(error).splitlines()[0]})", remedy) from error
    if session.get_providers()[0] != wanted:
        what = f"onnxruntime runs it on {session.get_providers()[0]}, and not on {wanted}"
        raise refusal("onnx", what, "Look into stderr.txt of the run for its reason, or take device=cpu")
    return session


def _on_cpu(session: Any) -> Run:
    def run(images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    return run


def _bound(session: Any, order: Order) -> Run:
    """On CUDA: tensors stay where they are, and the work is on the stream that was current when it was built."""
    import numpy as np

    binding = session.io_binding()
    with torch.inference_mode():
        shape = order.module(order.input(1)).shape[1:]

    def run(images: torch.Tensor) -> torch.Tensor:
        images = images.contiguous()
        result = torch.empty((len(images), *shape), dtype=torch.float32, device=images.device)
        kind, index = images.device.type, images.device.index or 0
        dtype = np.uint8 if images.dtype == torch.uint8 else np.float32
        binding.bind_input(INPUT, kind, index, dtype, tuple(images.shape), images.data_ptr())
        binding.bind_output(OUTPUT, kind, index, np.float32, tuple(result.shape), result.data_ptr())
        session.run_with_iobinding(binding)
        return result

    return run
