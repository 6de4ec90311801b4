"""From trials to verdicts, with the checks of the first block; the variant and the run to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from record_factory import make_failed, make_record

from workbench.measure.comparison.run import ComparisonRun
from workbench.records import ComparisonState, Record
from workbench.records.run_folder import RECORD, SAMPLES, write_json
from workbench.report.verdicts import best_variant, compare_run, pictured_variant, typical_run
from workbench.workloads.ocr.knobs import OcrKnobs


def record(runs: Path, run_id: str, rate: float | None, *, level: int = 100) -> Record:
    """A run with its folder: one page of a level, or none where it failed."""
    (runs / run_id).mkdir(parents=True)
    if rate is None:
        return make_failed(run_id)
    image = np.full((1, 8, 8, 3), level, np.float16)
    np.savez(runs / run_id / SAMPLES, names=np.array(["a.jpg"]), images=image)
    return make_record(rate, name=run_id)


def compared(runs: Path, **rates: list[float | None]) -> ComparisonRun:
    records = {
        name: [
            record(runs, f"{name}-{block}", rate, level=140 if name == "wrong" else 100)
            for block, rate in enumerate(trials)
        ]
        for name, trials in rates.items()
    }
    knobs = {name: OcrKnobs() for name in rates}
    state = ComparisonState(variants=knobs, seed=3, most_blocks=3, runs=str(runs), stop="blocks")
    return ComparisonRun(state, order=[list(rates)] * 3, records=records)


def test_variants_are_compared_with_the_first_and_checked_by_the_first_block(tmp_path: Path) -> None:
    run = compared(tmp_path, disk=[10, 11, 10], ram=[20, 22, 20], wrong=[40, 44, 40], crashed=[None])

    comparison = compare_run(run)

    results = {variant.name: variant for variant in comparison.variants}
    assert comparison.baseline == "disk"
    assert (comparison.seed, comparison.item, comparison.stop) == (3, "page", "blocks")
    assert results["ram"].verdict == "faster"
    assert results["crashed"].verdict == "failed"
    assert results["disk"].checks is None
    assert results["ram"].checks is not None and results["ram"].checks.status == "same"
    assert results["wrong"].checks is not None and results["wrong"].checks.is_different


def test_a_comparison_that_ended_with_its_baseline_says_so(tmp_path: Path) -> None:
    comparison = compare_run(compared(tmp_path, disk=[None], ram=[20], late=[]))

    assert [variant.name for variant in comparison.variants] == ["disk", "ram"]
    assert comparison.notes
    assert best_variant(comparison) == "disk"


def test_the_best_variant_is_the_fastest_whose_verdict_is_clear_and_whose_result_is_the_same(tmp_path: Path) -> None:
    sure = {"disk": [10, 11, 10], "ram": [20, 22, 20], "slow": [5, 5, 5], "wrong": [40, 44, 40]}
    run = compared(tmp_path, **sure, half=[90, None], lucky=[90, 3, 99])

    assert best_variant(compare_run(run)) == "ram"


def test_without_a_clear_gain_the_likeliest_is_looked_at(tmp_path: Path) -> None:
    assert best_variant(compare_run(compared(tmp_path, disk=[10, 10], ram=[20, 20], b=[11, 11]))) == "ram"


def test_what_is_slower_is_not_the_best(tmp_path: Path) -> None:
    comparison = compare_run(compared(tmp_path, disk=[10, 11, 10], slow=[5, 5, 5]))
    assert best_variant(comparison) == "disk"
    assert pictured_variant(comparison) == "slow"


def test_the_typical_run_is_the_one_of_median_throughput(tmp_path: Path) -> None:
    run = compared(tmp_path, disk=[10, 30, 20, None], gone=[None])

    assert typical_run(run.records["disk"]).run_id == "disk-2"
    assert typical_run(run.records["gone"]).run_id == "gone-0"


def test_the_typical_run_is_read_whole_where_its_folder_is_known(tmp_path):
    whole = make_record(name="a")
    write_json(tmp_path / "a" / RECORD, whole)
    light = whole.model_copy(update={"stages": []})
    assert typical_run([light], tmp_path).stages == whole.stages
    assert typical_run([light], tmp_path / "gone") is light
