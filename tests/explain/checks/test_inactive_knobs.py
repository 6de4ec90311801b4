"""A knob that can change nothing is told, with the reason; one that can is not."""

from __future__ import annotations

import pytest
from record_factory import make_record, make_stage
from workbench.explain.checks.inactive_knobs import without_effect

from workbench.workloads.ocr.knobs import OcrKnobs


def told(baseline: dict, variant: dict, **update) -> str:
    own, other = (make_record(**knobs).model_copy(update=update) for knobs in (variant, baseline))
    return "; ".join(without_effect(own, other))


@pytest.mark.parametrize(
    ("baseline", "variant", "because"),
    [
        ({"num_workers": 0}, {"num_workers": 0, "prefetch_factor": 8}, "there are no workers"),
        ({"num_workers": 0}, {"num_workers": 0, "transport": "ring"}, "there are no workers"),
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
def test_what_changes_nothing_is_told(baseline, variant, because):
    assert because in told(baseline, variant)


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
def test_what_may_change_something_is_not(baseline, variant):
    assert told(baseline, variant) == ""


def test_a_model_that_is_run_has_its_knobs():
    assert told({"device": "cpu"}, {"device": "cpu", "precision": "bf16"}, simulated=False) == ""


def test_nobody_shares_a_cache_without_workers():
    alone = {"cache": "decoded", "num_workers": 0}
    assert "nobody shares it" in told(alone, {**alone, "cache_store": "shared"})


def test_workers_that_were_started_again_are_no_reason():
    stages = [make_stage("worker", "start", 0.1)]
    own = make_record(persistent_workers=False, stages=stages)
    assert without_effect(own, make_record()) == []


def test_every_rule_names_knobs():
    from workbench.explain.checks.inactive_knobs import RULES

    assert {name for rule in RULES for name in rule.knobs} <= set(OcrKnobs.model_fields)
