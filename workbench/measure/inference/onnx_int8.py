"""8-bit integers in ONNX Runtime: static quantization in the form QDQ, calibrated on samples that are not scored."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from workbench.measure.inference.calibration import calibrated
from workbench.measure.inference.engine import Order

#: Without kernels in 8-bit integers for CPUs, or where a rounding error is the result: a probability's last step.
_LEFT_OUT = ("ConvTranspose", "Sigmoid")

#: What an optimized model calls operations on 8-bit integers, by how the name begins.
_INT8 = ("QLinear", "QGemm", "QAttention", "ConvInteger", "MatMulInteger")

#: What says that a processor multiplies bytes without overflowing 16 bits on the way.
_VNNI = ("avx512_vnni", "avx_vnni", "asimddp", "i8mm")


def quantize(order: Order, path: Path) -> None:
    """Quantize a model where it lies.

    Weights are int8 and activations uint8, as onnxruntime advises for processors with VNNI; for others weights get 7
    bits, whose products do not overflow.

    Raises:
        BadInput: For too few samples.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    inputs = calibrated(order)
    logging.getLogger().setLevel(logging.ERROR)  # in a process of the trial's own
    quant_pre_process(str(path), str(path), skip_symbolic_shape=True)
    graph = onnx.load(path).graph

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(inputs)

        def get_next(self) -> dict[str, Any] | None:
            images = next(self._left, None)
            return None if images is None else {graph.input[0].name: images.cpu().numpy()}

    quantize_static(
        str(path),
        str(path),
        Reader(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        reduce_range=not _has_vnni(),
        nodes_to_exclude=[node.name for node in graph.node if node.op_type in _LEFT_OUT],
    )


def count_nodes(path: Path) -> tuple[int, int]:
    """The nodes of an optimized model, and those of them that compute in 8-bit integers."""
    import onnx

    nodes = onnx.load(path, load_external_data=False).graph.node
    return len(nodes), sum(node.op_type.startswith(_INT8) for node in nodes)


def _has_vnni() -> bool:
    if os.uname().machine == "aarch64":
        return True
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return any(name in flags for name in _VNNI)
