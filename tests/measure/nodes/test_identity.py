"""Are two copies of a data set the same, and is a node that differs named with what differs?"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from toy import toy_knobs

from workbench.measure.comparison.journal import Journal
from workbench.measure.nodes.fingerprint import fingerprint_of
from workbench.measure.nodes.identity import Identity, differences, identify, notes_of
from workbench.measure.nodes.settings import scheduler_problems, worker_problems
from workbench.records import Node
from workbench.workloads.ocr.knobs import OcrKnobs


def found(folder: Path, **how):
    return fingerprint_of(sorted(folder.iterdir()), **how)


def identity(folder: Path, knobs) -> Identity:
    journal = Journal.begin(folder / "comparison", {"baseline": knobs}, runs=folder / "runs", seed=0, num_blocks=1)
    return Identity.model_validate_json(identify(journal.state.model_dump_json()))


def test_a_copy_elsewhere_with_other_times_is_the_same(pages: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(pages, copy)
    for path in copy.iterdir():
        os.utime(path, (1, 1))
    assert found(copy) == found(pages)


@pytest.mark.parametrize("change", ["content", "name", "size", "missing"])
def test_a_changed_copy_is_another(pages: Path, change: str) -> None:
    before = found(pages)
    path = pages / "2.jpg"
    if change == "content":
        path.write_bytes(b"x" * 100)
    elif change == "name":
        path.rename(pages / "5.jpg")
    elif change == "size":
        path.write_bytes(b"x")
    else:
        path.unlink()
    assert found(pages).digest != before.digest


def test_of_a_large_data_set_some_files_are_read(pages: Path) -> None:
    some = found(pages, most_bytes=250)
    assert (some.num_read, some.num_files) == (2, 4)
    (pages / "1.jpg").write_bytes(b"y" * 100)
    assert found(pages, most_bytes=250).digest == some.digest  # what its docstring says that it can miss


def test_a_node_that_differs_is_named_with_what_differs(pages: Path, tmp_path: Path) -> None:
    own = identity(tmp_path, OcrKnobs(dataset=str(pages)))
    assert own.data[str(pages)].num_files == 4
    assert differences(own, {"alpha": own}) == []
    (pages / "2.jpg").unlink()
    other = identity(tmp_path, OcrKnobs(dataset=str(pages)))
    machine = {**own.machine, "processor": "another CPU"}
    problems = differences(own, {"alpha": own, "beta": other.model_copy(update={"machine": machine})})
    assert [problem.where for problem in problems] == ["node 'beta'", "node 'beta'"]
    assert "processor is another CPU (here " in problems[0].what
    assert "3 files" in problems[1].what
    assert "4 files" in problems[1].what
    assert all(problem.remedy for problem in problems)


def test_a_data_set_that_is_not_known_is_said(tmp_path: Path) -> None:
    own = identity(tmp_path, toy_knobs())
    assert own.data == {}
    assert "digest of toy" in own.code
    nodes = {name: Node(name=name, host="one", address=name) for name in ("a", "b")}
    text = " ".join(notes_of(own, nodes))
    assert "not known" in text
    assert "Several nodes are on one machine (one)" in text


def test_every_setting_that_falsifies_is_named_with_its_remedy() -> None:
    problems = scheduler_problems({"work-stealing": True, "allowed-failures": 3})
    problems += worker_problems("node 'a'", {"threads": 8, "profile": True, "memory-limit": 1})
    assert len(problems) == 5
    assert all("Start" in problem.remedy for problem in problems)
    assert scheduler_problems({"work-stealing": False, "allowed-failures": 0}) == []
    assert worker_problems("node 'a'", {"threads": 1, "profile": False, "memory-limit": None}) == []
