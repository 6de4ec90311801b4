"""Engines on disk: what is built of the same is found again, and what is damaged or of something else is not used."""

from __future__ import annotations

import json

import pytest
import torch

from tests.measure.inference.conftest import Small, images
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference.engine import Built, Order
from workbench.measure.inference.kept import KeptEngine
from workbench.measure.inference.open_engine import ENGINES
from workbench.workload import InferenceModel


def folder_of(tmp_path):
    (folder,) = (tmp_path / "engines").iterdir()
    return folder


def test_the_second_trial_finds_what_the_first_has_built(opened, small, tmp_path):
    first, second = opened(small, engine="onnx"), opened(small, engine="onnx")
    assert (first.was_kept, second.was_kept) == (False, True)
    assert second.build_s == first.load_s and second.num_bytes == first.num_bytes > 0
    assert torch.equal(first(images(4)), second(images(4)))


CHANGES = {
    "other weights": lambda small: small.last.bias.data.add_(1.0),
    "a buffer": lambda small: small.norm.running_var.mul_(2.0),
    "another layer": lambda small: setattr(small, "norm", torch.nn.BatchNorm2d(16, eps=1e-3).eval()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_model_is_another_engine(opened, small, change, tmp_path):
    opened(small, engine="onnx")
    change(small)
    again = opened(small, engine="onnx")
    assert not again.was_kept
    with torch.inference_mode():
        assert torch.allclose(again(images(4)), small(images(4)), atol=1e-5)


@pytest.mark.parametrize("settings", [{"precision": "int8"}, {"batch_sizes": (8,)}, {"example": images(4, side=32)}])
def test_another_order_is_another_engine(opened, small, settings):
    opened(small, engine="onnx")
    assert not opened(small, **{"engine": "onnx", **settings}).was_kept


def damage(folder):
    with (folder / "optimized.onnx").open("ab") as file:
        file.write(b"x")


def in_its_place(folder):
    folder.rename(folder.with_name("moved"))
    folder.write_text("")


def foreign(folder):
    label = json.loads((folder / "engine.json").read_text())
    label["order"]["processor"] = "another machine's"
    (folder / "engine.json").write_text(json.dumps(label))


FAULTS = {
    "damaged": (damage, "has changed since"),
    "of another machine": (foreign, "was built of something else"),
    "without a label": (lambda folder: (folder / "engine.json").unlink(), "was not finished"),
    "a damaged label": (lambda folder: (folder / "engine.json").write_text("{"), "has a damaged label"),
    "a label that is no text": (
        lambda folder: (folder / "engine.json").write_bytes(b"\xff"),
        "has a damaged label",
    ),
    "a file in its place": (in_its_place, "has a damaged label"),
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS)
def test_what_is_of_no_use_is_built_anew_and_that_is_said(opened, small, tmp_path, fault, said):
    opened(small, engine="onnx")
    fault(folder_of(tmp_path))
    again = opened(small, engine="onnx")
    assert not again.was_kept
    assert any(said in note and "built anew" in note for note in again.notes)
    assert opened(small, engine="onnx").was_kept


def test_what_a_compiler_keeps_in_folders_is_looked_at_as_well(small, tmp_path):
    order = Order(InferenceModel(small, images(4)), small, InferenceKnobs(engine="compiled"), (4,))
    kept = KeptEngine(order, ENGINES["compiled"], tmp_path)
    kernels = kept.clear() / "inductor" / "3e"
    kernels.mkdir(parents=True)
    for name in ("kernel.so", "kernel.lock"):
        (kernels / name).write_bytes(b"as it was made")
    kept.finish(1.0, Built())
    (kernels / "kernel.lock").write_bytes(b"")
    (kernels / "new.so").write_bytes(b"added later")
    assert kept.read()[0] is not None
    (kernels / "kernel.so").write_bytes(b"as it was mode")
    assert kept.read() == (None, "has changed since (inductor/3e/kernel.so)")


def test_weights_of_the_same_form_do_not_share_an_engine(opened, tmp_path):
    for seed in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            opened(Small().eval(), engine="exported")
    assert len(list((tmp_path / "engines").iterdir())) == 2
