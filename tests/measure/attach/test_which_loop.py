"""Which loop is followed, of scripts with several of them; and what an epoch of its loader is."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.real

BEGIN = """
import sys, threading, queue, torch
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

class Rows(Dataset):
    def __init__(self, length, is_random=False): self.length, self.is_random = length, is_random
    def __len__(self): return self.length
    def __getitem__(self, number): return torch.full((64,), float(number)) + self.is_random * torch.rand(64)

net = torch.nn.Linear(64, 1)
optimizer = torch.optim.SGD(net.parameters(), 0.01)
def step(batch): optimizer.zero_grad(); net(batch).mean().backward(); optimizer.step()
"""

IN_ORDER = """
valid = DataLoader(Rows(16), 4)
train = DataLoader(Rows(400), 4)
with torch.no_grad():
    for batch in valid: net(batch)
for epoch in range(3):
    for batch in train: step(batch)
    with torch.no_grad():
        for batch in valid: net(batch)
"""

TWO_LOOPS = """
for batch in DataLoader(Rows(24, is_random=True), 4): step(batch)
while True:
    for batch in DataLoader(Rows(400), 4, shuffle=True, num_workers=1): step(batch)
"""

DRAWN = """
sampler = WeightedRandomSampler([1.0] * 60, 400)
for epoch in range(3):
    for batch in DataLoader(Rows(60), 4, sampler=sampler, num_workers=1): step(batch)
"""

IN_A_THREAD = """
batches = queue.Queue(2)
def read():
    while True:
        for batch in DataLoader(Rows(400), 4): batches.put(batch)
threading.Thread(target=read, name="reader", daemon=True).start()
while True: step(batches.get())
"""


@pytest.fixture
def script(observe, tmp_path):
    """Observes a script that begins as all of these do."""

    def run(text, **knobs):
        (tmp_path / "train.py").write_text(BEGIN + text, encoding="utf-8")
        return observe(str(tmp_path / "train.py"), **knobs)

    return run


def test_where_nothing_shuffles_knobs_reach_the_loader_that_is_iterated_with_gradients(script):
    record = script(IN_ORDER, num_steps=20, num_workers=2, batch_size=8)
    assert record.status == "ok", record.failure
    by_samples = {loader.num_samples: loader for loader in record.script.loaders}
    assert (by_samples[400].num_workers, by_samples[400].batch_size) == (2, 8)
    assert (by_samples[16].num_workers, by_samples[16].batch_size) == (0, 4)
    assert record.knobs.num_workers == 2 and not any("no effect" in note for note in record.notes)


def test_a_loop_that_comes_later_and_goes_on_longer_is_the_one(script):
    record = script(TWO_LOOPS, num_steps=20)
    assert record.status == "ok", record.failure
    assert record.steady.num_steps == 20 and record.script.returncode is None  # it was stopped in it
    assert record.description.num_samples == 400 and record.knobs.num_workers == 1
    assert record.script.varying_samples == 0, "the samples of the loop before were looked at"


def test_an_epoch_is_as_long_as_the_sampler_says(script):
    record = script(DRAWN, num_steps=20)
    assert record.status == "ok", record.failure
    assert (record.description.num_samples, record.description.epoch_samples) == (60, 400)
    assert record.steady.num_epochs == pytest.approx(20 * 4 / 400)


def test_a_cache_is_filled_before_steps_count(script):
    record = script(IN_ORDER, num_steps=20, cache="sample")
    assert record.status == "ok", record.failure
    assert record.steady.warmup_steps == 100
    assert not any("cache" in note for note in record.notes)

    early = script(IN_ORDER, num_steps=20, warmup_steps=3, cache="sample")
    assert early.steady.warmup_steps == 3
    assert any("fill cache=sample" in note and "warmup_steps=100" in note for note in early.notes)


def test_a_loader_that_a_thread_iterates_is_refused_by_its_name(script):
    record = script(IN_A_THREAD, num_steps=20)
    assert record.failure.kind == "bad_input"
    assert "is iterated in a thread of its own, 'reader'" in record.failure.message
