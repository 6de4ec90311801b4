"""A batch size is found by measuring: it ends where a larger one is no faster, and never tries what might not fit."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from record_factory import make_failed, make_record

from workbench.errors import BadInput
from workbench.records import Memory
from workbench.report.batch_size import SMALL_SIZES, find_batch_size
from workbench.workloads.ocr.knobs import OcrKnobs

MB = 10**6


class Machine:
    """Trials whose speed and memory follow the size of their batches.

    Args:
        knee: The size from which on a larger one is no faster.
        sample_bytes: What a sample of a batch takes.
        fixed_bytes: What is taken without any.
        spread: The standard deviation of its speed, as a share of it.

    Attributes:
        sizes: Those that were tried.
    """

    def __init__(
        self, knee: int, sample_bytes: int = MB, fixed_bytes: int = 100 * MB, *, spread: float = 0.003
    ) -> None:
        self._spread, self._knee, self._sample_bytes, self._fixed_bytes = spread, knee, sample_bytes, fixed_bytes
        self._noise = random.Random(1)
        self.sizes: list[int] = []

    def __call__(self, knobs: Any, runs: Path, **_: Any):
        size = knobs.batch_size
        self.sizes.append(size)
        rate = 10.0 * min(size, self._knee) * self._noise.gauss(1.0, self._spread)
        memory = Memory(peak_tree_bytes=self._fixed_bytes + size * self._sample_bytes)
        record = make_record(rate, name=f"run-{len(self.sizes)}", **knobs.differing(OcrKnobs()))
        (runs / record.run_id).mkdir(parents=True)
        return record.model_copy(update={"memory": memory})


def find(machine, tmp_path, free_bytes: int, **settings):
    lines: list[str] = []
    knobs = OcrKnobs(num_workers=1)
    how = {"samples": 4096, "blocks": 5, "num_samples": 10_000} | settings
    found = find_batch_size(
        knobs, tmp_path, **how, on_line=lines.append, free_bytes=lambda knobs: free_bytes, launch=machine
    )
    return found, lines


@pytest.mark.parametrize("knee", [2, 8, 32])
def test_it_ends_where_a_larger_batch_is_no_faster(tmp_path, knee):
    machine = Machine(knee)
    found, lines = find(machine, tmp_path, 10_000 * MB)
    assert found.size == knee
    assert max(machine.sizes) <= max(2 * knee, max(SMALL_SIZES))
    assert f"{2 * knee} is no faster than {knee}" in found.sentence
    assert lines[0].startswith("Memory, measured at 2, 4, 8: 100 MB and 1.00 MB a sample")


def test_an_answer_that_more_blocks_might_change_says_so(tmp_path):
    found, _ = find(Machine(knee=64, spread=0.3), tmp_path, 10_000 * MB, blocks=2)
    assert "until more is known" in found.sentence and "More blocks may tell" in found.sentence
    sure, _ = find(Machine(knee=8), tmp_path / "sure", 10_000 * MB)
    assert "More blocks" not in sure.sentence


def test_what_might_not_fit_is_never_tried(tmp_path):
    machine = Machine(knee=1024, sample_bytes=20 * MB)
    found, _ = find(machine, tmp_path, 1_000 * MB)
    # 80 % of 1000 MB, less the 100 that are fixed, are 35 samples of 20 MB.
    assert max(machine.sizes) == found.size == 32
    assert "64 was not tried: it might not fit; 35 would be the largest that does" in found.sentence


def test_memory_that_grows_faster_than_the_line_is_seen_before_it_is_too_late(tmp_path):
    class Bent(Machine):
        def __call__(self, knobs, runs, **how):
            record = super().__call__(knobs, runs, **how)
            bent = 100 * MB + (knobs.batch_size + max(0, knobs.batch_size - 8)) * 10 * MB
            return record.model_copy(update={"memory": Memory(peak_tree_bytes=bent)})

    machine = Bent(knee=1024)
    found, _ = find(machine, tmp_path, 1_500 * MB)
    # 64 would take 1300 MB, more than 80 % of what is free; by the sizes up to 8 it would be 740.
    assert max(machine.sizes) == found.size == 32
    assert "might not fit" in found.sentence


def test_more_than_the_data_set_has_is_not_tried(tmp_path):
    found, _ = find(Machine(knee=1024), tmp_path, 10_000 * MB, num_samples=20)
    assert found.size == 16 and "20 samples only" in found.sentence


def test_a_small_size_that_fails_is_said_at_once(tmp_path):
    with pytest.raises(BadInput, match="batches of 2 failed: out of luck"):
        find(lambda knobs, runs, **how: make_failed(), tmp_path, 1_000 * MB)
