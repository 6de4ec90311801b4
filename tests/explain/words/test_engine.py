"""Sentences about the engine of a run."""

from __future__ import annotations

import pytest
from record_factory import make_record

from workbench.explain.words.engine import building_notes, engine_warning, engine_words
from workbench.explain.words.headline import run_headline
from workbench.records import EngineFacts
from workbench.units import format_epochs

EAGER = EngineFacts(
    engine="eager", provider="torch", precision="fp32", build_s=0.1, load_s=0.1, was_kept=False, threads=2
)
ONNX = EngineFacts(
    engine="onnx", provider="CPUExecutionProvider", precision="int8", build_s=8.34, load_s=0.48, was_kept=True,
    artefact_bytes=3_200_000, num_nodes=199, int8_nodes=73, threads=2, spinning=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (EAGER, "eager (torch), fp32, 2 threads"),
        (
            ONNX,
            "onnx (CPUExecutionProvider), int8, 73 of 199 nodes in 8-bit integers, 2 threads, which do not spin; built "
            "in 8.34 s by an earlier run, loaded here in 480 ms (3.20 MB on disk)",
        ),
    ],
)
def test_an_engine_in_a_line(facts, text):
    assert engine_words(facts) == text


def test_an_engine_that_was_built_while_steps_counted_leads():
    record = make_record(50.0).model_copy(update={"engine": EAGER.model_copy(update={"late_compilations": 2})})
    assert run_headline(record).startswith("torch.compile was at work while steps were counted (2 graphs)")
    assert engine_warning(make_record(50.0)) == ""


def test_what_building_costs_is_said_with_the_epochs_that_it_takes():
    def of(rate: float, facts: EngineFacts):
        return [make_record(rate).model_copy(update={"engine": facts})]

    slow, fast = of(50.0, EAGER), of(100.0, ONNX)
    samples = slow[0].description.num_samples
    (note,) = building_notes({"baseline": slow, "onnx": fast}, "baseline")
    epochs = 8.34 / (samples / 50.0 - samples / 100.0)
    assert note.startswith(
        "The engine of 'onnx' was built in 8.34 s and is kept; a trial that finds it starts 7.86 s sooner"
    )
    assert note.endswith(f"Building it has paid after {format_epochs(epochs)}.")
    (slower,) = building_notes({"baseline": fast, "onnx": [slow[0].model_copy(update={"engine": ONNX})]}, "baseline")
    assert "paid" not in slower
