"""What the study of the transforms means is computed from its figures."""

from __future__ import annotations

from record_factory import make_lane, make_record, make_stage

from workbench.workloads.ocr.transform_study import TransformRow, TransformStudy, transform_headline, worth_changing


def row(name: str, mean_s: float, share: float | None = None) -> TransformRow:
    return TransformRow(name=name, mean_s=mean_s, std_s=0.0, min_s=mean_s, max_s=mean_s, share=share)


def study(**changes) -> TransformStudy:
    plain = TransformStudy(
        num_pages=2,
        rounds=3,
        page_sizes=[(1280, 720)],
        in_place=[row("Normalize", 0.001, 0.5), row("PadIfNeeded", 0.001, 0.5)],
        isolated=[row("Normalize", 0.0035, 0.9), row("PadIfNeeded", 0.0005, 0.1)],
        chain=row("full chain with key points", 0.002),
        chain_without_keypoints=row("full chain without key points", 0.0019),
        beside=[row("polygons", 0.0001), row("targets", 0.004)],
        closure_in_place=1.0,
        closure_isolated=2.0,
        by_words={0: 0.002, 100: 0.0021},
        by_width={640: 0.001, 1280: 0.002},
    )
    return plain.model_copy(update=changes)


def test_the_headline_says_what_the_columns_mean():
    text = transform_headline(study())
    assert "100.0 % of the measured chain" in text
    assert "200.0 %" in text
    assert "'Normalize' takes 1.00 ms in its place, and 3.50 ms" in text


def test_columns_that_both_add_up_are_called_so():
    assert transform_headline(study(closure_isolated=1.01)).startswith("Both columns add up")


def test_the_gain_comes_from_the_run_and_not_from_the_shares():
    stages = [
        make_stage("main", "wait", 0.5),
        make_stage("worker", "idle", 1.0),
        make_stage("worker", "Normalize", 0.5),
        make_stage("worker", "decode", 1.5),
    ]
    lanes = [make_lane("main", 1.0, 1.0), make_lane("worker", 2.0, 2.0)]
    text = " ".join(worth_changing(study(), make_record(stages=stages, lanes=lanes)))
    assert "25.0 % of the work of loading" in text
    assert "about 12.5 % less time at most" in text


def test_where_nobody_waits_nothing_is_gained():
    stages = [make_stage("main", "fetch", 1.0), make_stage("worker", "Normalize", 1.0)]
    text = " ".join(worth_changing(study(), make_record(stages=stages, lanes=[make_lane("main", 1.0, 1.0)])))
    assert "would gain nothing end to end" in text


def test_without_stage_times_nothing_is_claimed():
    assert "not known" in worth_changing(study(), make_record(stages=[], lanes=[]))[0]
