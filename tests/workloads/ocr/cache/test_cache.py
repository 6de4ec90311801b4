"""What a cache keeps is what was put in, in every store, also in a child process; failures leave nothing behind."""

from __future__ import annotations

import errno
import importlib.metadata
import multiprocessing as mp
import os
from types import SimpleNamespace

import numpy as np
import pytest

from workbench import versions
from workbench.errors import WorkbenchError
from workbench.files import cache_dir
from workbench.workloads.ocr.cache.fields import CachedFields
from workbench.workloads.ocr.cache.page_cache import STORES, Field, PageCache
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real

FIELDS = [
    Field("image", np.uint8, ((4, 6, 3), (2, 2, 3), (5, 1, 3))),
    Field("matrix", np.float64, ((3, 3),) * 3),
    Field("dropped", np.int64, ((),) * 3),
]


@pytest.fixture(autouse=True)
def _own_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "caches"))


def make(number: int) -> dict[str, np.ndarray]:
    values = {"image": number + 1, "matrix": number / 3, "dropped": number}
    return {f.name: np.full(f.shapes[number], values[f.name], f.dtype) for f in FIELDS}


def filled(store: str, **options) -> PageCache:
    cache = PageCache(store, FIELDS, "key")
    if not cache.was_filled:
        cache.fill(make, threads=2, **options)
    return cache


@pytest.fixture(params=list(STORES))
def cache(request) -> PageCache:
    return filled(request.param)


def test_what_was_put_in_comes_back(cache):
    for number in range(3):
        for name, want in make(number).items():
            assert np.array_equal(cache.array(name, number), want)
            assert cache.array(name, number).dtype == want.dtype
    assert "image" in cache
    assert "targets" not in cache
    assert cache.size >= sum(int(field.sizes().sum()) for field in FIELDS)


def test_arrays_of_one_shape_are_one(cache):
    assert cache.block("matrix").shape == (3, 3, 3)
    assert cache.block("dropped").tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="different shapes"):
        cache.block("image")


def test_what_is_lent_is_no_copy():
    cache = filled("mapped")
    lent = cache.lend("dropped", 0, 3)
    cache.array("dropped", 1)[...] = 77
    assert lent.tolist() == [0, 77, 2]


def test_what_is_lent_is_written_into_without_harm():
    cache = filled("mapped")
    lent = cache.lend("matrix", 1, 2)
    assert np.array_equal(lent, cache.block("matrix")[1:])
    lent[:] = -1.0
    assert np.array_equal(cache.block("matrix")[2], make(2)["matrix"])
    assert np.array_equal(cache.lend("matrix", 1, 2), cache.block("matrix")[1:])


@pytest.mark.parametrize(("store", "name"), [("shared", "matrix"), ("mapped", "image")])
def test_what_does_not_lie_as_it_is_wanted_is_not_lent(store, name):
    with pytest.raises(ValueError, match="cannot be lent"):
        filled(store).lend(name, 0, 2)


def _look(cache: PageCache, queue) -> None:
    cache.count_readings(2)
    queue.put([int(cache.array("image", number).max()) for number in range(3)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_sees_them_too_and_its_readings_count(cache, method):
    context = mp.get_context(method)
    queue = context.SimpleQueue()
    child = context.Process(target=_look, args=(cache, queue))
    child.start()
    assert queue.get() == [1, 2, 3]
    child.join()
    assert cache.readings == 2


def _scribble(cache: PageCache) -> None:
    cache.array("image", 1)[:] = 99


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_shared_store_is_one_copy(method):
    cache = filled("shared")
    child = mp.get_context(method).Process(target=_scribble, args=(cache,))
    child.start()
    child.join()
    assert cache.array("image", 1).max() == 99


def test_progress_is_told_page_by_page():
    told: list[tuple[int, int]] = []
    filled("memory", on_page=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("store", list(STORES))
def test_an_array_of_another_shape_than_announced_is_refused(store):
    cache = PageCache(store, FIELDS, "key")
    with pytest.raises(ValueError, match="'image' of page 1 has shape"):
        cache.fill(lambda number: {**make(number), "image": make(0)["image"]}, threads=1)
    assert not list(cache_dir().glob("*"))


def test_what_making_an_entry_raises_is_raised_and_leaves_nothing_behind():
    def broken(number: int) -> dict[str, np.ndarray]:
        raise KeyError(number)

    with pytest.raises(KeyError):
        PageCache("disk", FIELDS, "key").fill(broken, threads=2)
    assert not [path for path in cache_dir().rglob("*") if path.is_file()]


def test_a_disk_cache_is_found_filled_by_its_key():
    filled("disk")
    again = PageCache("disk", FIELDS, "key")
    assert again.was_filled
    assert np.array_equal(again.array("image", 2), make(2)["image"])
    assert not PageCache("disk", FIELDS, "another key").was_filled


def test_a_disk_cache_that_was_cut_short_is_made_anew():
    filled("disk")
    (path,) = cache_dir().glob("*.pages")
    os.truncate(path, 10)
    assert not PageCache("disk", FIELDS, "key").was_filled


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_disk_cache_in_which_a_bit_has_turned_is_made_anew(place):
    filled("disk")
    (path,) = cache_dir().glob("*.pages")
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    cache = filled("disk")
    assert np.array_equal(cache.array("image", 2), make(2)["image"])
    assert PageCache("disk", FIELDS, "key").was_filled


def test_a_folder_where_the_cache_belongs_is_named():
    filled("disk")
    (path,) = cache_dir().glob("*.pages")
    path.unlink()
    path.mkdir()
    with pytest.raises(WorkbenchError, match=r"a folder lies where key.pages belongs. Remove it"):
        filled("disk")
    assert list(cache_dir().iterdir()) == [path]


def test_a_full_disk_is_told_before_a_page_is_made_and_leaves_nothing(monkeypatch):
    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(WorkbenchError, match=r"no room for a cache of .*Make room there"):
        PageCache("disk", FIELDS, "key")
    assert not list(cache_dir().iterdir())


def test_what_a_killed_trial_has_left_is_swept_away(tmp_path):
    cache_dir().mkdir()
    left = cache_dir() / ".old-0123abcd"
    left.write_bytes(b"x" * 100)
    filling = PageCache("disk", FIELDS, "being filled")
    filled("disk")
    assert not left.exists()
    filling.fill(make, threads=1)
    assert PageCache("disk", FIELDS, "being filled").was_filled, "another trial's file in the making is left alone"


def test_writing_into_a_kept_array_stays_out_of_the_file():
    cache = filled("disk")
    cache.array("image", 0)[:] = 99
    assert PageCache("disk", FIELDS, "key").array("image", 0).max() == 1


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "a file"))
    with pytest.raises(WorkbenchError, match="WORKBENCH_CACHE"):
        PageCache("disk", FIELDS, "key")


@pytest.mark.parametrize("package", ["opencv-python", "opencv-contrib-python"])
def test_another_build_of_opencv_has_a_key_of_its_own(monkeypatch, package):
    """It died in every trial with a cache: its package was asked for by the one name that it is developed with."""
    fields = CachedFields([], OcrKnobs(cache="prepared"))
    with_headless = fields.key()
    assert fields.key() == with_headless

    ask, there = importlib.metadata.version, versions.installed()
    others = [(modules, found) for modules, found in there if "cv2" not in modules]
    other = SimpleNamespace(metadata={"Name": package})
    monkeypatch.setattr(versions, "installed", lambda: [*others, (["cv2"], other)])
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "4.12.0.88" if name == package else ask(name))
    assert versions.package_of("cv2") == versions.Package(package, "4.12.0.88")
    assert fields.key() != with_headless
    monkeypatch.undo()
    assert fields.key() == with_headless
