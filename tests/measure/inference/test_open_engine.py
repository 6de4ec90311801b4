"""Every engine in every precision that it takes: it computes what the module does, and says what it did."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.measure.inference.conftest import images
from workbench.errors import BadInput
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference.compiler import missing_compiler, missing_headers
from workbench.measure.inference.open_engine import ENGINES, check_engine

CPU = torch.device("cpu")

needs_compiler = pytest.mark.skipif(
    bool(missing_compiler("compiled") or missing_headers("compiled")),
    reason="no compiler of C++, or no headers of Python, on this machine",
)

#: Engines that need no compiler run to be built, with what they take.
QUICK = [
    *((engine, precision) for engine in ("eager", "exported", "torchscript") for precision in
      ("fp32", "bf16", "fp16", "bf16_weights", "fp16_weights")),
    ("onnx", "fp32"), ("onnx", "int8"),
]  # fmt: skip

#: Those that compile for seconds.
COMPILING = [
    ("compiled", "fp32"),
    ("compiled", "int8"),
    ("aoti", "bf16_weights"),
]

#: The largest difference of a probability.
TOLERANCES = {"fp32": 1e-5, "bf16": 0.05, "fp16": 0.01, "bf16_weights": 0.05, "fp16_weights": 0.01, "int8": 0.1}


def agrees(opened, small, engine: str, precision: str) -> None:
    running = opened(small, engine=engine, precision=precision)
    running.begin()
    for count in (4, 2):
        with torch.inference_mode():
            expected = small(images(count, seed=9))
        result = running(images(count, seed=9))
        assert result.dtype == torch.float32 and result.shape == expected.shape
        assert (result - expected).abs().max() <= TOLERANCES[precision]
    running.end()
    facts = running.facts(CPU)
    assert facts.calls == 2 and facts.late_compilations == 0
    assert facts.was_kept is False
    again = opened(small, engine=engine, precision=precision)
    assert again.was_kept is ENGINES[engine].keeps
    if precision == "int8":
        assert facts.int8_nodes and facts.int8_nodes >= 2


@pytest.mark.parametrize(("engine", "precision"), QUICK)
def test_an_engine_computes_what_the_module_does(opened, small, engine, precision):
    agrees(opened, small, engine, precision)


@needs_compiler
@pytest.mark.real
@pytest.mark.parametrize(("engine", "precision"), COMPILING)
def test_an_engine_that_compiles_does_as_well(opened, small, engine, precision):
    agrees(opened, small, engine, precision)


def test_an_engine_that_no_step_has_run_is_an_error(opened, small):
    """Asked for onnx, ran eager."""
    running = opened(small, engine="onnx")
    running.begin()
    small(images(4))
    running.end()
    with pytest.raises(
        BadInput, match="no counted step ran the engine that was asked for: the model itself was called 1"
    ):
        running.facts(CPU)


def test_int8_without_a_node_in_8_bits_is_an_error(opened, small, monkeypatch):
    monkeypatch.setattr("workbench.measure.inference.onnx_int8.quantize", lambda order, path: None)
    with pytest.raises(BadInput, match="no node computes in 8-bit integers"):
        opened(small, engine="onnx", precision="int8")


def test_nothing_is_left_in_the_current_folder(opened, small, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    opened(small, engine="onnx", precision="int8")
    assert list((tmp_path / "here").iterdir()) == []


def test_a_provider_that_is_not_there_is_an_error(opened, small, monkeypatch):
    monkeypatch.setitem(
        __import__("workbench.measure.inference.onnx_runtime", fromlist=["x"])._PROVIDERS, "cpu", "Other"
    )
    with pytest.raises(BadInput, match="this onnxruntime has no Other: it would run on"):
        opened(small, engine="onnx")


def test_a_provider_that_falls_back_is_an_error(opened, small, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda session: ["FallbackProvider"])
    with pytest.raises(BadInput, match="runs it on FallbackProvider, and not on CPUExecutionProvider"):
        opened(small, engine="onnx")


def test_too_few_samples_to_calibrate_on_are_refused(opened, small):
    with pytest.raises(BadInput, match="3 samples to calibrate 8-bit integers on: too few"):
        opened(small, engine="onnx", precision="int8", calibration=lambda: [images(1)] * 3)


class Branches(nn.Module):
    """A path that depends on the values."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given.sum(dim=(1, 2, 3)) if given.sum() > 0 else given.mean(dim=(1, 2, 3))


class Unknown(nn.Module):
    """An operator that ONNX has not."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return torch.linalg.svdvals(given[:, 0])


@pytest.mark.parametrize("engine", ["exported", "onnx"])
def test_a_model_that_cannot_be_exported_is_refused_in_words(opened, engine):
    with pytest.raises(BadInput, match=rf"engine={engine}: the model cannot be exported.*Take engine=eager"):
        opened(Branches(), engine=engine)


def test_the_operator_that_cannot_be_exported_is_named(opened, tmp_path):
    with pytest.raises(BadInput, match=r"because of the operator .*svd"):
        opened(Unknown(), engine="onnx")
    assert not any((tmp_path / "engines").glob("onnx-*"))  # nothing half-built stays


def test_a_shape_that_the_graph_was_not_made_for_is_refused_in_words(opened, small):
    running = opened(small, engine="onnx")
    with pytest.raises(BadInput, match=r"was built for images of \[3, 16, 16\], and got \[3, 24, 24\]"):
        running(images(4, side=24))


@needs_compiler
@pytest.mark.real
def test_a_shape_that_compiles_late_leads_the_notes(opened, small):
    running = opened(small, engine="compiled")
    running.begin()
    running(images(3))
    running.end()
    assert running.notes[0] == (
        "torch.compile was at work while steps were counted: 1 graph, of batches of a new shape"
    )
    assert running.facts(CPU).late_compilations == 1


def test_compile_that_compiles_nothing_is_an_error(opened, small, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda module, **options: module)
    running = opened(small, engine="compiled")
    monkeypatch.setattr("workbench.measure.inference.open_engine._counters", dict)
    running.begin()
    running(images(4))
    running.end()
    with pytest.raises(BadInput, match="compiled nothing of this model"):
        running.facts(CPU)


@pytest.mark.parametrize(
    ("knobs", "missing", "said"),
    [
        ({"engine": "compiled"}, "g++", "there is no compiler of C"),
        ({"engine": "onnx"}, "onnxruntime", "onnxruntime and onnxscript cannot be imported"),
        ({"engine": "compiled", "precision": "int8"}, "torchao", "torchao cannot be imported"),
        ({"engine": "tensorrt"}, "tensorrt", "tensorrt is not installed"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["engine"],
)
def test_what_is_missing_is_said_before_any_trial(monkeypatch, knobs, missing, said):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=said):
        check_engine(InferenceKnobs(**knobs), has_model=True, on_gpu=False)


def test_python_without_its_headers_compiles_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(BadInput, match=r"Python\.h"):
        check_engine(InferenceKnobs(engine="compiled"), has_model=True, on_gpu=False)


def test_a_workload_that_keeps_its_model_takes_no_engine():
    check_engine(InferenceKnobs(), has_model=False, on_gpu=False)
    with pytest.raises(BadInput, match="the workload does not hand over its model"):
        check_engine(InferenceKnobs(precision="bf16"), has_model=False, on_gpu=False)


def test_8_bit_integers_of_torch_are_for_processors_of_one_kind():
    with pytest.raises(BadInput, match="x86_64 only"):
        check_engine(InferenceKnobs(engine="compiled", precision="int8"), has_model=True, on_gpu=True)
