"""Observing from Python: a loop in this very process, and nothing of it afterwards."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import workbench
from workbench.errors import BadInput
from workbench.measure.attach.record import NothingCounted

pytestmark = pytest.mark.real


def train(workers: int) -> nn.Module:
    net = nn.Linear(8, 1)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for (value,) in DataLoader(TensorDataset(torch.rand(64, 8)), batch_size=4, num_workers=workers):
        optimizer.zero_grad()
        net(value).mean().backward()
        optimizer.step()
    return net


@pytest.mark.parametrize("workers", [0, 2])
def test_a_block_is_observed_and_all_is_as_before(tmp_path, workers):
    before = DataLoader.__init__
    larger = nn.Linear(64, 64)  # a kernel holds other models as well
    for _ in range(2):  # a second time is no different
        with workbench.observe(reports=tmp_path) as run:
            net = train(workers)
        names = {row.name for row in run.record.stages}
        assert {"forward", "backward", "optimizer"} <= names and f"forward {type(larger).__name__}" not in names
        assert all(lane.attributed_share >= 0.95 for lane in run.record.lanes)
        assert run.record.knobs.num_workers == workers

    assert DataLoader.__init__ is before and not net._forward_hooks and not net._forward_pre_hooks
    assert (run.folder / "record.json").is_file()


def test_a_block_without_a_loop_is_an_error_in_words(tmp_path):
    with pytest.raises(NothingCounted, match="without iterating"), workbench.observe(reports=tmp_path):
        pass


def test_what_is_not_over_cannot_be_shown(tmp_path):
    with pytest.raises(BadInput, match="not over"), workbench.observe(reports=tmp_path) as run:
        run.show()


def test_a_name_without_a_function_is_refused():
    with pytest.raises(BadInput, match="names no function"):
        workbench.profile("package.module")
