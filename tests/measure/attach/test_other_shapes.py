"""Data sets and loaders of other shapes than most: batches that are lists, loaders of a library's own class."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.explain.checks.looks import compare_looks
from workbench.explain.prediction.variants import can_take

pytestmark = pytest.mark.real

#: As in detection: images of several sizes, targets with a number that has no dimension.
DETECTION = """
import sys, torch
from torch.utils.data import DataLoader, Dataset
class Pages(Dataset):
    def __len__(self): return 400
    def __getitem__(self, number):
        image = torch.full((3, 8 + number % 4, 8), float(number))
        boxes = torch.ones(number % 3, 4) * (2.0 if number == 1 and len(sys.argv) > 1 else 1.0)
        return image, {"boxes": boxes, "image_id": torch.tensor(number), "name": f"page {number}"}
def together(samples): return tuple(zip(*samples))
for images, targets in DataLoader(Pages(), 4, shuffle=True, num_workers=1, collate_fn=together):
    sum(float(image.mean()) for image in images)
"""

#: As fastai does it: an object of its own stands in for loader and data set, and torch's iterator is made directly.
STAND_IN = """
import itertools, multiprocessing, time, torch
from torch.utils.data import get_worker_info
from torch.utils.data.dataloader import _DatasetKind, _MultiProcessingDataLoaderIter, _SingleProcessDataLoaderIter
from torch.utils.data import default_collate

def begin(worker_id):
    info = get_worker_info()
    info.dataset.d.part = info.id, info.num_workers

class StandIn:
    _IterableDataset_len_called, _auto_collation, drop_last, in_order = None, False, False, True
    _index_sampler, generator, prefetch_factor, timeout, pin_memory = itertools.count, None, 2, 0, False
    dataset_kind = _dataset_kind = _DatasetKind.Iterable
    pin_memory_device, persistent_workers, multiprocessing_context = "", False, None
    worker_init_fn = staticmethod(begin)
    def __init__(self, loader, workers): self.dataset, self.d, self.num_workers = self, loader, workers
    def collate_fn(self, batch): return batch
    def _get_shared_seed(self): return None
    _index_sampler = itertools.count()
    def __iter__(self): return self.d.batches()

class Loader:
    part = 0, 1
    def __init__(self, dataset, bs, workers):
        self.dataset, self.bs, self.shuffle, self.stand_in = dataset, bs, True, StandIn(self, workers)
    def __len__(self): return len(self.dataset) // self.bs
    def batches(self):
        for first in range(self.part[0] * self.bs, len(self.dataset), self.part[1] * self.bs):
            yield default_collate([self.dataset[number] for number in range(first, first + self.bs)])
    def __iter__(self):
        of = _MultiProcessingDataLoaderIter if self.stand_in.num_workers else _SingleProcessDataLoaderIter
        yield from of(self.stand_in)

class Pages:
    def __len__(self): return 400
    def __getitem__(self, number):
        time.sleep(0.002)
        return torch.full((4,), float(number))

for epoch in range(2):
    for batch in Loader(Pages(), 4, WORKERS):
        batch.mean()
"""


def looked_at(tmp_path, record):
    return record, dict(np.load(tmp_path / record.run_id / "samples.npz"))


def test_samples_without_rows_of_a_batch_are_compared_one_by_one(observe, tmp_path):
    (tmp_path / "train.py").write_text(DETECTION, encoding="utf-8")
    first, again, other = (
        looked_at(tmp_path, observe(str(tmp_path / "train.py"), *words, num_steps=8)) for words in ((), (), ("other",))
    )
    assert first[0].status == "ok", first[0].failure
    assert first[1]["whole/sample-3.1.image_id"].tolist() == [3]
    assert compare_looks(first, again).status == "same"
    assert compare_looks(first, other).status == "different"
    assert np.flatnonzero(first[1]["digests"] != other[1]["digests"]).tolist() == [1]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_librarys_own_loader_is_observed_and_takes_no_knobs(observe, tmp_path, workers):
    (tmp_path / "train.py").write_text(STAND_IN.replace("WORKERS", str(workers)), encoding="utf-8")
    record = observe(str(tmp_path / "train.py"), num_steps=20)
    assert record.status == "ok", record.failure
    (loader,) = record.script.loaders
    assert (loader.dataset, loader.num_samples, loader.batch_size, loader.takes_knobs) == ("Pages", 400, 4, False)
    stages = {row.name: row for row in record.stages if row.lane == "worker"}
    assert stages["rest of Pages.__getitem__"].mean_s > 0.002
    assert min(lane.attributed_share for lane in record.lanes) > 0.98
    assert record.isolated.samples
    assert not can_take(record, {"num_workers": 3})

    refused = observe(str(tmp_path / "train.py"), num_steps=20, num_workers=1)
    assert refused.failure.kind == "bad_input"
    assert "train.py:" in refused.failure.message and "takes no knobs from outside" in refused.failure.message
