"""`workbench study` refuses what would make another study of it, before anything is run."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from examples.case_study.comparison import (
    SHORT_NAMES,
    knobs_of_variants,
    open_study_comparison,
    study_variants,
    variant_name,
)
from workbench import cli
from workbench.errors import BadInput
from workbench.files import examples_root, import_path
from workbench.measure.comparison.variants import parse_variants

pytestmark = pytest.mark.real


def no_notebook(*arguments: Any, **options: Any) -> None:
    raise AssertionError("a notebook was started")


def test_all_that_is_wrong_is_reported_at_once(monkeypatch, capsys):
    arguments = ["-p", "cache=decoded", "-p", "mode=train", "-p", "num_pages=4", "--leave-out", "dalli"]
    monkeypatch.setattr("workbench.commands.headless.run_notebook", no_notebook)
    monkeypatch.setattr(sys, "argv", ["workbench", "study", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    text = capsys.readouterr().err
    assert "cache: is fixed by the study's variants" in text
    assert "mode: is fixed by the study's variants" in text
    assert "there is no variant named 'dalli'. Did you mean 'dali'?" in text
    assert "Traceback" not in text


def test_a_data_set_is_looked_at_before_anything_is_run(monkeypatch, capsys):
    monkeypatch.setattr("workbench.commands.headless.run_notebook", no_notebook)
    monkeypatch.setattr(sys, "argv", ["workbench", "study", "-p", "dataset=no/such/folder"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "unknown"), [("nonsense", ["nonsense"]), ("dali, rum ,ram", ["rum"])])
def test_what_is_left_out_may_be_a_text_with_commas(tmp_path, text, unknown):
    with pytest.raises(BadInput) as error:
        open_study_comparison(tmp_path, {"num_pages": 4}, blocks=1, leave_out=text)
    assert [problem.what for problem in error.value.problems] == [f"there is no variant named '{n}'" for n in unknown]


def test_the_variants_are_knobs_that_go_together(tmp_path):
    shards = tmp_path / "a folder" / "shards"
    common = {"num_workers": 2, "device": "replay", "dataset": "pages", "annotations": "pages/a.json"}
    found = parse_variants(study_variants(shards, num_steps=26), common)
    assert list(found)[1:] == [variant_name(short) for short in SHORT_NAMES]
    assert found["WebDataset"].dataset == str(shards)
    assert found["WebDataset"].annotations is None
    assert found["Normalize knocked out"].knock_out == ("Normalize",)
    assert found["fastest with a cache"].num_steps == 4 * 26


def test_what_is_left_out_is_not_compared(tmp_path):
    specs = study_variants(tmp_path, num_steps=2, leave_out=["dali", "webdataset"])
    assert len(specs) == len(SHORT_NAMES) - 2
    assert {"cache", "loader", "knock_out"} <= knobs_of_variants()
    assert "num_workers" not in knobs_of_variants()


def test_the_examples_of_a_wheel_are_found(monkeypatch, tmp_path):
    bundled = tmp_path / "_bundled"
    (bundled / "examples" / "case_study").mkdir(parents=True)
    monkeypatch.setattr("workbench.files._BUNDLED", bundled)
    assert examples_root() == bundled
    assert str(bundled) in import_path().split(os.pathsep)


def test_the_examples_of_a_checkout_are_found(checkout):
    assert examples_root() == checkout
