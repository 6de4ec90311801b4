"""The adapter for TensorRT, against a stand-in: it was never run on a GPU."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace

import pytest
import torch

from tests.measure.inference.conftest import images
from tests.measure.inference.fake_tensorrt import fake_tensorrt
from workbench.errors import BadInput
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference.open_engine import check_engine
from workbench.measure.inference.tensorrt import NEVER_RUN


@pytest.fixture
def log():
    return []


@pytest.fixture
def trt(monkeypatch, log):
    """Puts the stand-in where `tensorrt` would be, and a stream where CUDA's would be."""

    def put(**faults):
        monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt(log, **faults))
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: SimpleNamespace(cuda_stream=77))

    return put


def test_a_plan_is_built_for_all_sizes_kept_and_run_on_the_current_stream(opened, small, trt, log):
    trt()
    running = opened(small, engine="tensorrt")
    assert ("build", ((1, 3, 16, 16), (4, 3, 16, 16), (4, 3, 16, 16))) in log
    with torch.inference_mode():
        assert torch.allclose(running(images(2, seed=3)), small(images(2, seed=3)), atol=1e-5)
    assert log[-1] == ("execute", 77, (2, 3, 16, 16))
    assert NEVER_RUN in running.notes
    log.clear()
    again = opened(small, engine="tensorrt")
    assert again.was_kept and not [entry for entry in log if entry[0] == "build"]
    assert NEVER_RUN in again.notes


FAULTS = {
    "an operator": ({"parses": False}, "TensorRT does not take the model .unsupported operator Foo"),
    "no plan": ({"builds": False}, "TensorRT has built no plan"),
    "another GPU's plan": ({"opens": False}, "the plan is of another GPU, driver or TensorRT"),
}


@pytest.mark.parametrize(("faults", "said"), FAULTS.values(), ids=FAULTS)
def test_what_goes_wrong_is_said(opened, small, trt, faults, said):
    trt(**faults)
    with pytest.raises(BadInput, match=said):
        opened(small, engine="tensorrt")


def test_more_samples_than_the_plan_was_built_for_are_refused(opened, small, trt):
    trt()
    running = opened(small, engine="tensorrt")
    with pytest.raises(BadInput, match="not built for an input of"):
        running(images(5))


def test_8_bit_integers_are_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(BadInput, match="int8 is not built for TensorRT here"):
        check_engine(InferenceKnobs(engine="tensorrt", precision="int8"), has_model=True, on_gpu=True)
