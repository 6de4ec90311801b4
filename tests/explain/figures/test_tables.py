"""Tables of a run say what its record holds, in the words of its workload."""

from __future__ import annotations

from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.plan import PlanStep
from workbench.explain.figures.tables import (
    diagnosis_table,
    environment_table,
    knobs_table,
    plan_table,
    run_table,
    stage_table,
)
from workbench.explain.table import Cell, Table
from workbench.knobs.knobs import Knobs
from workbench.records import Count, Description, PredictedValue, Score

GAIN = PredictedValue(estimate=0.3, low=0.2, high=0.4)


def alarms(table: Table) -> list[str]:
    """What a table warns of."""
    cells = [part for row in table.rows for cell in row for part in (cell, *cell.below)]
    return [cell.text for cell in cells if cell.tone == "alarm"]


def test_the_stage_table_has_a_row_for_each_stage_and_for_what_is_left_over():
    record = make_record()
    table = stage_table(record)
    assert len(table.rows) == len(record.stages) + len(record.lanes)
    assert "worker (background thread)" in {row[0] for row in table.texts}
    assert [row[1] for row in table.texts if "unattributed" in row[1]] == ["unattributed 99.0 % attributed"] * 2
    assert alarms(table) == []
    decode = next(row for row in table.texts if row[1] == "decode")
    assert decode == (
        "worker", "decode", "100", "page", "140 ms", "140 ms", "140 ms", "14.0 ms", "70.0 %", "measured",
    )  # fmt: skip


def test_a_stage_is_done_for_an_item_of_the_record():
    table = stage_table(make_record().model_copy(update={"item": "image"}))
    assert table.columns[7] == "per image"
    assert {row[3] for row in table.texts} == {"image", "batch", ""}


def test_the_stage_table_warns_of_what_does_not_add_up():
    stages = [make_stage("main", "wait", 0.5)]
    gap = stage_table(make_record(stages=stages, lanes=[make_lane("main", 1.0, 0.5)]))
    assert alarms(gap) == ["only 50.0 % attributed"]
    twice = stage_table(make_record(stages=stages, lanes=[make_lane("main", 0.25, 0.25)]))
    assert alarms(twice) == ["stages add up to 200.0 %: some time counts twice"]


def test_the_stage_table_explains_samples_loaded_in_the_main_process():
    assert "num_workers=0" in stage_table(make_record(num_workers=0)).notes[0]
    assert stage_table(make_failed()).notes == ("No stage was timed in this run.",)


def values(table: Table) -> dict[str, str]:
    return {row[0]: row[1] for row in table.texts}


def test_the_run_table_counts_in_the_records_own_item():
    found = values(run_table(make_record().model_copy(update={"item": "image"})))
    assert found["throughput"] == "100 images/s"
    assert found["steady part"] == "10 steps, 100 images (1 epoch)"
    assert found["attributed share"] == "main 99.0 %, worker 99.0 %"
    assert values(run_table(make_record()))["throughput"] == "100 pages/s"


def test_the_run_table_has_what_the_workload_has_counted_and_scored():
    counts = [Count(name="words", number=500), Count(name="turned by EXIF", number=3)]
    description = Description(num_samples=404, counts=counts, notes=["Two files were empty."])
    score = Score(value=0.91234, unit="%", num_samples=100)
    record = make_record().model_copy(update={"description": description, "quality": {"accuracy": score}})
    found = values(run_table(record))
    assert found["data set"] == "404 pages, 500 words, 3 turned by EXIF"
    assert found["note"] == "Two files were empty."
    assert found["accuracy"] == "0.912 % on 100 pages (measured)"


def test_the_run_table_says_what_the_cache_held():
    record = make_record()
    memory = record.memory.model_copy(update={"cache_bytes": 10**9, "cache_readings": 7, "cache_was_filled": True})
    found = values(run_table(record.model_copy(update={"memory": memory})))
    assert found["pages in the cache"] == "1.00 GB, read 7 times, found filled by an earlier run"


def test_knobs_that_are_not_at_their_default_are_bold():
    strong = [name.text for name, value in knobs_table(Knobs(num_workers=7)).rows if value.style == "strong"]
    assert strong == ["num_workers"]


def test_the_environment_is_that_of_the_first_run_that_got_so_far():
    assert values(environment_table([make_failed(), make_record()]))["CPU"] == "a CPU, 2 cores"
    assert "No run" in environment_table([make_failed()]).notes[0]


def test_causes_stand_with_what_they_cost():
    table = diagnosis_table([Cause("loader-bound", "decode", "It takes 8 ms (`cache=prepared`).", 0.25)])
    assert table.texts[0][:2] == ("loader-bound by 'decode'", "25.0 % of the time")
    assert table.rows[0][2] == Cell("It takes 8 ms (`cache=prepared`).", style="sentence")
    assert diagnosis_table([Cause("healthy", None, "All is well.", 0.0)]).texts[0][1] == "nothing"
    assert "No stage was timed" in diagnosis_table([]).notes[0]


def test_changes_stand_with_gain_cost_and_command():
    command = "workbench compare --variant 'a: b=c'"
    table = plan_table([PlanStep({"cache": "prepared"}, "loader-bound", GAIN, None, True, "78.6 MB", command)])
    assert table.texts == [("cache=prepared", "loader-bound", "30.0 % [20.0 %, 40.0 %] (simulated)", "78.6 MB")]
    assert table.commands == (command,)
    assert "No knob" in plan_table([]).notes[0]


def test_the_run_table_says_what_a_score_is_no_figure_of():
    score = Score(value=0.998, num_samples=16, origin="simulated", note="the truth is handed back")
    found = values(run_table(make_record().model_copy(update={"quality": {"H-mean": score}})))
    assert found["H-mean"] == "0.998 on 16 pages (simulated: the truth is handed back)"
