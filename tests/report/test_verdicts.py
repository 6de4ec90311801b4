from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.measure.comparison.run import ComparisonRun
from workbench.records import ComparisonState, Failure, Quality, Record, Steady
from workbench.records.run_folder import PAGES
from workbench.report.verdicts import best_variant, compare_run, typical_run
from workbench.workloads.ocr.knobs import OcrKnobs


def record(runs: Path, run_id: str, samples_per_s: float | None, *, level: int = 100) -> Record:
    """A run with its folder: one page of a level, or none where it failed."""
    (runs / run_id).mkdir(parents=True)
    if samples_per_s is None:
        failure = Failure(kind="crash", phase="model", message="crashed")
        return Record(run_id=run_id, created_at="", status="failed", knobs=OcrKnobs(), failure=failure)
    image = np.full((1, 8, 8, 3), level, np.float16)
    np.savez(runs / run_id / PAGES, names=np.array(["a.jpg"]), images=image)
    steady = Steady(
        num_steps=4, num_pages=8, num_epochs=1, warmup_steps=0, wall_s=8 / samples_per_s, samples_per_s=samples_per_s
    )
    quality = Quality(hmean=0.5, precision=0.5, recall=0.5, num_pages=8)
    return Record(run_id=run_id, created_at="", status="ok", knobs=OcrKnobs(), steady=steady, quality=quality)


def compared(runs: Path, **rates: list[float | None]) -> ComparisonRun:
    records = {
        name: [
            record(runs, f"{name}-{block}", rate, level=140 if name == "wrong" else 100)
            for block, rate in enumerate(own)
        ]
        for name, own in rates.items()
    }
    knobs = {name: OcrKnobs() for name in rates}
    state = ComparisonState(variants=knobs, seed=3, most_blocks=3, runs=str(runs), stop="blocks")
    return ComparisonRun(state, order=[list(rates)] * 3, records=records)


def test_a_race_is_judged_against_its_first_variant_with_the_parity_of_the_first_block(tmp_path: Path) -> None:
    race = compared(tmp_path, disk=[10, 11, 10], ram=[20, 22, 20], wrong=[40, 44, 40], crashed=[None])

    comparison = compare_run(race)

    results = {one.name: one for one in comparison.variants}
    assert comparison.baseline == "disk"
    assert comparison.seed == 3
    assert results["ram"].verdict == "faster"
    assert results["crashed"].verdict == "failed"
    assert results["disk"].parity is None
    assert results["ram"].parity is not None and results["ram"].parity.status == "same"
    assert results["wrong"].parity is not None and results["wrong"].parity.status == "different"


def test_a_race_that_ended_with_its_baseline_is_told_so(tmp_path: Path) -> None:
    comparison = compare_run(compared(tmp_path, disk=[None], ram=[20], late=[]))

    assert [one.name for one in comparison.variants] == ["disk", "ram"]
    assert comparison.notes
    assert best_variant(comparison) == "disk"


def test_the_best_variant_is_the_fastest_that_is_sure_and_the_same(tmp_path: Path) -> None:
    sure = {"disk": [10, 11, 10], "ram": [20, 22, 20], "slow": [5, 5, 5], "wrong": [40, 44, 40]}
    race = compared(tmp_path, **sure, half=[90, None], lucky=[90, 3, 99])

    assert best_variant(compare_run(race)) == "ram"


def test_without_a_sure_gain_the_likeliest_is_looked_at(tmp_path: Path) -> None:
    assert best_variant(compare_run(compared(tmp_path, disk=[10, 10], ram=[20, 20], b=[11, 11]))) == "ram"


def test_what_is_slower_is_not_the_best(tmp_path: Path) -> None:
    assert best_variant(compare_run(compared(tmp_path, disk=[10, 11, 10], slow=[5, 5, 5]))) == "disk"


def test_the_typical_run_is_the_one_of_median_throughput(tmp_path: Path) -> None:
    race = compared(tmp_path, disk=[10, 30, 20, None], gone=[None])

    assert typical_run(race.records["disk"]).run_id == "disk-2"
    assert typical_run(race.records["gone"]).run_id == "gone-0"
