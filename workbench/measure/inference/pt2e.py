"""8-bit integers in torch: the exported model, quantized by torchao for x86, and compiled afterwards."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

import torch

from workbench.errors import Problem
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference.calibration import calibrated
from workbench.measure.inference.engine import Order, refusal
from workbench.measure.inference.exported import export

#: What inductor counts where it takes a convolution in 8-bit integers.
_TAKEN = "qconv_weight_prepack_matcher_count"


def problems(knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
    """What 8-bit integers lack here, where they are asked for: torchao, or a processor for which it quantizes."""
    if knobs.precision != "int8":
        return []
    found = []
    if not importlib.util.find_spec("torchao"):
        remedy = "pip install 'workbench[engines]', or take engine=onnx"
        found.append(Problem("torchao cannot be imported", "engine=compiled with precision=int8", remedy))
    if on_gpu or platform.machine() != "x86_64":
        what = "torch computes in 8-bit integers on processors of the kind x86_64 only"
        remedy = "Take device=cpu there, or precision=bf16"
        found.append(Problem(what, "engine=compiled with precision=int8", remedy))
    return found


def quantize(order: Order, path: Path) -> None:
    """Write the model with its convolutions in 8-bit integers, as a graph that is compiled when it is loaded.

    Raises:
        BadInput: For a model that cannot be exported, and too few samples to calibrate on.
    """
    # Importing the quantizer changes a setting of inductor for the whole process, which is a trial's own.
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    inputs = calibrated(order)
    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    prepared = prepare_pt2e(export(order, order.module, "compiled").module(), quantizer)
    with torch.no_grad():
        for images in inputs:
            prepared(images)
    torch.export.save(export(order, convert_pt2e(prepared), "compiled"), path)


def load(path: Path) -> torch.nn.Module:
    """The graph, to be compiled; from here on inductor keeps weights in 8-bit integers."""
    import torchao.quantization.pt2e.quantizer.x86_inductor_quantizer  # noqa: F401  (its operators are in the graph)

    torch._inductor.config.freezing = True  # else weights are cast in every step, and nothing is taken
    return torch.export.load(path).module()


def int8_nodes() -> int:
    """Convolutions that were compiled in 8-bit integers.

    Raises:
        BadInput: Where there is none.
    """
    taken = int(torch._dynamo.utils.counters["inductor"][_TAKEN])
    if not taken:
        remedy = "Take engine=onnx: this torch has no kernels in 8-bit integers for this processor or this model"
        raise refusal(
            "compiled", "nothing was compiled in 8-bit integers, although precision=int8 was asked for", remedy
        )
    return taken
