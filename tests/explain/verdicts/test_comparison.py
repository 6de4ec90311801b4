"""Comparisons by hand."""

from __future__ import annotations

import pytest
from record_factory import make_failed, make_record, make_steady

from workbench.explain.verdicts.comparison import break_even_epochs, compare, is_clear
from workbench.records import Comparison, Description, Machine, Memory, Policy, Record


def compared(rates: dict[str, list[float]], **settings) -> Comparison:
    records = {name: [make_record(rate) for rate in trials] for name, trials in rates.items()}
    names = list(records)
    return compare(records, baseline=names[0], order=[names] * len(rates[names[0]]), seed=0, **settings)


def result(comparison: Comparison, name: str):
    return next(variant for variant in comparison.variants if variant.name == name)


def test_the_effect_is_the_geometric_mean_of_the_ratios_in_each_block():
    comparison = compared({"baseline": [100, 50, 200], "a": [200, 100, 400]})
    speedup = result(comparison, "a").speedup
    assert speedup.estimate == pytest.approx(2.0)
    assert speedup.ci95 == pytest.approx((2.0, 2.0))  # the machine's drift hits both alike, and is gone


@pytest.mark.parametrize("blocks", [1, 2])
def test_few_blocks_give_no_verdict(blocks):
    comparison = compared({"baseline": [100.0] * blocks, "a": [300.0] * blocks})
    assert result(comparison, "a").verdict == "inconclusive"
    assert result(comparison, "a").speedup.ci95 is None


def test_the_baseline_gets_no_verdict():
    baseline = result(compared({"baseline": [100, 101, 99], "a": [100, 101, 99]}), "baseline")
    assert baseline.verdict is None
    assert baseline.speedup is None


def test_a_failed_variant_has_failed():
    records = {"baseline": [make_record(100)] * 3, "broken": [make_failed()]}
    comparison = compare(records, baseline="baseline", order=[["baseline", "broken"]] * 3, seed=0)
    broken = result(comparison, "broken")
    assert broken.verdict == "failed"
    assert broken.failure.message == "out of luck"
    assert broken.samples_per_s is None


def test_against_a_failed_baseline_nothing_is_said():
    records = {"baseline": [make_failed()], "a": [make_record(100)]}
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]], seed=0)
    assert result(comparison, "a").verdict == "inconclusive"
    assert "baseline failed" in comparison.notes[0]


def test_one_failed_trial_of_the_baseline_leaves_no_verdict():
    records = {
        "baseline": [make_record(100), make_record(101), make_record(99), make_failed()],
        "a": [make_record(200), make_record(202), make_record(198), make_record(201)],
    }
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]] * 4, seed=0)
    assert result(comparison, "a").verdict == "inconclusive"
    assert result(comparison, "baseline").verdict == "failed"


def test_one_failed_trial_among_good_ones_is_a_failure_even_where_it_says_no_reason():
    broken = make_failed().model_copy(update={"failure": None})
    records = {"baseline": [make_record(100)] * 4, "a": [*[make_record(300)] * 3, broken]}
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]] * 4, seed=0)
    assert result(comparison, "a").verdict == "failed"


def test_a_comparison_that_never_began_says_so():
    comparison = compare({"baseline": [], "a": []}, baseline="baseline", order=[], seed=0)
    assert comparison.variants == []
    assert "did not run" in comparison.notes[0]


def test_too_few_blocks_are_noted():
    assert "fewer than 3 complete blocks: 'a'" in compared({"baseline": [100.0], "a": [300.0]}).notes[0]
    assert compared({"baseline": [100.0] * 3, "a": [300.0] * 3}).notes == []


def test_a_simulated_and_a_real_device_make_a_pair_only_with_a_note():
    real = [make_record(rate).model_copy(update={"simulated": False}) for rate in (200, 201, 202)]
    records = {"baseline": [make_record(100)] * 3, "a": real}
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]] * 3, seed=0)
    assert "simulated device, the other not: 'a'" in comparison.notes[0]


def test_memory_is_the_largest_of_the_trials_each_figure_for_itself():
    memories = [
        Memory(peak_pss_bytes=5, cache_bytes=None, pss_bytes_by_phase={"model": 3}, device_process_bytes=9),
        Memory(peak_pss_bytes=None, cache_bytes=7, peak_device_bytes=2, pss_bytes_by_phase={"model": 4, "cache": 1}),
    ]
    records = {"baseline": [make_record().model_copy(update={"memory": memory}) for memory in memories]}
    (baseline,) = compare(records, baseline="baseline", order=[["baseline"]] * 2, seed=0).variants
    assert baseline.memory == Memory(
        peak_pss_bytes=5,
        cache_bytes=7,
        peak_device_bytes=2,
        pss_bytes_by_phase={"model": 4, "cache": 1},
        device_process_bytes=9,
    )


def test_the_same_records_make_the_same_comparison():
    rates = {"baseline": [100.0, 101.0, 99.0], "a": [200.0, 190.0, 210.0]}
    assert compared(rates) == compared(rates)
    assert compared(rates).created_at == "2026-01-01T00:00:00+00:00"


def test_throughput_is_the_median_of_the_blocks_and_the_interval_that_of_their_geometric_mean():
    throughput = result(compared({"baseline": [90.0, 100.0, 400.0]}), "baseline").samples_per_s
    assert throughput.median == 100.0
    assert throughput.per_block == [90.0, 100.0, 400.0]
    mean = (90.0 * 100.0 * 400.0) ** (1 / 3)
    low, high = throughput.geometric_mean.ci95
    assert throughput.geometric_mean.estimate == pytest.approx(mean)
    assert low * high == pytest.approx(mean**2), "the interval is around the mean, not around the median"
    few = result(compared({"baseline": [90.0, 100.0]}), "baseline").samples_per_s
    assert few.geometric_mean.ci95 is None


def test_it_knows_what_the_workload_calls_its_samples_and_where_the_baseline_is():
    comparison = compared({"baseline": [100.0] * 3, "a": [200.0] * 3})
    assert comparison.item == "page"
    assert comparison.base.name == "baseline"
    assert [variant.name for variant in comparison.others] == ["a"]


def test_knobs_that_can_change_nothing_are_named_with_the_reason():
    records = {"baseline": [make_record(num_workers=0)] * 3, "a": [make_record(num_workers=0, prefetch_factor=8)] * 3}
    comparison = compare(records, baseline="baseline", order=[list(records)] * 3, seed=0)
    assert result(comparison, "a").inactive == [
        "prefetch_factor changes nothing here: there are no workers (num_workers=0)"
    ]
    assert result(comparison, "baseline").inactive == []


def test_extra_start_up_is_paid_back_in_epochs():
    # 100 pages: 1 s an epoch against 0.5 s; 3 s of extra start-up
    variant = [make_record(200, startup_s=8.0)] * 3
    baseline = [make_record(100, startup_s=5.0)] * 3
    assert break_even_epochs(variant, baseline) == pytest.approx(6.0)
    assert break_even_epochs(baseline, variant) is None
    assert break_even_epochs([make_record(50, startup_s=8.0)], baseline) is None


def test_it_comes_back_from_json():
    comparison = compared({"baseline": [100, 101, 99], "a": [200, 190, 210]})
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def timed(rate: float, wall_s: float = 30.0):
    machine = Machine(wall_s=wall_s, other_cores=0.0, steal_share=0.0, load_1min=0.0)
    return make_record(rate).model_copy(update={"machine": machine})


def test_an_undecided_variant_says_how_many_blocks_it_needs_and_what_such_a_comparison_can_tell():
    rates = {"baseline": [100, 103, 97, 101, 99], "a": [104, 102, 105, 101, 107]}
    records = {name: [timed(rate) for rate in own] for name, own in rates.items()}
    comparison = compare(records, baseline="baseline", order=[list(rates)] * 5, seed=0)
    assert result(comparison, "a").verdict == "inconclusive"
    assert result(comparison, "a").more_blocks > 0
    assert comparison.resolution.num_blocks == 5
    assert comparison.resolution.block_s == 60.0
    assert comparison.resolution.effect > result(comparison, "a").speedup.estimate - 1


def test_a_decided_variant_needs_nothing():
    rates = {"baseline": [100, 101, 99, 100], "a": [200, 203, 197, 201]}
    assert result(compared(rates), "a").more_blocks is None
    assert compared(rates).resolution is None, "nobody timed the trials"


def test_with_more_variants_every_interval_is_wider_unless_they_tell_of_the_spread():
    rates = {"baseline": [100, 103, 97, 101, 99], "a": [204, 202, 205, 201, 207]}
    alone = result(compared(rates), "a").speedup
    noisy = {"b": [150, 250, 190, 230, 160], "c": [350, 190, 220, 260, 170]}
    beside = result(compared({**rates, **noisy}), "a").speedup
    assert alone.estimate == beside.estimate
    assert beside.ci95[0] < alone.ci95[0] < alone.ci95[1] < beside.ci95[1]
    alike = {"b": [151, 153, 149, 150, 148], "c": [105, 102, 104, 101, 103]}
    narrower = result(compared({**rates, **alike}), "a").speedup
    assert alone.ci95[0] < narrower.ci95[0] < narrower.ci95[1] < alone.ci95[1]


def test_sampling_goes_on_until_every_verdict_is_clear():
    clear, open_ = [200, 203, 197, 201, 199], [100, 120, 90, 102, 97]
    base = [100, 101, 99, 100, 101]

    def records(**rates):
        return {name: [make_record(rate) for rate in trials] for name, trials in rates.items()}

    assert is_clear(records(base=base, a=clear), Policy())
    assert not is_clear(records(base=base, a=clear, b=open_), Policy())
    assert is_clear({**records(base=base, a=clear), "b": [make_failed()]}, Policy()), "a failure is an answer"


def test_what_is_not_faster_pays_after_nothing():
    baseline = [make_record(100.0 * wobble, startup_s=5.0) for wobble in (1.0, 1.01, 0.99)]

    def pays(*rates: float) -> float | None:
        variant = [make_record(rate, startup_s=8.0) for rate in rates]
        compared = compare({"b": baseline, "v": variant}, baseline="b", order=[["b", "v"]] * len(rates), seed=0)
        return compared.others[0].break_even_epochs

    assert pays(200.0, 203.0, 198.0) == pytest.approx(6.0, rel=0.05)
    assert pays(200.0, 90.0, 130.0) is None, "undecided"
    assert pays(200.0) is None, "one block, and no interval"


def test_trials_that_counted_other_numbers_of_steps_are_named():
    baseline = [make_record(100.0) for _ in range(3)]
    short = [make_record(100.0).model_copy(update={"steady": make_steady(1.0, num_steps=n)}) for n in (10, 7, 10)]
    order = [["b", "v"]] * 3
    notes = compare({"b": baseline, "v": short}, baseline="b", order=order, seed=0).notes
    assert "Not all trials counted as many steps (timeout_s ended some before): 'v'." in notes
    assert compare({"b": baseline, "v": baseline}, baseline="b", order=order, seed=0).notes == []


def on(content: str | None, rate: float) -> Record:
    record = make_record(rate)
    return record.model_copy(update={"description": Description(num_samples=100, content=content)})


@pytest.mark.parametrize(
    ("baseline", "variant", "changed"),
    [("xxx", "xxy", ["a"]), ("xyy", "yyy", ["baseline"]), ("xxy", "xyy", ["baseline", "a"]), ("xxx", "yyy", [])],
)
def test_of_trials_that_saw_other_samples_there_is_no_verdict(baseline: str, variant: str, changed: list[str]) -> None:
    records = {"baseline": [on(content, 100) for content in baseline], "a": [on(content, 200) for content in variant]}
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]] * 3, seed=0)
    assert result(comparison, "a").verdict == ("inconclusive" if changed else "faster")
    assert result(comparison, "a").more_blocks is None
    told = [note for note in comparison.notes if "data set was changed" in note]
    assert bool(told) == bool(changed)
    assert all(f"'{name}'" in told[0] for name in changed)


def test_samples_of_which_nothing_is_known_are_taken_as_the_same() -> None:
    records = {"baseline": [on(None, 100)] * 3, "a": [on(None, 200), on("x", 200), on("x", 200)]}
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]] * 3, seed=0)
    assert result(comparison, "a").verdict == "faster"
