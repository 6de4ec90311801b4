"""A knob is one row; what cannot run is refused, all of it at once, with the remedy."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.knobs.format import format_settings, format_value, shell_settings, split_settings
from workbench.knobs.knob import Tolerance, tolerance_between
from workbench.knobs.knobs import ImpossibleKnobs, Knobs, read_settings
from workbench.knobs.measuring import DeviceKnobs, LoaderKnobs, TrialKnobs
from workbench.stages import Stage
from workbench.workloads.ocr.knobs import OcrKnobs


def problems_of(**settings) -> list[str]:
    with pytest.raises(BadInput) as caught:
        OcrKnobs.parse_own(settings)
    return [str(problem) for problem in caught.value.problems]


def test_every_knob_says_what_it_is_and_stands_with_others():
    rows = OcrKnobs.rows()
    assert set(rows) == set(OcrKnobs.model_fields)
    for name, row in rows.items():
        assert row.help, name
        assert row.group in OcrKnobs.groups, name
        assert row.name == name
        assert not row.choices or row.default in row.choices, name
        assert all(value in row.choices for value in row.tolerances), f"a tolerance of {name} for what it cannot be"
    groups = [row.group for row in rows.values()]
    assert groups == sorted(groups, key=list(OcrKnobs.groups).index), "groups are not torn apart"


def test_every_rule_has_its_words():
    for name, row in OcrKnobs.rows().items():
        assert all(rule.because for rule in row.inactive), name
        assert all(rule.what and rule.remedy and rule.knobs for rule in row.refused), name


def test_a_room_gets_its_slice_and_no_more():
    knobs = OcrKnobs(num_workers=3, cache="decoded")
    loading = knobs.slice(LoaderKnobs)
    assert (loading.num_workers, loading.shuffles) == (3, False)
    assert not hasattr(loading, "cache")
    assert not hasattr(loading, "device")
    named = [set(part.model_fields) for part in (LoaderKnobs, DeviceKnobs, TrialKnobs)]
    assert sum(map(len, named)) == len(set.union(*named)), "no knob is in two slices"


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


def test_all_mistakes_are_in_one_message():
    problems = problems_of(cahce="decoded", normalize="devise", num_workers="many", batch_size=0)
    assert len(problems) == 4
    assert "Did you mean 'cache'?" in problems[0]
    assert any("Did you mean 'device'?" in problem for problem in problems)


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
    {"ranks": 2, "start_method": "forkserver"},
    {"ranks": 2, "mode": "train", "device": "replay", "start_method": "forkserver"},
    {"ranks": 2, "mode": "train", "device": "cpu"},
    {"ranks": 2, "mode": "train", "device": "cpu", "num_workers": 0, "profilers": "memory"},
    {"ranks": 2, "mode": "train", "device": "cpu", "num_workers": 0, "loader": "webdataset"},
    {"engine": "aoti", "mode": "train"},
    {"engine": "tensorrt", "device": "cpu"},
    {"engine": "exported", "precision": "int8"},
    {"engine": "compiled", "precision": "bf16_weights", "mode": "train"},
    {"engine": "onnx", "precision": "bf16", "device": "cpu"},
    {"engine": "onnx", "precision": "fp16_weights", "device": "cpu"},
    {"engine": "onnx", "normalize": "folded"},
    {"slow_down": "read:2", "stage_timing": False},
    {"cache": "prepared", "mode": "train"},
    {"targets": "cached", "mode": "train"},
    {"cache_store": "shared"},
    {"cache_store": "mapped", "cache": "prepared", "normalize": "device", "targets": "cached", "num_workers": 1},
    {"cache_store": "mapped", "cache": "decoded", "num_workers": 0},
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
    {"annotation_format": "none", "mode": "train"},
    {"epoch_overlap": True, "persistent_workers": False},
    {"loader": "webdataset", "cache": "decoded"},
    {"loader": "dali", "mode": "train"},
    {"loader": "dali", "normalize": "opencv"},
    {"loader": "spdl", "mode": "train"},
    {"loader": "spdl", "slow_down": "decode:30"},
    {"loader": "dali", "knock_out": "decode"},
    {"loader": "dali", "scaled_decode": True},
    {"pin_memory": True, "device": "cpu"},
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
    rules = [rule for row in OcrKnobs.rows().values() for rule in row.refused]
    for rule in rules:
        assert any(rule.when(_unchecked(settings)) for settings in IMPOSSIBLE_EXAMPLES), rule.knobs


def _unchecked(settings: dict) -> OcrKnobs:
    typed = {name: OcrKnobs.typed(name, value) for name, value in settings.items()}
    return OcrKnobs().unchecked(**typed)


def test_a_stage_that_the_main_process_has_as_well_can_be_slowed_down_with_any_loader():
    class Own(Knobs):
        own_stages = (Stage("blend", "worker", "work"), Stage("blend", "main", "submit"))

    assert Own(loader="spdl", slow_down="blend:1, transfer:2").slow_down == {"blend": 1.0, "transfer": 2.0}
    with pytest.raises(ImpossibleKnobs, match="collate, read would run in threads of the loader's own"):
        Own(loader="spdl", slow_down="blend:1, collate:1, read:1")


def test_several_impossible_combinations_are_refused_together():
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


def test_how_a_trial_is_looked_at_is_not_compared():
    knobs = OcrKnobs(scaled_decode=True, num_steps=4, checked_samples=0, timeout_s=9, stage_timing=False)
    assert knobs.compared() == {"scaled_decode": True, "num_steps": 4}
    assert knobs.compared(OcrKnobs(num_steps=4)) == {"scaled_decode": True}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"), (True, "true"), (0.5, "0.5"), (3.0, "3"), ("ring", "ring"), (("torch", "lines"), "torch,lines"),
        ({"read": 1.5}, "read:1.5"), ((), ""),
    ],
)  # fmt: skip
def test_a_value_is_written_as_a_person_writes_it(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    "settings",
    [
        {"scaled_decode": True, "num_pages": None, "replay_ms_per_sample": 0.5, "prefetch_factor": 4},
        {"slow_down": {"read": 1.5, "collate": 20.0}},
        {"knock_out": ("read", "decode")},
        {"dataset": "my pages"},
    ],
    ids=str,
)
def test_what_is_printed_is_read_back(settings):
    knobs = OcrKnobs(**settings)
    printed = [format_settings({name: getattr(knobs, name)}) for name in settings]
    texts, problems = split_settings(printed)
    assert problems == []
    assert OcrKnobs.parse_own(texts) == knobs


def test_settings_for_a_shell_are_quoted():
    assert shell_settings({"dataset": "my pages", "num_workers": 2}) == "dataset='my pages' num_workers=2"


def test_texts_are_typed_one_by_one_though_they_are_impossible_by_themselves():
    items = ["line_functions=a.b, c.d", "slow_down=read:1.5", "knock_out=collate", "cache_store=shared"]
    settings = read_settings(items, OcrKnobs)
    assert settings["line_functions"] == ("a.b", "c.d")
    assert settings["slow_down"] == {"read": 1.5}
    assert settings["cache_store"] == "shared"
    assert OcrKnobs.wrong_values(settings) == []


def test_a_renamed_knob_is_named_by_its_new_name():
    (problem,) = problems_of(parity_pages=3)
    assert "checked_samples" in problem


def test_the_widest_tolerance_of_what_differs_counts():
    ordinary = Tolerance(1.0, 0.5, "rounding")
    plain, decoder, scaled = OcrKnobs(), OcrKnobs(image_decoder="opencv"), OcrKnobs(scaled_decode=True)
    assert tolerance_between(plain, OcrKnobs(num_workers=0), ordinary) == ordinary
    assert tolerance_between(plain, decoder, ordinary).mean == 1.0
    assert tolerance_between(decoder, scaled, ordinary).mean == tolerance_between(scaled, decoder, ordinary).mean == 2.0
