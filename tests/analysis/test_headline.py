"""The sentence says what the figures say."""

from __future__ import annotations

from record_factory import make_failed, make_lane, make_record, make_stage

from workbench.analysis.comparison import compare
from workbench.analysis.headline import comparison_headline, run_headline
from workbench.analysis.next_steps import Thresholds, next_steps
from workbench.records import Parity


def compared(rates: dict[str, list[float]], parity=None):
    records = {name: [make_record(rate) for rate in own] for name, own in rates.items()}
    return compare(records, baseline="baseline", order=[list(rates)] * 3, seed=0, parity=parity)


def test_the_fastest_sound_variant_is_named():
    told = comparison_headline(compared({"baseline": [100, 101, 99], "a": [150, 151, 149], "b": [300, 302, 298]}))
    assert told.startswith("'b' is 3.0")
    assert "'a' is faster (1.50x" in told
    assert "simulated" in told


def test_a_fast_variant_with_another_result_is_not_recommended():
    parity = {"a": Parity(status="different")}
    told = comparison_headline(compared({"baseline": [100, 101, 99], "a": [300, 302, 298]}, parity))
    assert told.startswith("No variant is faster")
    assert "WRONG" in told


def test_noise_is_not_called_faster():
    told = comparison_headline(compared({"baseline": [100, 120, 80], "a": [130, 90, 110]}))
    assert told.startswith("No variant is faster")


def test_a_failed_baseline_says_why():
    comparison = compare({"baseline": [make_failed()]}, baseline="baseline", order=[["baseline"]], seed=0)
    assert "out of luck" in comparison_headline(comparison)


def test_a_run_says_what_the_main_process_waits_for():
    told = run_headline(make_record())
    assert "100 pages/s (on a simulated device)" in told
    assert "60.0 % of its time waiting for pages" in told


def test_a_failed_run_says_what_failed():
    assert run_headline(make_failed()) == "The run failed while in phase 'steady': out of luck"


def test_a_failure_without_words_is_still_told():
    assert "it left no steady part" in run_headline(make_failed(message=""))


def test_a_failed_variant_says_why():
    records = {"baseline": [make_record(100)] * 3, "a": [make_failed(message="no memory left\nand more")]}
    comparison = compare(records, baseline="baseline", order=[["baseline", "a"]] * 3, seed=0)
    assert comparison_headline(comparison) == "No variant is faster than 'baseline'; 'a' failed (no memory left)."


def test_a_run_that_does_not_close_says_so_first():
    lanes = [make_lane("main", 1.0, 0.5)]
    record = make_record(stages=[make_stage("main", "wait", 0.5)], lanes=lanes)
    assert "does not close" in run_headline(record)
    assert "does not close" in next_steps(record)[0]


def test_what_to_try_names_the_largest_stage_and_its_knobs():
    steps = next_steps(make_record())
    assert "waits for pages 60.0 %" in steps[0]
    assert steps[1].startswith("'decode' is 74.5 % of loading")
    assert "image_decoder=turbojpeg" in steps[1]


def test_what_is_set_already_is_not_advised():
    steps = next_steps(make_record(image_decoder="turbojpeg"))
    assert "image_decoder" not in " ".join(steps)


def test_what_cannot_be_had_is_not_advised():
    told = " ".join(next_steps(make_record(mode="train")))
    assert "cache=decoded" in told
    assert "cache=prepared" not in told  # impossible after random transforms


def test_targets_have_their_knobs():
    stages = [make_stage("main", "wait", 1.0), make_stage("worker", "targets", 2.0)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0), make_lane("worker", 2.0, 2.0)])
    assert "`targets=fast`, `targets=cached`" in " ".join(next_steps(record))


def test_workers_that_only_copy_are_told():
    stages = [make_stage("main", "wait", 1.0), make_stage("worker", "cache", 1.0), make_stage("worker", "send", 0.9)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0), make_lane("worker", 2.0, 1.9)])
    told = " ".join(next_steps(record, Thresholds(waits_for_pages=0.1)))
    assert "num_workers=0" in told


def test_cores_without_work_are_told():
    record = make_record()
    many = record.model_copy(update={"environment": record.environment.model_copy(update={"cores": 8})})
    assert "num_workers=7" in " ".join(next_steps(many))
    assert "num_workers" not in " ".join(next_steps(record))  # two cores, two workers


def test_idle_workers_are_not_blamed():
    stages = [make_stage("main", "wait", 1.0), make_stage("worker", "idle", 1.5), make_stage("worker", "decode", 0.5)]
    record = make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0), make_lane("worker", 2.0, 2.0)])
    (step,) = next_steps(record)
    assert "workers are idle 75.0 %" in step
    assert "decode" not in step


def test_moving_batches_has_its_knob():
    stages = [make_stage("main", "release", 0.4), make_stage("main", "forward", 0.6)]
    (step,) = next_steps(make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0)]))
    assert "'release'; to try: `transport=ring`, `normalize=device`" in step


def test_nothing_that_stands_out_is_told_as_such():
    stages = [make_stage("main", "forward", 1.0)]
    (step,) = next_steps(make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0)]))
    assert step.startswith("Nothing stands out")


def test_a_device_bound_run_is_not_told_to_load_faster():
    stages = [make_stage("main", "fetch", 0.9), make_stage("main", "wait", 0.1)]
    (step,) = next_steps(make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0)]))
    assert "simulated device bounds the run" in step
    assert "90.0 %" in step
