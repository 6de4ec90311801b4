"""Of every sample a digest is kept, of a few all values, whatever a sample is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from workbench.measure.loaders.indexed_batch import IndexedBatch
from workbench.measure.trial.sample_recorder import SampleRecorder


@dataclass
class Data:
    images: torch.Tensor
    rest: dict[str, Any]


def data(*numbers: int, shift: float = 0.0) -> Data:
    """A batch whose arrays are made of the numbers of its samples; not all of it is sample by sample."""
    images = torch.stack([torch.full((3, 4), number + shift) for number in numbers])
    boxes = np.array([[number, number] for number in numbers])
    return Data(images, {"boxes": boxes, "names": [str(number) for number in numbers], "scale": torch.ones(())})


def record(recorder: SampleRecorder, *numbers: int, whole_only: bool = False, **settings: Any) -> None:
    recorder.record(IndexedBatch(data(*numbers, **settings), 0, list(numbers)), whole_only=whole_only)


def recorded(*batches: tuple[int, ...], num_whole: int = 2, **settings: Any) -> dict[str, Any]:
    recorder = SampleRecorder(6, num_whole)
    for numbers in batches:
        record(recorder, *numbers, **settings)
    return recorder.recorded()


def test_every_sample_is_counted_and_the_first_ones_are_kept_whole():
    found = recorded((0, 1, 2), (3, 4, 1))
    assert found["times_seen"].tolist() == [1, 2, 1, 1, 1, 0]
    assert found["digests"][5] == 0
    assert len(set(found["digests"].tolist())) == 6
    assert found["numbers"].tolist() == [0, 1]
    assert sorted(name for name in found if name.startswith("whole/")) == ["whole/data.images", "whole/data.rest.boxes"]
    assert found["whole/data.images"].shape == (2, 3, 4)
    assert found["whole/data.rest.boxes"].tolist() == [[0, 0], [1, 1]]


def test_the_same_samples_in_other_batches_have_the_same_digests():
    assert np.array_equal(recorded((0, 1, 2), (3, 4, 5))["digests"], recorded((5, 3), (1, 0, 4, 2))["digests"])


@pytest.mark.parametrize("shift", [1e-6, 1.0])
def test_planted_fault_a_value_that_differs_changes_the_digest(shift):
    right, wrong = recorded((0, 1, 2)), recorded((0, 1, 2), shift=shift)
    assert (right["digests"][1:3] != wrong["digests"][1:3]).all()


def test_planted_fault_a_sample_under_another_number_changes_its_digest():
    recorder = SampleRecorder(6, 2)
    recorder.record(IndexedBatch(data(1, 0, 2), 0, [0, 1, 2]))
    wrong, right = recorder.recorded()["digests"], recorded((0, 1, 2))["digests"]
    assert (wrong != right).tolist() == [True, True, False, False, False, False]


def test_planted_fault_values_of_another_type_change_the_digest():
    digests = []
    for dtype in (np.int32, np.float32):
        recorder = SampleRecorder(2, 0)
        recorder.record(IndexedBatch(np.zeros((2, 3), dtype), 0, [0, 1]))
        digests.append(recorder.recorded()["digests"])
    assert (digests[0] != digests[1]).all()


def test_in_the_warm_up_samples_are_kept_and_not_counted():
    recorder = SampleRecorder(6, 2)
    record(recorder, 0, 1, 2, whole_only=True)
    record(recorder, 3, 4, whole_only=True)
    found = recorder.recorded()
    assert found["numbers"].tolist() == [0, 1]
    assert not found["times_seen"].any()
    assert not found["digests"].any()


def test_what_is_kept_is_what_arrived_first_and_stays_as_it_was():
    recorder = SampleRecorder(6, 1)
    first = data(0, 1)
    recorder.record(IndexedBatch(first, 0, [0, 1]), whole_only=True)
    first.images.zero_()
    first.images += 77.0
    record(recorder, 0, 1, shift=5.0)
    assert (recorder.recorded()["whole/data.images"] == 0.0).all()


@pytest.mark.parametrize(
    ("batch", "name"),
    [
        (torch.ones(2, 3, dtype=torch.bfloat16), "whole/data"),
        ((torch.ones(2), ["a", "b"]), "whole/data.0"),
        ({"x": np.ones((2, 1))}, "whole/data.x"),
        ([torch.ones(2, 2, requires_grad=True)], "whole/data.0"),
    ],
    ids=["bfloat16", "tuple", "dict", "with gradient"],
)
def test_arrays_are_found_in_whatever_a_batch_is(batch, name):
    recorder = SampleRecorder(2, 2)
    recorder.record(IndexedBatch(batch, 0, [0, 1]))
    found = recorder.recorded()
    assert [key for key in found if key.startswith("whole/")] == [name]
    assert (found[name] == 1).all()
    assert found["digests"][0] == found["digests"][1] != 0


def test_samples_of_unequal_shape_are_not_stacked_and_still_have_digests():
    recorder = SampleRecorder(2, 2)
    recorder.record(IndexedBatch(torch.ones(1, 3), 0, [0]))
    recorder.record(IndexedBatch(torch.ones(1, 4), 1, [1]))
    found = recorder.recorded()
    assert found["numbers"].tolist() == [0, 1]
    assert not any(key.startswith("whole/") for key in found)
    assert found["digests"][0] != found["digests"][1]
