"""What a search says of itself."""

from __future__ import annotations

import pytest

from workbench.explain.words import tuning as words
from workbench.knobs.joined import parse_knobs
from workbench.records import Candidate, Interval, MeasuredValue, PredictedValue, Spent, Trade, Tuning

GAIN = Interval(estimate=1.5, ci95=(1.4, 1.6))


def make_tuning(**fields):
    winner = {"num_workers": 4, "cache": "prepared"}
    own = {
        "created_at": "2026-01-01T00:00:00+00:00",
        "baseline": parse_knobs({"num_pages": 8}),
        "axes": {"num_workers": [2, 4], "cache": ["none", "prepared"]},
        "budget_s": 1200.0,
        "seed": 0,
        "runs": "runs",
        "spent": Spent(values_s=60.0, blocks_s=300.0, confirmation_s=100.0),
        "num_settings": 4,
        "candidates": [Candidate(settings=winner, fate="compared", measured=GAIN, num_blocks=4)],
        "winner": winner,
        "verdict": "faster",
        "gain": GAIN,
        "trades": [Trade(settings=winner, speedup=GAIN, is_confirmed=True, result="within_tolerance")],
        "stop": "done",
    }
    return Tuning(**{**own, **fields})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "'num_workers=4 cache=prepared' is 1.50x [1.40, 1.60] as fast as the baseline, by a comparison"),
        ({"verdict": "no_difference"}, "Nothing to gain: the best of 1 setting"),
        ({"verdict": "inconclusive"}, "Nothing to gain, as far as this comparison can say"),
        ({"verdict": "inconclusive", "gain": Interval(estimate=1.3, ci95=None)}, "There is no answer yet: too few"),
        (
            {"verdict": "inconclusive", "stop": "no_time"},
            "There is no answer yet: 'num_workers=4 cache=prepared' may be",
        ),
        ({"verdict": "slower"}, "Nothing to gain: the best of 1 setting"),
        ({"verdict": "failed"}, "There is no answer: the best of 1 setting"),
        (
            {"verdict": None, "winner": None},
            "Nothing to gain: none of what was compared is faster than the baseline; the best of 1 setting is",
        ),
        ({"verdict": None, "winner": None, "candidates": []}, "Nothing to gain: no value makes anything faster"),
        ({"verdict": None, "stop": "no_time"}, "There is no answer yet: there was no time to confirm"),
        ({"stop": None}, "The search was interrupted after 460 s; it can go on"),
        ({"stop": "failed", "notes": ["it broke\nhere"]}, "There is no answer: the baseline failed (it broke)"),
    ],
)
def test_the_answer_in_a_sentence(fields, said):
    assert words.tuning_headline(make_tuning(**fields)).startswith(said)


def test_a_result_that_is_not_the_baselines_is_said_in_the_answer():
    assert words.tuning_headline(make_tuning()).endswith("its result is within tolerance")
    bare = make_tuning(trades=[])
    assert words.tuning_headline(bare).endswith("its result was not compared")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stop": "done"}, "Nothing that shared blocks with the baseline is faster: there was nothing to confirm."),
        (
            {"stop": "done", "candidates": []},
            "Nothing could be faster than the baseline: there was nothing to compare.",
        ),
        ({"stop": "no_time"}, "There was no time for it."),
        ({"stop": None}, "There was no time for it."),
        ({"stop": "failed"}, "The baseline failed."),
    ],
)
def test_why_nothing_was_confirmed(fields, said):
    assert words.why_not_confirmed(make_tuning(**{"winner": None, "verdict": None, **fields})) == said


def test_the_command_and_the_code():
    assert words.command_of(make_tuning()) == "workbench run -p num_pages=8 -p num_workers=4 -p cache=prepared"
    assert words.command_of(make_tuning(verdict="inconclusive")) == "workbench run -p num_pages=8"
    assert words.snippet_of(make_tuning()).splitlines()[0] == "loader = DataLoader(dataset, ..., num_workers=4)"
    assert "# cache=prepared: " in words.snippet_of(make_tuning())
    assert words.snippet_of(make_tuning(verdict="no_difference")) == ""


def test_the_command_and_the_switches_of_a_script():
    knobs = parse_knobs({"workload": "observed", "command": "python train.py --epochs 1", "folder": "/my data"})
    winner = {"num_workers": 4, "args": "--amp", "blas_threads": 1, "opencv_threads": 0, "torch_threads": 2}
    found = make_tuning(baseline=knobs, winner=winner, axes={})

    assert words.command_of(found) == (
        "cd '/my data' && workbench attach -p num_workers=4 -p args=--amp -p blas_threads=1 -p opencv_threads=0 "
        "-p torch_threads=2 -- python train.py --epochs 1"
    )
    assert words.snippet_of(found).splitlines() == [
        "loader = DataLoader(dataset, ..., num_workers=4)",
        "python train.py --epochs 1 --amp  # the same command, with these arguments",
        "OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 python train.py --epochs 1",
        "cv2.setNumThreads(0)  # in worker_init_fn",
        "torch.set_num_threads(2)  # in worker_init_fn",
    ]


def test_what_was_not_tried_and_why():
    found = make_tuning(
        left_out={"cache=decoded": "it makes nothing faster beside baseline"},
        fates={"not_kept": 2, "no_time": 1, "compared": 1},
        num_impossible=3,
        impossible={"nobody shares it": 3},
        num_same=1,
    )

    said = words.what_was_not_tried(found)
    assert said[0] == "cache=decoded: it makes nothing faster beside baseline."
    assert any(line.startswith("2 settings of 4 are slower than the best") for line in said)
    assert any(line.startswith("1 setting of 4 might be as good") for line in said)
    assert any("nobody shares it (3)" in line for line in said)
    assert any(line.startswith("1 combination is the same as another") for line in said)
    assert not any("stayed in the blocks" in line for line in said)


def test_what_is_said_of_one_is_said_in_the_singular():
    said = words.what_was_not_tried(make_tuning(fates={"not_kept": 1, "left_out": 1, "result": 1}))
    assert [line.split()[4] for line in said] == ["holds", "has", "is"]


def test_where_the_time_went_adds_up():
    said = "460 s of 1200 s: short trials 60.0 s, blocks that chose 300 s, the comparison that confirms 100 s."
    looked_at = Spent(values_s=60.0, predictions_s=0.0001, blocks_s=300.0, confirmation_s=100.0)
    assert words.where_the_time_went(make_tuning(spent=looked_at)) == said
    assert words.where_the_time_went(make_tuning(more_s=61.0)) == f"{said} For an answer it takes 2 min more, at least."


def test_where_nothing_was_compared_it_says_what_was_predicted():
    def kept(workers, estimate, fate="no_time"):
        predicted = PredictedValue(estimate=estimate, low=0.9 * estimate, high=1.1 * estimate)
        return Candidate(settings={"num_workers": workers}, fate=fate, predicted=predicted)

    bare = {"stop": "no_time", "winner": None, "verdict": None}
    base = MeasuredValue(settings={}, run_id=None, samples_per_s=10.0)
    candidates = [kept(4, 10.0), kept(8, 12.0), kept(16, 20.0, fate="memory")]
    said = words.tuning_headline(make_tuning(**bare, candidates=candidates, values=[base]))
    assert said.endswith("by predictions the best is 'num_workers=8', 1.20x [1.08, 1.32] as fast as the baseline")
    for fields in ({"candidates": [], "values": [base]}, {"candidates": candidates}):
        assert words.tuning_headline(make_tuning(**bare, **fields)).endswith("no time to compare a setting")
