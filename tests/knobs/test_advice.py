"""What is known of knobs before they run: inactive ones with the reason, fixed ones, and how to fix a combination."""

from __future__ import annotations

import pytest
from record_factory import make_record, make_stage

from workbench.errors import BadInput
from workbench.knobs.advice import fixed_by_others, fixes, inactive_in_both, inactive_knobs
from workbench.knobs.knob import Situation
from workbench.records import Count
from workbench.workloads.ocr.knobs import OcrKnobs


def in_both(baseline: dict, variant: dict, **update) -> str:
    """The reasons why what two records differ in can change nothing."""
    own, other = (make_record(**knobs).model_copy(update=update).situation for knobs in (variant, baseline))
    return "; ".join(f"{name}: {reason}" for name, reason in inactive_in_both(own, other).items())


@pytest.mark.parametrize(
    ("baseline", "variant", "reason"),
    [
        ({"num_workers": 0}, {"num_workers": 0, "prefetch_factor": 8}, "prefetch_factor: there are no workers"),
        ({"num_workers": 0}, {"num_workers": 0, "transport": "ring"}, "transport: there are no workers"),
        ({}, {"precision": "bf16"}, "no model is run"),
        ({}, {"pin_memory": True}, "no CUDA device"),
        ({"device": "none"}, {"device": "none", "postprocess": "threads"}, "nothing is detected"),
        ({"cache": "prepared"}, {"cache": "prepared", "image_decoder": "opencv"}, "no page is decoded"),
        ({"loader": "dali"}, {"loader": "dali", "image_decoder": "opencv"}, "DALI decodes"),
        ({}, {"persistent_workers": False}, "no worker was started"),
        (
            {"cache": "decoded", "num_workers": 0},
            {"cache": "decoded", "num_workers": 0, "cache_store": "shared"},
            "nobody",
        ),
    ],
)
def test_what_can_change_nothing_is_named_with_the_reason(baseline, variant, reason):
    assert reason in in_both(baseline, variant)


@pytest.mark.parametrize(
    ("baseline", "variant"),
    [
        ({}, {"prefetch_factor": 8}),
        ({}, {"image_decoder": "opencv"}),
        ({"num_workers": 0}, {"num_workers": 2}),
        ({"num_workers": 0}, {"num_workers": 2, "prefetch_factor": 8}),
        ({"cache": "prepared"}, {"cache": "prepared", "normalize": "device"}),
        ({"cache": "decoded"}, {"cache": "decoded", "scaled_decode": True}),
    ],
)
def test_what_may_change_something_is_not_named(baseline, variant):
    assert in_both(baseline, variant) == ""


def test_a_model_that_is_run_has_its_knobs():
    assert in_both({"device": "cpu"}, {"device": "cpu", "precision": "bf16"}, simulated=False) == ""


def test_workers_that_were_started_again_are_a_reason_to_look():
    variant = make_record(persistent_workers=False, stages=[make_stage("worker", "start", 0.1)])
    assert inactive_in_both(variant.situation, make_record().situation) == {}


def test_inactive_knobs_are_known_before_anything_has_run():
    found = inactive_knobs(Situation(OcrKnobs(num_workers=0), simulated=True))
    assert found["prefetch_factor"] == "there are no workers (num_workers=0)"
    assert "no model is run" in found["encoder"]
    assert "batch_size" not in found
    active = inactive_knobs(Situation(OcrKnobs(num_workers=2, device="cuda"), gpu="a GPU"))
    assert not {"prefetch_factor", "encoder", "pin_memory"} & active.keys()


def test_a_knob_without_another_choice_is_fixed():
    assert "there is no cache to store" in fixed_by_others(OcrKnobs())["cache_store"]
    assert "cache_store" not in fixed_by_others(OcrKnobs(cache="prepared"))


@pytest.mark.parametrize(
    ("settings", "keep", "expected"),
    [
        ({"cache": "tensor"}, "cache", "normalize=cached"),
        ({"mode": "train", "cache": "prepared"}, "mode", "cache=none"),
        ({"scaled_decode": True, "mode": "train"}, "mode", "scaled_decode=false"),
        ({"num_workers": "2", "worker_threads": "4"}, "worker_threads", "start_method=spawn"),
    ],
)
def test_fixes_make_it_possible(settings, keep, expected):
    with pytest.raises(BadInput):
        OcrKnobs.parse_own(settings)

    found = fixes(settings, keep=keep)

    assert expected in map(str, found)
    for fix in found:
        assert fix.knob != keep
        OcrKnobs.parse_own({**settings, fix.knob: fix.value})


def test_what_is_fine_or_not_a_value_has_no_fix():
    assert fixes({"cache": "decoded"}) == []
    assert fixes({"batch_size": "many"}) == []


def test_targets_are_inactive_where_nobody_knows_the_words():
    told = "the pages have no annotations, so there is nothing to make maps of"
    plain = OcrKnobs(targets="fast")
    assert inactive_knobs(Situation(plain, counts={"words": 0}))["targets"] == told
    assert inactive_knobs(Situation(OcrKnobs(annotation_format="none")))["targets"] == told
    assert "annotations" in inactive_knobs(Situation(OcrKnobs(annotation_format="none")))
    for counts in ({}, {"words": 5}):
        assert not {"targets", "annotations"} & set(inactive_knobs(Situation(plain, counts=counts)))
    record = make_record()
    alone = record.description.model_copy(update={"counts": [Count(name="words", number=0)]})
    assert "targets" in inactive_knobs(record.model_copy(update={"description": alone}).situation)
    assert "targets" not in inactive_knobs(record.situation)
