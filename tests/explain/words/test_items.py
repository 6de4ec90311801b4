"""Samples are called what the record calls them."""

from __future__ import annotations

import re

from record_factory import make_record

from workbench.explain.words.items import counted, item_of, listed, per_item, plural


def test_a_record_names_its_item_and_one_that_does_not_has_samples():
    assert item_of(make_record().model_copy(update={"item": "image"})) == "image"
    assert item_of(make_record().model_copy(update={"item": ""})) == "sample"


def test_counts_are_in_the_singular_and_in_the_plural():
    assert (counted(1, "page"), counted(0, "page"), counted(404, "page")) == ("1 page", "0 pages", "404 pages")
    assert plural("clip") == "clips"


def test_a_stage_is_done_for_a_batch_or_for_an_item():
    assert (per_item("batch", "image"), per_item("sample", "image")) == ("batch", "image")


def test_names_are_listed_as_in_a_sentence():
    assert [listed(names) for names in ("a", "ab", "abc")] == ["'a'", "'a' and 'b'", "'a', 'b' and 'c'"]


def test_no_count_is_written_with_a_plural_of_its_own(checkout):
    """Where one of a thing cannot be, or has been dealt with, the line says so: it is listed here."""
    found = [
        f"{path.relative_to(checkout)}: {match[0]}"
        for path in sorted([*(checkout / "workbench").rglob("*.py"), *(checkout / "examples").rglob("*.py")])
        for match in re.finditer(
            r"\{(len\([^{}]*\)|[\w.]*(num_\w+|count))\} (pages|samples|words|blocks|trials|steps|cores|shards|batches|"
            r"checks|comparisons|times|files|variants|workers|entries)\b",
            path.read_text(encoding="utf-8"),
        )
    ]
    assert [line for line in found if line not in _NEVER_ONE] == []


#: Counts that are two at least where they are written.
_NEVER_ONE = (
    "workbench/commands/doctor.py: {len(findings)} checks",
    "workbench/report/block_time.py: {self._num_trials} trials",
    "workbench/report/self_test.py: {num_blocks} blocks",
    "workbench/explain/words/verdicts.py: {num_compared} variants",
    "workbench/workloads/ocr/annotations/recognize.py: {len(self.paths)} files",
    "workbench/workloads/ocr/detector/metric.py: {len(truths)} words",
    "workbench/explain/figures/verdicts.py: {len(self.speed_ups)} variants",
    "workbench/explain/diagnosis/loop_rules.py: {knobs.num_workers} workers",
    "workbench/measure/loaders/webdataset_loader.py: {knobs.num_workers} workers",
    "workbench/panel/comparison_panel.py: {count} variants",
    "workbench/panel/comparison_panel.py: {len(variants)} variants",
)
