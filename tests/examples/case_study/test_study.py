"""Every claim is decided by the figures: planted ones that it holds with, and planted ones that refute it."""

from __future__ import annotations

import pytest
from record_factory import make_failed, make_record, make_stage

from examples.case_study.claims import CLAIMS
from examples.case_study.comparison import BASELINE, CONDITIONAL, DALI, KNOCKED_OUT, RAM, TENSOR, WEBDATASET
from examples.case_study.evidence import Evidence, PlantedFault
from examples.case_study.study import ANSWERS, study_claims
from workbench.explain.prediction.variants import with_predictions
from workbench.explain.verdicts.comparison import compare
from workbench.records import Check, Checks, Memory, PredictedValue, Prediction, Record
from workbench.workloads.ocr.transform_study import TransformRow, TransformStudy

NOISE = (0.995, 1.0, 1.005)


def row(name: str, mean_s: float, share: float | None = None) -> TransformRow:
    return TransformRow(name=name, mean_s=mean_s, std_s=0.0001, min_s=mean_s, max_s=mean_s, share=share)


def transforms(*, normalize: float = 0.6, isolated: float = 2.0, place: float = 1.0) -> TransformStudy:
    return TransformStudy(
        num_pages=2,
        rounds=3,
        page_sizes=[(1280, 720)],
        in_place=[row("Normalize", 0.001, normalize), row("PadIfNeeded", 0.001, 1 - normalize)],
        isolated=[row("Normalize", 0.003, 0.88), row("PadIfNeeded", 0.0005, 0.12)],
        chain=row("full chain with key points", 0.002),
        chain_without_keypoints=row("full chain without key points", 0.0019),
        beside=[],
        closure_in_place=place,
        closure_isolated=isolated,
        by_words={},
        by_width={},
    )


def checks(status: str = "same") -> Checks:
    pixels = Check.model_validate({"name": "pixels of the kept pages", "status": status, "measured": "4 pages"})
    words = Check(name="words of the shipped detector", status="same", measured="50 words on both sides")
    return Checks(checks=[pixels, words], num_samples=4)


NOT_CHECKED = Checks(notes=["No pages were kept."])


def planted(status: str = "different", *, hmean: tuple[float, float] | None = (0.9, 0.9)) -> PlantedFault:
    return PlantedFault(checks(status), hmean, make_record())


def trials(rate: float, **settings) -> list[Record]:
    return [make_record(rate * noise, **settings) for noise in NOISE]


def evidence(
    rates: dict[str, float | list[Record]] | None = None,
    *,
    results: dict[str, Checks] | None = None,
    predicted: dict[str, tuple[float, float, float]] | None = None,
    **settings,
) -> Evidence:
    """A comparison of three quiet blocks at these rates; a list stands for records as they are."""
    records = {BASELINE: trials(100.0)}
    for name, own in (rates or {}).items():
        # Slow where the baseline is fast, so that a ratio has an interval: of about 2.5 % to both sides.
        records[name] = own if isinstance(own, list) else trials(own)[::-1]
    names = list(records)
    found = {name: checks() for name in names if name not in (BASELINE, KNOCKED_OUT)} | (results or {})
    comparison = compare(records, baseline=BASELINE, order=[names] * 3, seed=0, checks=found)
    predictions = [
        (
            name,
            Prediction(
                run_id="run",
                changes=["Normalize x0"],
                measured_samples_per_s=100.0,
                samples_per_s=PredictedValue(estimate=100 + gain[0], low=100 + gain[1], high=100 + gain[2]),
                gain=PredictedValue(estimate=gain[0], low=gain[1], high=gain[2]),
                limited_by="loading",
            ),
        )
        for name, gain in (predicted or {}).items()
    ]
    return Evidence(
        **{
            "comparison": with_predictions(comparison, predictions),
            "records": records,
            "transforms": transforms(),
            "file_bytes": 375_000.0,
            "planted": planted(),
            **settings,
        }
    )


def cached(page_bytes: float) -> list[Record]:
    memory = Memory(peak_pss_bytes=3 * 10**9, cache_bytes=int(100 * page_bytes))
    return [record.model_copy(update={"memory": memory}) for record in trials(120.0)]


def shares(load: float, chain: float, maps: float) -> list[Record]:
    parts = {"decode": load, "Normalize": chain, "targets": maps}
    return trials(100.0, stages=[make_stage("worker", name, own) for name, own in parts.items()])


CASES = [
    ("parts", "does not hold", {"transforms": transforms()}),
    ("parts", "holds", {"transforms": transforms(isolated=1.01)}),
    ("parts", "not decided", {"transforms": transforms(isolated=1.2, place=1.1)}),
    ("normalize share", "does not hold", {"transforms": transforms(normalize=0.6)}),
    ("normalize share", "holds", {"transforms": transforms(normalize=0.87)}),
    ("stage shares", "does not hold", {"rates": {BASELINE: shares(0.5, 0.2, 0.3)}}),
    ("stage shares", "holds", {"rates": {BASELINE: shares(0.5, 0.42, 0.08)}}),
    ("stage shares", "not decided", {"rates": {BASELINE: trials(100.0, stages=[])}}),
    ("amdahl", "does not hold", {"rates": {KNOCKED_OUT: 108.0}}),
    ("amdahl", "holds", {"rates": {KNOCKED_OUT: 128.2}}),
    ("amdahl", "not decided", {}),
    ("ram", "holds", {"rates": {RAM: 190.0}}),
    ("ram", "does not hold", {"rates": {RAM: trials(100.0)}}),
    ("ram", "does not hold", {"rates": {RAM: 190.0}, "results": {RAM: checks("different")}}),
    ("ram", "not decided", {"rates": {RAM: [make_record(100 * noise) for noise in (0.8, 1.1, 1.3)]}}),
    ("conditional", "holds", {"rates": {RAM: 120.0, CONDITIONAL: 110.0}}),
    ("conditional", "not decided", {"rates": {RAM: trials(120.0), CONDITIONAL: 120.0}}),
    ("conditional", "does not hold", {"rates": {RAM: 120.0, CONDITIONAL: 120.0}}),
    ("conditional", "does not hold", {"rates": {RAM: 120.0, CONDITIONAL: 150.0}}),
    ("conditional", "not decided", {"rates": {RAM: 120.0}}),
    ("tensor", "does not hold", {"rates": {TENSOR: 150.0}}),
    ("tensor", "holds", {"rates": {TENSOR: [make_failed()]}}),
    ("tensor", "holds", {"rates": {TENSOR: 150.0}, "results": {TENSOR: checks("different")}}),
    ("tensor", "not decided", {"rates": {TENSOR: 150.0}, "results": {TENSOR: NOT_CHECKED}}),
    ("start-up", "does not hold", {}),
    ("start-up", "holds", {"rates": {BASELINE: trials(0.1, startup_s=5.0)}}),
    ("batches", "does not hold", {}),
    ("memory", "does not hold", {"rates": {RAM: cached(2_760_000)}}),
    ("memory", "holds", {"rates": {RAM: cached(380_000)}}),
    ("memory", "not decided", {"rates": {RAM: 120.0}}),
    ("same result", "does not hold", {}),
    ("same result", "holds", {"planted": planted(hmean=(0.9, 0.5))}),
    ("same result", "not decided", {"planted": planted("same")}),
    ("same result", "not decided", {"planted": planted(hmean=None)}),
    ("same result", "not decided", {"planted": None}),
    ("webdataset", "does not hold", {"rates": {WEBDATASET: 130.0}}),
    ("webdataset", "holds", {"rates": {WEBDATASET: 240.0}}),
    ("webdataset", "not decided", {"rates": {WEBDATASET: 200.5}}),
    ("dali", "does not hold", {"rates": {DALI: 600.0}, "results": {DALI: checks("different")}}),
    ("dali", "holds", {"rates": {DALI: 600.0}}),
    ("dali", "not decided", {"left_out": {DALI: "it is not installed here"}}),
    ("target", "holds", {"rates": {TENSOR: 600.0}}),
    ("target", "does not hold", {"rates": {TENSOR: 150.0, KNOCKED_OUT: 900.0}}),
    ("target", "not decided", {"rates": {TENSOR: 90.0}}),
]


@pytest.mark.parametrize(("name", "verdict", "figures"), CASES)
def test_a_claim_is_decided_by_what_was_measured(name, verdict, figures):
    answer = ANSWERS[name](evidence(**figures))
    assert answer.verdict == verdict, answer
    assert answer.measured and answer.reason


def test_every_claim_has_its_answer():
    assert [claim.name for claim in CLAIMS] == list(ANSWERS)


def test_one_block_decides_nothing_about_speed():
    few = evidence({BASELINE: [make_record(100)], RAM: [make_record(300)], TENSOR: [make_record(500)]})
    for name in ("ram", "target"):
        answer = ANSWERS[name](few)
        assert answer.verdict == "not decided"
        assert "fewer than 3" in answer.reason


def test_a_variant_that_is_not_there_says_why():
    answer = ANSWERS["dali"](evidence(left_out={DALI: "it is not installed here"}))
    assert answer.reason == "'DALI' was not compared: it is not installed here"
    assert "out of luck" in ANSWERS["ram"](evidence({RAM: [make_failed()]})).reason


def test_a_speed_that_rests_on_the_replay_device_says_so():
    assert ANSWERS["ram"](evidence({RAM: 190.0})).origin == "simulated"
    assert ANSWERS["batches"](evidence()).origin == "counted"


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [((0.08, 0.05, 0.11), "holds"), ((0.3, 0.2, 0.4), "does not hold"), ((0.12, 0.09, 0.15), "not decided")],
)
def test_what_was_predicted_is_compared_with_what_was_measured(gain, verdict):
    study = study_claims(evidence({KNOCKED_OUT: 108.0}, predicted={KNOCKED_OUT: gain}))
    (found,) = study.gains
    assert found.measured.estimate == pytest.approx(0.08, abs=1e-3)
    assert found.verdict == verdict
    number = "1" if verdict == "holds" else "0"
    beginning = f"Of 1 gain that one run of the baseline predicted, {number} w"
    assert any(line.startswith(beginning) for line in study.conclusions)


def test_the_headline_and_the_page_are_counted_and_computed():
    study = study_claims(evidence({RAM: 190.0, WEBDATASET: 130.0, TENSOR: 500.0}))
    verdicts = [finding.verdict for finding in study.findings]
    assert study.headline.startswith(f"Of 14 claims {verdicts.count('holds')} hold, ")
    assert "'pre-normalized pages' is 5.00x" in study.headline
    assert "on a simulated device" in study.headline
    page = "\n".join(study.conclusions)
    assert "What is faster, with its cost: 'pre-normalized pages' 5.00x" in page
    assert "Not decided here: " in page
    assert any("simulated" in note for note in study.notes)


def test_without_a_baseline_nothing_is_claimed_of_speed():
    study = study_claims(evidence({BASELINE: [make_failed()], RAM: 190.0}))
    found = {finding.claim.name: finding.verdict for finding in study.findings}
    assert {found[name] for name in ("ram", "amdahl", "webdataset", "target")} == {"not decided"}
    assert "no variant with the same result" in study.headline
