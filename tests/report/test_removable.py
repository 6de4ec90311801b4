"""What `workbench clean` removes: old results, whole; never what is in use, rested on, or not the workbench's own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from workbench.records.in_use import Hold
from workbench.records.run_folder import COMPARISON, EVENTS, KNOBS, RECORD, STATE, TRIALS, TUNE
from workbench.report.removable import removable
from workbench.report.removal import remove
from workbench.report.results_on_disk import num_bytes

LATER_S = 100_000.0


def stamp(number: int) -> str:
    return f"20260101-0000{number:02d}-00000{number % 10}"


def put(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / {"record": RECORD, "knobs": KNOBS, "events": EVENTS, "state": STATE}.get(name, name)).write_text(text)
    return folder


def trial(reports: Path, number: int, record: str = "{}") -> Path:
    return put(reports / "runs" / stamp(number), knobs="{}", events="", record=record)


def compared(reports: Path, number: int, *trials: int) -> Path:
    return put(reports / "comparisons" / stamp(number), state=f"{{{', '.join(map(stamp, trials))}}}")


def going(reports: Path, keep: int = 1) -> list[str]:
    later_s = time.time() + LATER_S
    found = removable(reports, keep, now_s=lambda: later_s)
    return [path.relative_to(reports).as_posix() for thing in found for path in thing.paths]


def test_the_newest_stay_and_a_comparison_goes_with_its_trials(tmp_path):
    for number in range(8):
        trial(tmp_path, number)
    compared(tmp_path, 10, 0, 1)
    compared(tmp_path, 11, 1, 2)
    assert going(tmp_path) == [
        f"comparisons/{stamp(10)}",
        f"runs/{stamp(0)}",  # the other one of it is of a comparison that stays
        *(f"runs/{stamp(number)}" for number in (3, 4, 5, 6)),
    ]
    assert going(tmp_path, keep=5) == []


def test_a_search_that_stays_keeps_its_comparisons_and_its_short_trials(tmp_path):
    for number in range(7):
        trial(tmp_path, number)
    for number, own in ((10, 0), (11, 1), (12, 2)):
        compared(tmp_path, number, own)
    put(tmp_path / "tunings" / stamp(20), **{TUNE: f'{{"values": ["{stamp(3)}"], "comparisons": ["{stamp(11)}"]}}'})
    put(tmp_path / "tunings" / stamp(21), **{TUNE: f'{{"values": ["{stamp(4)}"], "comparisons": ["{stamp(10)}"]}}'})

    assert going(tmp_path) == [
        f"comparisons/{stamp(11)}",
        f"runs/{stamp(1)}",
        *(f"runs/{stamp(number)}" for number in (3, 5)),
        f"tunings/{stamp(20)}",
    ]


def test_a_damaged_comparison_that_stays_keeps_its_trials(tmp_path):
    for number in range(3):
        trial(tmp_path, number)
    put(tmp_path / "comparisons" / stamp(5), **{COMPARISON: f'{{"run_ids": ["{stamp(0)}", "bro'})
    assert going(tmp_path) == [f"runs/{stamp(1)}"]


def test_an_interrupted_comparison_keeps_the_trials_that_were_appended_to_its_journal(tmp_path):
    for number in range(3):
        trial(tmp_path, number)
    folder = compared(tmp_path, 5)
    (folder / TRIALS).write_text(f'{{"run_id": "{stamp(0)}"}}\n')
    assert going(tmp_path) == [f"runs/{stamp(1)}"]


def test_a_trial_that_stays_keeps_the_one_with_profilers(tmp_path):
    trial(tmp_path, 0)
    trial(tmp_path, 1)
    trial(tmp_path, 2, record=f'{{"profiled_run_id": "{stamp(1)}"}}')
    assert going(tmp_path) == [f"runs/{stamp(0)}"]


@pytest.mark.parametrize("kind", ["comparisons", "runs"])
def test_what_is_in_use_stays(tmp_path, kind):
    for number in range(3):
        trial(tmp_path, number)
    compared(tmp_path, 8, 0)
    compared(tmp_path, 9)
    held = Hold(tmp_path / kind / stamp(8 if kind == "comparisons" else 1))
    expected = {f"comparisons/{stamp(8)}", f"runs/{stamp(0)}", f"runs/{stamp(1)}"}
    kept = {f"runs/{stamp(1)}"} if kind == "runs" else {f"comparisons/{stamp(8)}", f"runs/{stamp(0)}"}
    assert set(going(tmp_path)) == expected - kept
    held.release()
    assert set(going(tmp_path)) == expected


def test_what_was_taken_into_use_after_it_was_shown_stays_with_its_trials(tmp_path):
    for number in range(2):
        trial(tmp_path, number)
    folder = compared(tmp_path, 8, 0)
    compared(tmp_path, 9, 1)
    found = removable(tmp_path, 1, now_s=lambda: time.time() + LATER_S)
    held = Hold(folder)
    done = remove(found)
    held.release()
    assert done.left == [f"{folder} is in use now"]
    assert (tmp_path / "runs" / stamp(0) / RECORD).is_file()
    assert remove(found).left == []
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [stamp(1)]


def test_what_has_changed_just_now_stays(tmp_path):
    for number in range(3):
        trial(tmp_path, number)
    assert removable(tmp_path, 1) == []


def test_a_trial_without_a_record_goes_when_nobody_works_on_it(tmp_path):
    folder = put(tmp_path / "runs" / stamp(0), knobs="{}", events="")
    trial(tmp_path, 1)
    held = Hold(folder)
    assert going(tmp_path) == []
    held.release()
    assert going(tmp_path) == [f"runs/{stamp(0)}"]


def test_what_is_not_the_workbenchs_own_stays(tmp_path):
    elsewhere = put(tmp_path / "elsewhere", record="{}", knobs="{}")
    reports = tmp_path / "reports"
    for number in (7, 8, 9):
        trial(reports, number)
    put(reports / "runs" / "my notes", record="{}")
    put(reports / "runs" / stamp(0), thesis="mine")
    (reports / "runs" / stamp(1)).symlink_to(elsewhere)
    put(reports / "reference", record="{}")
    for name in (f"thesis-{stamp(0)}.html", f"thesis-{stamp(1)}.html", "profile.html", "profile-old.ipynb"):
        (reports / name).touch()
    assert going(reports) == [f"runs/{stamp(7)}", f"runs/{stamp(8)}"]


def test_of_the_pages_of_each_notebook_the_newest_stay(tmp_path):
    for name in ("profile", "compare"):
        for number in range(2):
            for ending in ("ipynb", "html"):
                (tmp_path / f"{name}-{stamp(number)}.{ending}").touch()
    first = [f"{name}-{stamp(0)}.{ending}" for name in ("compare", "profile") for ending in ("html", "ipynb")]
    assert sorted(going(tmp_path)) == first


def test_a_link_within_a_folder_goes_and_what_it_points_to_stays(tmp_path):
    outside = put(tmp_path / "outside", precious="1")
    for number in range(2):
        trial(tmp_path, number)
    (tmp_path / "runs" / stamp(0) / "data").symlink_to(outside)
    done = remove(removable(tmp_path, 1, now_s=lambda: time.time() + LATER_S))
    assert (done.count, done.left) == (1, [])
    assert (outside / "precious").is_file()
    assert not (tmp_path / "runs" / stamp(0)).exists()


def test_a_folder_that_is_a_link_is_not_looked_into(tmp_path):
    for number in range(3):
        trial(tmp_path / "other", number)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "runs").symlink_to(tmp_path / "other" / "runs")
    assert going(tmp_path / "reports") == []


def test_the_size_is_that_on_the_disk_and_without_links(tmp_path):
    (tmp_path / "a").write_bytes(bytes(100_000))
    (tmp_path / "root").symlink_to("/")
    assert 100_000 <= num_bytes(tmp_path) < 120_000
    assert num_bytes(tmp_path / "gone") == 0
