"""Shards are dealt out, shuffled by seed and epoch, and an epoch can be resumed where it was left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from toy import Toy, toy_knobs

from workbench.errors import BadInput
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders.choose import check_loader, open_loader
from workbench.measure.loaders.webdataset_loader import Position, WebDatasetLoader
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.workload import OcrWorkload

pytestmark = pytest.mark.real

COUNT = 17


def knobs_of(folder, **settings) -> OcrKnobs:
    plain = {"dataset": str(folder), "loader": "webdataset", "image_size": 64, "batch_size": 2, "num_workers": 2}
    return OcrKnobs.parse_own({**plain, "targets": "fast", **settings})


def check(folder, **settings) -> None:
    """See whether the loader would take it."""
    knobs = knobs_of(folder, **settings)
    check_loader(OcrWorkload(knobs), knobs.slice(LoaderKnobs))


def loader_of(folder, **settings) -> WebDatasetLoader:
    knobs = knobs_of(folder, **settings)
    workload = OcrWorkload(knobs)
    return WebDatasetLoader(workload.shard_feed(), workload.collate(), knobs.slice(LoaderKnobs))


def epochs(loader: WebDatasetLoader, count: int = 1) -> list[list[tuple[int, list[int]]]]:
    try:
        return [[(batch.number, batch.samples) for batch in loader.epoch()] for _ in range(count)]
    finally:
        loader.close()


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("persistent_workers", [True, False])
def test_every_sample_comes_once_an_epoch_and_batches_are_numbered_on(odd_shards, num_workers, persistent_workers):
    loader = loader_of(odd_shards, num_workers=num_workers, persistent_workers=persistent_workers)
    both = epochs(loader, 2)
    for epoch in both:
        assert sorted(sample for _, samples in epoch for sample in samples) == list(range(COUNT))
    assert [number for epoch in both for number, _ in epoch] == list(range(2 * loader.steps_per_epoch))


def test_training_shuffles_by_seed_and_epoch(odd_shards):
    first, second = epochs(loader_of(odd_shards, mode="train"), 2)
    assert sorted(sample for _, samples in first for sample in samples) == list(range(COUNT))
    assert [samples for _, samples in first] != [samples for _, samples in second]
    assert epochs(loader_of(odd_shards, mode="train"), 2) == [first, second]
    assert epochs(loader_of(odd_shards, mode="train", seed=1))[0] != first


@pytest.mark.parametrize("mode", ["validate", "train"])
@pytest.mark.parametrize("left_after", [1, 3, 8])
def test_an_epoch_is_resumed_where_it_was_left(odd_shards, mode, left_after):
    whole = [batch for epoch in epochs(loader_of(odd_shards, mode=mode), 2) for batch in epoch]
    loader = loader_of(odd_shards, mode=mode)
    batches = loader.epoch()
    for _ in range(left_after):
        next(batches)
    position = loader.position
    loader.close()
    assert position == Position(0, left_after)
    again = loader_of(odd_shards, mode=mode)
    again.resume(position)
    rest = [batch for epoch in epochs(again, 2) for batch in epoch]
    assert rest == whole[left_after:]


def test_an_epoch_without_order_cannot_be_resumed(odd_shards):
    with pytest.raises(BadInput, match="in_order=true"):
        loader_of(odd_shards, in_order=False).resume(Position(0, 3))


def test_the_end_of_an_epoch_is_the_begin_of_the_next(odd_shards):
    loader = loader_of(odd_shards)
    epochs(loader)
    assert loader.position == Position(1, 0)


def test_only_the_first_samples_are_asked_for(odd_shards):
    (epoch,) = epochs(loader_of(odd_shards, num_pages=8))
    assert sorted(sample for _, samples in epoch for sample in samples) == list(range(8))


def test_fewer_shards_than_workers_are_refused(odd_shards):
    with pytest.raises(BadInput, match=r"4 workers need a shard each, and there are 3.*--shards"):
        check(odd_shards, num_workers=4)


@pytest.mark.parametrize(
    ("num_workers", "remedy"),
    [
        (2, r"2 workers need one each. Raise num_pages \(7 are enough\), or lower num_workers"),
        (5, r"5 workers need one each. Lower num_workers to 3 at most, and raise num_pages or leave it out"),
    ],
)
def test_few_pages_that_lie_in_few_shards_are_named_and_not_the_shards(odd_shards, num_workers, remedy):
    with pytest.raises(BadInput, match=rf"num_pages=3 lie in 1 of the 3 shards, and {remedy}"):
        check(odd_shards, num_pages=3, num_workers=num_workers)
    check(odd_shards, num_pages=3, num_workers=1)
    check(odd_shards, num_pages=7, num_workers=2)


def test_a_data_set_without_shards_is_refused_with_the_command(odd_pages):
    with pytest.raises(BadInput, match="workbench pages --to webdataset"):
        loader_of(odd_pages)


def test_a_workload_without_shards_is_refused():
    with pytest.raises(BadInput, match=r"no shards to stream.*loader=torch"):
        open_loader(Toy(toy_knobs()), LoaderKnobs(loader="webdataset"), on_gpu=False, pin_memory=False, channel=None)


def cut(path):
    os.truncate(path, 0)


def exchanged(path):
    shutil.copyfile(sorted(path.parent.glob("*.tar"))[0], path)


def noise(path):
    path.write_bytes(b"no tar file" * 1000)


CHANGES = {"cut where an entry begins": cut, "exchanged": exchanged, "no tar file": noise, "gone": Path.unlink}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_shard_that_has_changed_since_the_survey_is_named(odd_shards, tmp_path, change):
    folder = shutil.copytree(odd_shards, tmp_path / "shards")
    loader = loader_of(folder, num_workers=0)
    last = sorted(folder.glob("*.tar"))[-1]
    change(last)
    with pytest.raises(BadInput, match=rf"{last}.*(any more|changed).*Leave the data set alone"):
        epochs(loader)
