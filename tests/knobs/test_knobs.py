"""OcrKnobs are written once, and refuse what cannot be, all of it at once, with the fix."""

from __future__ import annotations

import pytest
from workbench.knobs.combinations import IMPOSSIBLE

from workbench.errors import BadInput
from workbench.knobs.knobs import OcrKnobs, describe_knobs


def problems_of(**settings) -> list[str]:
    with pytest.raises(BadInput) as caught:
        OcrKnobs.parse_own(settings)
    return [str(problem) for problem in caught.value.problems]


def test_every_knob_says_what_it_is():
    infos = list(describe_knobs())
    assert [info.name for info in infos] == list(OcrKnobs.model_fields)
    for info in infos:
        assert info.help, info.name
        assert info.group in ("pages", "image path", "loading", "model", "device", "measuring")
        assert not info.choices or info.default in info.choices


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("num_workers", "3", 3),
        ("pin_memory", "false", False),
        ("persistent_workers", "True", True),
        ("num_pages", "none", None),
        ("num_pages", "7", 7),
        ("annotations", "", None),
        ("replay_ms_per_sample", "0.5", 0.5),
        ("cache", "none", "none"),
    ],
)
def test_text_is_taken_for_what_it_means(name, text, value):
    assert getattr(OcrKnobs.parse_own({name: text}), name) == value


def test_all_mistakes_are_told_in_one_message():
    told = problems_of(cahce="decoded", normalize="devise", num_workers="many", batch_size=0)
    assert len(told) == 4
    assert "Did you mean 'cache'?" in told[0]
    assert any("Did you mean 'device'?" in problem for problem in told)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_workers": -1},
        {"image_size": 100},
        {"replay_ms_per_sample": 0},
        {"replay_ms_per_sample": float("nan")},
        {"timeout_s": float("inf")},
        {"prefetch_factor": 0},
        {"num_pages": 0},
        {"cache": "everything"},
    ],
    ids=str,
)
def test_values_beyond_their_limits_are_refused(settings):
    (problem,) = problems_of(**settings)
    assert next(iter(settings)) in problem


IMPOSSIBLE_EXAMPLES = [
    {"slow_down": "decode:2", "stage_timing": False},
    {"cache": "prepared", "mode": "train"},
    {"targets": "cached", "mode": "train"},
    {"cache_store": "shared"},
    {"cache": "tensor"},
    {"normalize": "cached"},
    {"scaled_decode": True, "mode": "train"},
    {"scaled_decode": True, "image_decoder": "nvjpeg", "num_workers": 0},
    {"image_decoder": "nvjpeg", "device": "cpu", "num_workers": 0},
    {"image_decoder": "nvjpeg", "num_workers": 2},
    {"worker_threads": 2, "num_workers": 1},
    {"transforms": "direct", "mode": "train"},
    {"normalize": "folded", "mode": "train"},
    {"mode": "train", "targets": "none"},
    {"mode": "train", "device": "none"},
    {"device": "replay", "targets": "none"},
    {"epochs": "joined", "persistent_workers": False},
    {"loader": "webdataset", "cache": "decoded"},
    {"loader": "dali", "mode": "train"},
    {"loader": "dali", "normalize": "opencv"},
    {"loader": "dali", "scaled_decode": True},
    {"pin_memory": True, "device": "cpu"},
    {"precision": "fp16", "device": "cpu"},
    {"line_functions": "a.b"},
    {"native_stacks": True, "profilers": "lines"},
    {"replay_record": "some/run", "device": "cuda"},
]


@pytest.mark.parametrize("settings", IMPOSSIBLE_EXAMPLES, ids=str)
def test_impossible_combinations_are_refused_with_the_remedy(settings):
    (problem,) = problems_of(**settings)
    assert "Take " in problem


def test_a_cache_of_targets_alone_can_be_stored_anywhere():
    assert OcrKnobs(targets="cached", cache_store="disk").cache == "none"


def test_every_impossible_combination_has_an_example():
    assert len(IMPOSSIBLE_EXAMPLES) == len(IMPOSSIBLE)


def test_several_impossible_combinations_are_told_together():
    assert len(problems_of(cache="prepared", mode="train", pin_memory=True, device="replay")) == 2


def test_knobs_come_back_from_json_and_cannot_be_changed():
    knobs = OcrKnobs(cache="decoded", num_pages=7)
    assert OcrKnobs.model_validate_json(knobs.model_dump_json()) == knobs
    with pytest.raises(ValueError, match="frozen"):
        knobs.cache = "none"  # type: ignore[misc]


def test_differences_and_changes():
    knobs = OcrKnobs().changed(cache="decoded", num_workers="4")
    assert knobs.differing(OcrKnobs()) == {"cache": "decoded", "num_workers": 4}
    with pytest.raises(BadInput):
        knobs.changed(mode="train", cache="prepared")
