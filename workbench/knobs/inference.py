"""The knobs of the model's side: what runs the model, in which arithmetic, on how many threads.

They are for every workload that hands over its model (`workload.RunsEngines`).
"""

from __future__ import annotations

from typing import Literal

from workbench.knobs.knob import Effect, Inactive, Maths, Refusal, Situation, Slice, knob

#: Engines that run a graph which was made once and is kept on disk.
EXPORTING = ("exported", "aoti", "torchscript", "onnx", "tensorrt")

#: Those that bring their own runtime, with its own memory layout and kernels.
RUNTIMES = ("onnx", "tensorrt")

#: Precisions that compute in half the bits, by how: autocast in every step, or weights that are cast once.
AUTOCAST, CAST_ONCE = ("fp16", "bf16"), ("fp16_weights", "bf16_weights")

#: Engines that have kernels for 8-bit integers here.
_INT8_ENGINES = ("compiled", "onnx", "tensorrt")


def _no_model(situation: Situation) -> bool:
    return situation.simulated or bool(situation.knobs.device == "none")


NO_MODEL = Inactive(_no_model, "no model is run: the device is replayed, or there is none")


class InferenceKnobs(Slice):
    """What runs the model."""

    engine: Literal["eager", "compiled", "exported", "aoti", "torchscript", "onnx", "tensorrt"] = knob(
        "eager",
        "model",
        "what runs the model: torch as it is, torch.compile, torch.export, AOTInductor, TorchScript (legacy), ONNX "
        "Runtime, TensorRT",
        refused=[
            Refusal(
                ("engine", "mode=train"),
                lambda k: k.engine in EXPORTING and k.mode == "train",
                "only a model that is not trained any more can be exported",
                "Take engine=eager or compiled, or mode=validate",
            ),
            Refusal(
                ("engine=tensorrt", "device=cpu/replay/none"),
                lambda k: k.engine == "tensorrt" and k.device in ("cpu", "replay", "none"),
                "TensorRT runs on NVIDIA GPUs only",
                "Take engine=onnx or compiled, or device=cuda",
            ),
        ],
        inactive=[NO_MODEL],
        effects={
            "compiled": Effect(eases=("forward",), against=("device-bound",)),
            "onnx": Effect(eases=("forward",), against=("device-bound",)),
        },
        maths=dict.fromkeys(("compiled", *EXPORTING), Maths.SAME),
        cost="it has to be built before the first step (once: it is kept), and may compute in another order",
    )
    precision: Literal["fp32", "ieee", "fp16", "bf16", "fp16_weights", "bf16_weights", "int8"] = knob(
        "fp32",
        "model",
        "arithmetic of the model: fp32 as torch has it (on CUDA convolutions take TF32), ieee without TF32, autocast "
        "to fp16 or bf16, weights cast once, 8-bit integers",
        refused=[
            Refusal(
                ("precision=int8", "engine"),
                lambda k: k.precision == "int8" and k.engine not in _INT8_ENGINES,
                "this engine has no kernels for 8-bit integers",
                "Take engine=onnx or compiled, or another precision",
            ),
            Refusal(
                ("precision", "mode=train"),
                lambda k: k.precision in ("int8", *CAST_ONCE) and k.mode == "train",
                "training needs weights in fp32, which small updates do not vanish from",
                "Take precision=bf16 or fp16, or mode=validate",
            ),
            Refusal(
                ("precision", "engine=onnx/tensorrt"),
                lambda k: k.precision in (*AUTOCAST, "bf16_weights") and k.engine in RUNTIMES,
                "a runtime of its own takes the weights as they are: autocast is torch's, and kernels for bf16 are few",
                "Take precision=fp32, fp16_weights (on CUDA) or int8, or engine=compiled",
            ),
            Refusal(
                ("precision=fp16_weights", "engine=onnx", "device=cpu/replay/none"),
                lambda k: k.precision == "fp16_weights" and k.engine == "onnx" and k.device != "cuda",
                "ONNX Runtime has no convolution in half precision for CPUs",
                "Take precision=fp32 or int8, or device=cuda",
            ),
        ],
        inactive=[
            NO_MODEL,
            Inactive(
                lambda s: bool(s.knobs.precision == "ieee" and s.knobs.device != "cuda"),
                "TF32 exists on CUDA only: here fp32 is IEEE's already",
            ),
        ],
        effects={
            "fp16": Effect(eases=("forward",), against=("device-bound",), on="cuda"),
            "bf16": Effect(eases=("forward",), suggested=False),
            "int8": Effect(eases=("forward",), suggested=False),
        },
        maths={
            "fp16": Maths.FP16,
            "fp16_weights": Maths.FP16,
            "bf16": Maths.BF16,
            "bf16_weights": Maths.BF16,
            "int8": Maths.INT8,
        },
        cost="results may differ; a comparison tells by how much",
    )
    model_threads: int | None = knob(
        None,
        "model",
        "threads that the model may use on the CPU; by default as many as torch takes",
        unit="threads",
        inactive=[
            NO_MODEL,
            Inactive(lambda s: bool(s.knobs.device == "cuda"), "the model runs on the GPU"),
        ],
        ge=1,
        le=256,
    )
    spinning: bool = knob(
        True,
        "model",
        "threads of ONNX Runtime wait for work by turning in a loop, which keeps their cores busy",
        inactive=[
            NO_MODEL,
            Inactive(lambda s: bool(s.knobs.engine != "onnx"), "only ONNX Runtime's threads spin"),
        ],
        cost="without it each piece of work begins a little later",
    )
