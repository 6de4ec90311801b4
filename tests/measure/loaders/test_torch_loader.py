"""What the loader adds around torch's own: orders, errors that arrive as they were raised, deaths in words."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import Dataset

from workbench.errors import BadInput, Problem
from workbench.measure.loaders.loader import explain_death
from workbench.measure.loaders.torch_loader import Orders, TorchLoader
from workbench.workloads.ocr.knobs import OcrKnobs


def test_orders_number_the_batches_of_all_epochs():
    orders = Orders(num_pages=5, batch_size=2, shuffle=False, seed=0)
    assert len(orders) == 3
    assert list(orders) == [(0, [0, 1]), (1, [2, 3]), (2, [4])]
    assert [number for number, _ in orders] == [3, 4, 5]


def test_endless_orders_run_on_into_the_next_epoch():
    orders = iter(Orders(num_pages=3, batch_size=2, shuffle=False, seed=0, endless=True))
    assert [next(orders) for _ in range(4)] == [(0, [0, 1]), (1, [2]), (2, [0, 1]), (3, [2])]


class Numbers(Dataset[torch.Tensor]):
    def __len__(self) -> int:
        return 7

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.tensor(number)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("mode", ["validate", "train"])
def test_joined_epochs_are_the_same_epochs(num_workers, mode):
    told = {}
    for epochs in ("apart", "joined"):
        loader = TorchLoader(
            Numbers(), torch.stack, OcrKnobs(num_workers=num_workers, batch_size=2, epochs=epochs, mode=mode)
        )
        try:
            told[epochs] = [
                [(parcel.number, parcel.pages, parcel.batch.tolist()) for parcel in loader.epoch()] for _ in range(3)
            ]
        finally:
            loader.close()
    assert told["joined"] == told["apart"]
    assert [len(epoch) for epoch in told["joined"]] == [4, 4, 4]


def test_shuffled_orders_hold_every_page_once_and_differ_by_epoch():
    orders = Orders(num_pages=50, batch_size=8, shuffle=True, seed=1)
    epochs = [[page for _, pages in orders for page in pages] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(50))
    assert epochs[0] != epochs[1]
    again = Orders(num_pages=50, batch_size=8, shuffle=True, seed=1)
    assert [page for _, pages in again for page in pages] == epochs[0]


class Broken(Dataset[torch.Tensor]):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def __len__(self) -> int:
        return 6

    def __getitem__(self, number: int) -> torch.Tensor:
        if number == 3:
            raise self.error
        return torch.tensor(number)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_error_for_the_user_arrives_as_it_was_raised(num_workers):
    error = BadInput("the data set", [Problem("is broken", "page-3.jpg")])
    loader = TorchLoader(Broken(error), torch.stack, OcrKnobs(num_workers=num_workers, batch_size=2))
    try:
        with pytest.raises(BadInput) as caught:
            list(loader.epoch())
    finally:
        loader.close()
    assert caught.value.problems == error.problems


def test_an_error_of_the_programme_keeps_its_traceback():
    loader = TorchLoader(Broken(ZeroDivisionError("page 3")), torch.stack, OcrKnobs(num_workers=1, batch_size=2))
    try:
        with pytest.raises(ZeroDivisionError, match=r"(?s)Original Traceback.*page 3"):
            list(loader.epoch())
    finally:
        loader.close()


@pytest.mark.parametrize(
    ("what", "remedy"),
    [
        ("is killed by signal: Killed. ", "cache"),
        ("is killed by signal: Bus error. It is possible that workers are out of shared memory.", "/dev/shm"),
        ("is killed by signal: Segmentation fault. ", "stderr"),
    ],
)
def test_a_death_is_told_with_what_to_do(what, remedy):
    error = RuntimeError("DataLoader worker (pid(s) 123) exited unexpectedly")
    error.__cause__ = RuntimeError(f"DataLoader worker (pid 123) {what}")
    told = str(explain_death(error))
    assert "123" in told
    assert remedy in told


def test_any_other_error_is_left_alone():
    assert explain_death(RuntimeError("CUDA out of memory")) is None
