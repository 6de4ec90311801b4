"""What a stranger's record may name: nothing outside of its folder."""

from __future__ import annotations

import json

import pytest
from record_factory import make_record

from workbench.errors import BadInput
from workbench.records import ProfilerOverhead
from workbench.records.run_folder import COMPARISON, RECORD, STATE, read_comparison, read_record, read_state, write_json

OUTSIDE = ("../up", "../../etc/passwd", "/etc/passwd", "..", ".", "", "a/../../b", "a\0b")
OVERHEAD = ProfilerOverhead(profilers=["torch"], factor=1.0, lowest=1.0, highest=1.0, run_ids=["a"])


def with_text(folder, change) -> None:
    """A record that has been changed by hand."""
    write_json(folder / RECORD, make_record().model_copy(update={"profiler_overhead": OVERHEAD}))
    told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    change(told)
    (folder / RECORD).write_text(json.dumps(told), encoding="utf-8")


PLACES = {
    "its own name": lambda told, name: told.update(run_id=name),
    "the run with profilers": lambda told, name: told.update(profiled_run_id=name),
    "a run without profilers": lambda told, name: told["profiler_overhead"].update(run_ids=[name]),
    "a file of a profiler": lambda told, name: told.update(profiles={"stack samples": name}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_record_names_nothing_outside_of_its_folder(tmp_path, place: str, name: str) -> None:
    with_text(tmp_path, lambda told: PLACES[place](told, name))
    with pytest.raises(BadInput, match=r"is not the name of a run folder|is not a file of the run folder"):
        read_record(tmp_path)


@pytest.mark.parametrize("place", PLACES)
def test_names_that_stay_inside_are_read(tmp_path, place: str) -> None:
    with_text(tmp_path, lambda told: PLACES[place](told, "20260101-120000-abcdef"))
    assert read_record(tmp_path).run_id
    if place == "a file of a profiler":
        with_text(tmp_path, lambda told: PLACES[place](told, "profiles/workers/..stacks.json"))
        assert read_record(tmp_path).profiles


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_journal_and_a_comparison_name_no_run_elsewhere(tmp_path, name: str) -> None:
    trial = {"block": 0, "variant": "baseline", "run_id": name}
    state = {"schema_version": 2, "variants": {"baseline": {}}, "seed": 0, "most_blocks": 1, "runs": "r"}
    (tmp_path / STATE).write_text(json.dumps({**state, "trials": [trial]}), encoding="utf-8")
    with pytest.raises(BadInput, match="is not the name of a run folder"):
        read_state(tmp_path)
    (tmp_path / COMPARISON).write_text(json.dumps({"warmup_run_id": name}), encoding="utf-8")
    with pytest.raises(BadInput, match=r"warmup_run_id: Value error, .* is not the name of a run folder"):
        read_comparison(tmp_path)
