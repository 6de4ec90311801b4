"""What a comparison of thousands keeps of each record: all that verdicts rest on, and no more."""

from __future__ import annotations

import json

import pytest
from record_factory import make_record

from workbench.errors import BadInput
from workbench.explain.verdicts.comparison import compare
from workbench.records import Slice, light
from workbench.records.light import Kept
from workbench.records.run_folder import RECORD, read_record, write_json


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Two are kept whole."""
    monkeypatch.setattr(light, "MOST_WHOLE", 2)
    return Kept(tmp_path)


def left(runs, number, **changes):
    record = make_record(100.0 + number, name=f"run-{number}").model_copy(update=changes)
    write_json(runs / record.run_id / RECORD, record)
    return record


def test_the_first_ones_are_whole_and_later_ones_have_no_details(kept, tmp_path):
    records = [kept.keep(left(tmp_path, number)) for number in range(4)]
    assert [bool(record.stages) for record in records] == [True, True, False, False]
    assert not records[3].batches.number
    assert read_record(tmp_path / "run-3").stages, "the whole one is on the disk"
    assert records[2].knobs is records[3].knobs, "what is alike is kept once"


def test_one_can_be_asked_to_stay_whole(kept, tmp_path):
    assert [bool(kept.keep(left(tmp_path, number), whole=number == 3).stages) for number in range(4)][2:] == [
        False,
        True,
    ]


def test_verdicts_are_the_same_without_details(kept, tmp_path):
    whole = {"a": [left(tmp_path, n) for n in range(3)], "b": [left(tmp_path, 10 * n + 50) for n in range(3)]}
    without = {name: [kept.keep(record) for record in records] for name, records in whole.items()}
    order = [["a", "b"]] * 3
    assert compare(without, baseline="a", order=order, seed=0) == compare(whole, baseline="a", order=order, seed=0)


def test_the_throughput_of_a_trial_in_turns_keeps_its_batches(kept, tmp_path):
    for number in range(2):
        kept.keep(left(tmp_path, number))
    record = kept.keep(left(tmp_path, 2, slices=[Slice(begin_ns=0, end_ns=1)]))
    assert record.batches.number and not record.stages


def test_two_that_are_not_alike_keep_their_own(kept, tmp_path):
    for number in range(3):
        kept.keep(left(tmp_path, number))
    other = left(tmp_path, 3)
    changed = other.model_copy(update={"knobs": other.knobs.changed(num_workers=1)})
    write_json(tmp_path / "run-3" / RECORD, changed)
    assert kept.keep(changed).knobs.num_workers == 1


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": 1}', None])
def test_a_damaged_one_is_named_as_ever(kept, tmp_path, content):
    for number in range(3):
        kept.keep(left(tmp_path, number))
    path = tmp_path / "run-2" / RECORD
    if content is None:
        path.write_text(json.dumps({**json.loads(path.read_text()), "status": "odd"}))
    else:
        path.write_text(content)
    with pytest.raises(BadInput) as light_one:
        kept.read("run-2")
    with pytest.raises(BadInput) as whole_one:
        read_record(tmp_path / "run-2")
    assert str(light_one.value) == str(whole_one.value)


def test_without_its_file_a_record_is_kept_as_it_is(kept, tmp_path):
    records = [left(tmp_path, number) for number in range(3)]
    (tmp_path / "run-2" / RECORD).unlink()
    assert [kept.keep(record) for record in records][2] is records[2]
