"""What the loader adds around torch's own: orders, errors that arrive as they were raised, deaths in words."""

from __future__ import annotations

import errno
import faulthandler
import os
import time
from multiprocessing import util

import psutil
import pytest
import torch
from torch.utils.data import Dataset

from workbench.errors import BadInput, CannotWrite, Problem
from workbench.measure.loaders import loader as loader_module
from workbench.measure.loaders import shared_memory, torch_loader
from workbench.measure.loaders.loader import LoaderDied, explain_death
from workbench.measure.loaders.shared_memory import SharedMemoryFull
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
        ("is killed by signal: Bus error. It is possible that workers are out of shared memory.", "--shm-size"),
        ("is killed by signal: Segmentation fault. ", "stderr"),
    ],
)
def test_a_death_is_told_with_what_to_do(what, remedy):
    error = RuntimeError("DataLoader worker (pid(s) 123) exited unexpectedly")
    error.__cause__ = RuntimeError(f"DataLoader worker (pid 123) {what}")
    death = explain_death(error)
    assert isinstance(death, LoaderDied)
    assert "123" in str(death)
    assert remedy in str(death)


def raised_in_worker(last_line: str) -> RuntimeError:
    """As torch hands on what a worker raised."""
    lines = ["Caught RuntimeError in DataLoader worker process 0.", "Original Traceback (most recent call last):"]
    return RuntimeError("\n".join([*lines, '  File "collate.py", line 273, in collate_tensor_fn', last_line, ""]))


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: unable to allocate shared memory(shm) for file </torch_7_12_0>: No space left on device (28)",
        "RuntimeError: unable to write to file </torch_7_12_0>: No space left on device (28)",
        "RuntimeError: unable to open shared memory object </torch_7_12_0> for x: No space left on device (28)",
        "OSError: [Errno 28] No space left on device: '/dev/shm/torch_7_12_0'",
    ],
)
def test_a_full_shared_memory_is_told_with_its_room_the_batch_and_what_to_do(text):
    for error in (raised_in_worker(text), RuntimeError(text)):
        told = explain_death(error, num_workers=2, batch_bytes=39_000_000, free=6_000_000)
        assert isinstance(told, SharedMemoryFull)
        assert "6.00 MB free, and 2 loader workers hand over batches of 39.0 MB" in str(told)
        assert "num_workers=0" in str(told)
        assert "--shm-size" in str(told)


def test_what_has_no_room_and_no_name_is_shared_memory_where_that_is_full(monkeypatch):
    error = OSError(errno.ENOSPC, "No space left on device")  # as a semaphore of the loader's queues
    monkeypatch.setattr(loader_module, "free_bytes", lambda: 4096)
    assert isinstance(explain_death(error), SharedMemoryFull)
    monkeypatch.setattr(loader_module, "free_bytes", lambda: 1 << 30)
    assert explain_death(error) is None


def test_a_full_disk_is_no_full_shared_memory(tmp_path):
    told = explain_death(raised_in_worker(f"OSError: [Errno 28] No space left on device: '{tmp_path}/cache/a.npy'"))
    assert isinstance(told, CannotWrite)
    assert told.path == tmp_path / "cache" / "a.npy"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("unable to open shared memory object </torch_7_12_0> in read-write mode: Too many open files (24)", "ulimit"),
        ("Too many open files. Communication with the workers is no longer possible.", "ulimit"),
        ("received 0 items of ancillary data", "ulimit"),
        ("unable to open shared memory object </torch_7_12_0> in read-write mode: File exists (17)", "num_workers=0"),
    ],
)
def test_a_batch_that_cannot_be_handed_over_is_told_with_what_to_do(text, remedy):
    told = explain_death(RuntimeError(text))
    assert isinstance(told, LoaderDied)
    assert remedy in str(told)


def test_any_other_error_is_left_alone():
    assert explain_death(RuntimeError("CUDA out of memory")) is None
    assert explain_death(raised_in_worker("OSError: [Errno 24] Too many open files: 'a.jpg'")) is None
    assert explain_death(OSError(errno.ENOENT, "No such file or directory", "/dev/shm/torch_7_12_0")) is None


class Large(Dataset[torch.Tensor]):
    """Samples of 4 MB."""

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.zeros(1_000_000)


def test_batches_without_room_are_refused_before_one_is_sent(monkeypatch):
    monkeypatch.setattr(torch_loader, "free_bytes", lambda: 6_000_000)
    loader = TorchLoader(Large(), torch.stack, OcrKnobs(num_workers=2, batch_size=1))
    try:
        with pytest.raises(SharedMemoryFull, match=r"6\.00 MB free, and 2 loader workers .* batches of 4\.00 MB"):
            next(loader.epoch())
    finally:
        loader.close()


@pytest.mark.parametrize("settings", [{"num_workers": 0}, {"num_workers": 1}, {"num_workers": 2, "transport": "ring"}])
def test_batches_that_need_no_more_room_are_not_refused(monkeypatch, settings):
    monkeypatch.setattr(torch_loader, "free_bytes", lambda: 6_000_000)
    loader = TorchLoader(Large(), torch.stack, OcrKnobs(batch_size=1, **settings))
    try:
        assert next(loader.epoch()).number == 0
    finally:
        loader.close()


def find_no_room(samples: list[torch.Tensor]) -> torch.Tensor:
    raise RuntimeError("unable to allocate shared memory(shm) for file </torch_7_1_0>: No space left on device (28)")


def test_a_worker_that_finds_no_room_says_so_with_the_size_of_its_batch():
    loader = TorchLoader(Large(), find_no_room, OcrKnobs(num_workers=1, batch_size=2))
    try:
        with pytest.raises(SharedMemoryFull, match=r"one loader worker hands over batches of 8\.00 MB"):
            next(loader.epoch())
    finally:
        loader.close()


def unshared(samples: list[torch.Tensor]) -> list[torch.Tensor]:
    """A batch in ordinary memory, which the sending thread has to copy to /dev/shm: that takes a while."""
    return [samples[0].repeat(5) for _ in range(4)]


def test_a_spawned_worker_that_is_sending_ends_without_aborting():
    """Without an end of its own it aborts in 19 of 20 times: "terminate called without an active exception"."""
    for _ in range(2):
        loader = TorchLoader(Large(), unshared, OcrKnobs(num_workers=1, batch_size=1, start_method="spawn"))
        batches = loader.epoch()
        next(batches)
        assert loader.close() == []


class Ending:
    """Lets a worker end badly when it is stopped: worker 1 aborts while worker 0 is still on its way."""

    def __call__(self, number: int) -> None:
        util.Finalize(None, abort if number else time.sleep, () if number else (1.0,), exitpriority=-50)


def abort() -> None:
    faulthandler.disable()  # pytest's, which would print where
    os.abort()


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_worker_that_aborts_while_it_is_stopped_is_a_note(start_method):
    knobs = OcrKnobs(num_workers=2, batch_size=1, start_method=start_method)
    loader = TorchLoader(Large(), torch.stack, knobs, in_worker=[Ending()])
    batches = loader.epoch()
    next(batches)
    (note,) = loader.close()
    assert "loader worker 1 " in note
    assert "SIGABRT" in note
    assert loader.close() == []


def kill_a_worker(loader: TorchLoader) -> None:
    """Kill the only worker, and stay long enough for the signal of its death to come in."""
    (worker,) = [child for child in psutil.Process().children() if child.name() == "pt_data_worker"]
    worker.kill()
    while worker.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    time.sleep(0.05)


def test_after_the_counted_steps_a_death_interrupts_nobody_but_who_asks_for_a_batch():
    loader = TorchLoader(Large(), torch.stack, OcrKnobs(num_workers=1, batch_size=1, prefetch_factor=1))
    try:
        batches = loader.epoch()
        next(batches)
        loader.disarm()
        kill_a_worker(loader)
        with pytest.raises(RuntimeError) as caught:
            list(batches)
        assert isinstance(explain_death(caught.value), LoaderDied)
    finally:
        (note,) = loader.close()
    assert "SIGKILL" in note


def test_before_that_it_interrupts_the_main_process():
    """The fault that `disarm` is for: nobody asks for a batch here."""
    loader = TorchLoader(Large(), torch.stack, OcrKnobs(num_workers=1, batch_size=1, prefetch_factor=1))
    try:
        next(loader.epoch())
        with pytest.raises(RuntimeError, match="Killed"):
            kill_a_worker(loader)
    finally:
        loader.close()


def test_what_a_stopped_worker_leaves_in_shared_memory_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    loader = TorchLoader(Numbers(), torch.stack, OcrKnobs(num_workers=1, batch_size=2))
    next(loader.epoch())
    (worker,) = [child for child in psutil.Process().children() if child.name() == "pt_data_worker"]
    for pid in (worker.pid, os.getpid()):
        (tmp_path / f"torch_{pid}_1_0").touch()
    loader.close()
    assert [path.name for path in tmp_path.iterdir()] == [f"torch_{os.getpid()}_1_0"]
