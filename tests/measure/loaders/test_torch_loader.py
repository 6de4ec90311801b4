"""What the loader adds to torch's own: numbered batches, errors that arrive as they were raised, deaths in words."""

from __future__ import annotations

import errno
import faulthandler
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe, Process, resource_sharer, util
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch.utils.data import Dataset
from toy import Numbers, kill_the_worker

from workbench.errors import BadInput, CannotWrite, Problem, ProcessDied, WorkbenchError
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders import deaths, indexed_batch, shared_memory, torch_loader
from workbench.measure.loaders.deaths import broke_off, death_behind, explain_death
from workbench.measure.loaders.indexed_batch import IndexedBatch, bytes_of
from workbench.measure.loaders.shared_memory import SharedMemoryFull
from workbench.measure.loaders.torch_loader import TorchLoader

pytestmark = pytest.mark.real


def knobs(**settings: Any) -> LoaderKnobs:
    return LoaderKnobs(**{"num_workers": 1, "batch_size": 1, **settings})


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("mode", ["validate", "train"])
def test_overlapping_epochs_are_the_same_epochs(num_workers, mode):
    seen = {}
    for overlap in (False, True):
        loader = TorchLoader(
            Numbers(7), None, knobs(num_workers=num_workers, batch_size=2, epoch_overlap=overlap, mode=mode)
        )
        try:
            seen[overlap] = [
                [(batch.number, batch.samples, batch.data.flatten().tolist()) for batch in loader.epoch()]
                for _ in range(3)
            ]
        finally:
            assert loader.close() == []
    assert seen[True] == seen[False]
    assert [len(epoch) for epoch in seen[True]] == [4, 4, 4]
    assert all(samples == values for epoch in seen[True] for _, samples, values in epoch)


@dataclass
class Nested:
    images: torch.Tensor
    rest: dict[str, Any]


def test_the_bytes_of_a_batch_are_those_of_its_arrays_wherever_they_lie():
    image = torch.zeros(2, 3, dtype=torch.uint8)
    data = [Nested(image, {"matrix": np.zeros((2, 2)), "names": ["a", "b"]}), (torch.zeros(5), None)]
    assert bytes_of(data) == 6 + 32 + 20
    assert bytes_of(Nested) == 0


@pytest.mark.parametrize("settings", [{"num_workers": 0}, {}, {"transport": "ring"}], ids=str)
def test_a_batch_arrives_with_its_size(settings):
    loader = TorchLoader(Numbers(4), None, knobs(batch_size=4, **settings))
    try:
        assert next(loader.epoch()).num_bytes == 4 * 8
    finally:
        loader.close()


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
    error = BadInput("the data set", [Problem("is broken", "sample-3.jpg")])
    loader = TorchLoader(Broken(error), torch.stack, knobs(num_workers=num_workers, batch_size=2))
    try:
        with pytest.raises(BadInput) as caught:
            list(loader.epoch())
    finally:
        loader.close()
    assert caught.value.problems == error.problems


def test_any_other_error_keeps_its_traceback():
    loader = TorchLoader(Broken(ZeroDivisionError("sample 3")), torch.stack, knobs(num_workers=1, batch_size=2))
    try:
        with pytest.raises(ZeroDivisionError, match=r"(?s)Original Traceback.*sample 3"):
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
def test_a_death_is_explained_with_what_to_do(what, remedy):
    error = RuntimeError("DataLoader worker (pid(s) 123) exited unexpectedly")
    error.__cause__ = RuntimeError(f"DataLoader worker (pid 123) {what}")
    death = explain_death(error)
    assert isinstance(death, ProcessDied)
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
def test_a_full_shared_memory_is_explained_with_its_room_the_batch_and_what_to_do(text):
    for error in (raised_in_worker(text), RuntimeError(text)):
        found = explain_death(error, num_workers=2, batch_bytes=39_000_000, free=6_000_000)
        assert isinstance(found, SharedMemoryFull)
        assert "6.00 MB free, and 2 loader workers hand over batches of 39.0 MB" in str(found)
        assert "num_workers=0" in str(found)
        assert "--shm-size" in str(found)


def test_what_has_no_room_and_no_name_is_shared_memory_where_that_is_full(monkeypatch):
    error = OSError(errno.ENOSPC, "No space left on device")  # as a semaphore of the loader's queues
    monkeypatch.setattr(deaths, "free_bytes", lambda: 4096)
    assert isinstance(explain_death(error), SharedMemoryFull)
    monkeypatch.setattr(deaths, "free_bytes", lambda: 1 << 30)
    assert explain_death(error) is None


def test_a_full_disk_is_no_full_shared_memory(tmp_path):
    found = explain_death(raised_in_worker(f"OSError: [Errno 28] No space left on device: '{tmp_path}/cache/a.npy'"))
    assert isinstance(found, CannotWrite)
    assert found.path == tmp_path / "cache" / "a.npy"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("unable to open shared memory object </torch_7_12_0> in read-write mode: Too many open files (24)", "ulimit"),
        ("Too many open files. Communication with the workers is no longer possible.", "ulimit"),
        ("received 0 items of ancillary data", "ulimit"),
        ("unable to open shared memory object </torch_7_12_0> in read-write mode: File exists (17)", "num_workers=0"),
    ],
)
def test_a_batch_that_cannot_be_handed_over_is_explained_with_what_to_do(text, remedy):
    found = explain_death(RuntimeError(text))
    assert isinstance(found, ProcessDied)
    assert remedy in str(found)


def hand_over(connection: Any) -> None:
    connection.send(resource_sharer.DupFd(os.open(os.devnull, os.O_RDONLY)))
    time.sleep(60.0)


@pytest.fixture
def broken_off():
    """What is raised where a process is killed that has files to hand over."""
    ours, theirs = Pipe()
    process = Process(target=hand_over, args=(theirs,))
    process.start()
    handed = ours.recv()
    process.kill()
    process.join()
    with pytest.raises((EOFError, ConnectionError)) as caught:
        handed.detach()
    return caught.value


def test_a_batch_that_breaks_off_is_a_death_of_which_torch_knows_more_in_a_moment(broken_off):
    def tell(*_: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    before = signal.signal(signal.SIGALRM, tell)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        death = explain_death(death_behind(broken_off))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert isinstance(death, ProcessDied)
    assert death.was_killed
    assert "pid 7" in str(death) and "num_workers" in str(death)
    with pytest.raises(ProcessDied) as caught:
        raise death from broken_off
    assert explain_death(caught.value) is death, "what broke off knows less"


def test_a_batch_that_breaks_off_is_a_death_also_where_torch_knows_of_none(broken_off, monkeypatch):
    monkeypatch.setattr(deaths, "_LATE_S", 0.0)
    assert death_behind(broken_off) is broken_off
    death = explain_death(broken_off)
    assert isinstance(death, ProcessDied)
    assert death.was_killed, "a crash would have been told on stderr"
    assert "ended while it handed over a batch" in str(death) and "num_workers" in str(death)


def test_a_batch_that_breaks_off_is_known_in_the_text_of_a_traceback_too(broken_off):
    lines = "".join(traceback.format_exception(broken_off)).splitlines()
    death = broke_off(["one line before", *lines, "one line after"])
    assert death is not None
    assert death.was_killed
    assert broke_off([line for line in lines if "resource_sharer" not in line]) is None
    assert broke_off([*lines[:-1], "KeyError: 3"]) is None
    assert broke_off([*lines[:-1], "KeyError: 3", "EOFError"]) is None


def test_a_file_of_the_data_set_that_ends_too_soon_is_no_death():
    with pytest.raises(EOFError) as caught:
        pickle.loads(b"")
    assert death_behind(caught.value) is caught.value
    assert explain_death(caught.value) is None


def test_what_is_no_death_is_left_alone():
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
    loader = TorchLoader(Large(), torch.stack, knobs(num_workers=2, batch_size=1))
    try:
        with pytest.raises(SharedMemoryFull, match=r"6\.00 MB free, and 2 loader workers .* batches of 4\.00 MB"):
            next(loader.epoch())
    finally:
        loader.close()


@pytest.mark.parametrize("settings", [{"num_workers": 0}, {"num_workers": 1}, {"num_workers": 2, "transport": "ring"}])
def test_batches_that_need_no_more_room_are_not_refused(monkeypatch, settings):
    monkeypatch.setattr(torch_loader, "free_bytes", lambda: 6_000_000)
    loader = TorchLoader(Large(), torch.stack, knobs(batch_size=1, **settings))
    try:
        assert next(loader.epoch()).number == 0
    finally:
        loader.close()


def find_no_room(samples: list[torch.Tensor]) -> torch.Tensor:
    raise RuntimeError("unable to allocate shared memory(shm) for file </torch_7_1_0>: No space left on device (28)")


def test_a_worker_that_finds_no_room_says_so_with_the_size_of_its_batch():
    loader = TorchLoader(Large(), find_no_room, knobs(num_workers=1, batch_size=2))
    try:
        with pytest.raises(SharedMemoryFull, match=r"one loader worker hands over batches of 8\.00 MB"):
            next(loader.epoch())
    finally:
        loader.close()


def unshared(samples: list[torch.Tensor]) -> list[torch.Tensor]:
    """A batch in ordinary memory, which the sending thread has to copy to /dev/shm: that takes a while."""
    return [samples[0].repeat(5) for _ in range(4)]


class RoomFor:
    """In a worker: /dev/shm takes so many tensors, and has no room for any after them."""

    def __init__(self, tensors: int) -> None:
        self.left = tensors

    def __call__(self, number: int) -> None:
        share: Callable[..., Any] = torch.UntypedStorage._share_fd_cpu_

        def share_while_there_is_room(storage: torch.UntypedStorage, *arguments: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                what = "unable to allocate shared memory(shm) for file </torch_7_1_0>"
                raise RuntimeError(f"{what}: No space left on device (28)")
            return share(storage, *arguments)

        torch.UntypedStorage._share_fd_cpu_ = share_while_there_is_room  # type: ignore[method-assign]


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    """Within this block a main process that waits for ever is interrupted, so that the test fails and doesn't hang."""

    def stop(*_: object) -> None:
        raise TimeoutError("the main process waits for a batch that never comes")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def take_all_of_a_full_shm(seconds: int) -> list[int]:
    """Numbers of the batches that arrive where the first finds room in /dev/shm, and no other; raises for the next."""
    loader = TorchLoader(Large(), torch.stack, knobs(prefetch_factor=4), in_worker=[RoomFor(1)])
    arrived = []
    try:
        with patience(seconds):
            arrived.extend(batch.number for batch in loader.epoch())
    except WorkbenchError as error:
        assert arrived == [0]
        raise error
    finally:
        loader.close()
    return arrived


def test_a_batch_that_finds_no_room_while_it_is_sent_arrives_as_its_error():
    with pytest.raises(SharedMemoryFull, match=r"one loader worker hands over batches of 4\.00 MB.*--shm-size"):
        take_all_of_a_full_shm(60)


def test_planted_fault_a_batch_whose_sending_just_fails_never_arrives(monkeypatch):
    """As it was: torch's sending thread prints the error and drops the batch, and the main process waits for ever."""
    monkeypatch.setattr(indexed_batch, "_in_its_place", raise_it)
    with pytest.raises(TimeoutError):
        take_all_of_a_full_shm(3)


def raise_it(error: Exception, num_bytes: int) -> WorkbenchError:
    raise error


SMALL_SHM = """
import torch
from measure.loaders.test_torch_loader import Large, knobs
from workbench.errors import WorkbenchError
from workbench.measure.loaders.torch_loader import TorchLoader
if __name__ == "__main__":
    loader = TorchLoader(Large(), torch.stack, knobs(prefetch_factor=4))
    held = []
    try:
        for batch in loader.epoch():
            held.append(batch)
    except WorkbenchError as error:
        print(len(held) >= 1, type(error).__name__, error)
    finally:
        del held, batch
        notes = loader.close()
        print(notes)
"""


def test_on_a_shm_with_room_for_one_batch_the_loader_raises(checkout):
    """On a /dev/shm of 6 MB, where this user may mount one; a batch has 4 MB and the worker loads four ahead."""
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=6m tmpfs /dev/shm && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*mount, "true"], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a file system")
    path = os.pathsep.join([str(checkout), str(checkout / "tests")])
    done = subprocess.run(
        [*mount, sys.executable, "-c", SMALL_SHM],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    found, notes = done.stdout.splitlines()
    assert found.startswith("True SharedMemoryFull /dev/shm has ")
    assert "one loader worker hands over batches of 4.00 MB" in found
    assert notes == "[]"


class Unsendable:
    """What cannot be pickled."""

    def __reduce__(self) -> Any:
        raise ZeroDivisionError("planted in pickling")


def test_a_batch_that_cannot_be_pickled_is_an_error_in_words():
    with pytest.raises(ZeroDivisionError):
        ForkingPickler.dumps(Unsendable())
    arrived = pickle.loads(ForkingPickler.dumps(IndexedBatch(Unsendable(), 3, [5, 6], 8)))
    assert (arrived.number, arrived.samples) == (3, [5, 6])
    assert isinstance(arrived.data, WorkbenchError)
    assert "could not hand over its batch: ZeroDivisionError: planted in pickling" in str(arrived.data)


def test_a_spawned_worker_that_is_sending_ends_without_aborting():
    """Without an end of its own it aborts in 19 of 20 times: "terminate called without an active exception"."""
    for _ in range(2):
        loader = TorchLoader(Large(), unshared, knobs(num_workers=1, batch_size=1, start_method="spawn"))
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
    several = knobs(num_workers=2, start_method=start_method)
    loader = TorchLoader(Large(), torch.stack, several, in_worker=[Ending()])
    batches = loader.epoch()
    next(batches)
    (note,) = loader.close()
    assert "loader worker 1 " in note
    assert "SIGABRT" in note
    assert loader.close() == []


def test_after_the_counted_steps_a_death_interrupts_nobody_but_who_asks_for_a_batch():
    loader = TorchLoader(Large(), torch.stack, knobs(num_workers=1, batch_size=1, prefetch_factor=1))
    try:
        batches = loader.epoch()
        next(batches)
        loader.disarm()
        kill_the_worker()
        with pytest.raises(RuntimeError) as caught:
            list(batches)
        assert "exited unexpectedly" in str(caught.value)
        death = explain_death(caught.value)
        assert isinstance(death, ProcessDied)
        assert "is killed by signal: Killed; the kernel kills when memory runs out" in str(death)
    finally:
        (note,) = loader.close()
    assert "SIGKILL" in note


def test_before_that_it_interrupts_the_main_process():
    """The fault that `disarm` is for: nobody asks for a batch here."""
    loader = TorchLoader(Large(), torch.stack, knobs(num_workers=1, batch_size=1, prefetch_factor=1))
    try:
        next(loader.epoch())
        with pytest.raises(RuntimeError, match="Killed"):
            kill_the_worker()
    finally:
        loader.close()


def test_what_a_stopped_worker_leaves_in_shared_memory_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    loader = TorchLoader(Numbers(), torch.stack, knobs(num_workers=1, batch_size=2))
    next(loader.epoch())
    (worker,) = [child for child in psutil.Process().children() if child.name() == "pt_data_worker"]
    for pid in (worker.pid, os.getpid()):
        (tmp_path / f"torch_{pid}_1_0").touch()
    loader.close()
    assert [path.name for path in tmp_path.iterdir()] == [f"torch_{os.getpid()}_1_0"]
