from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import BadInput, Problem
from workbench.knobs.joined import knobs_class, knobs_of
from workbench.knobs.knobs import read_settings
from workbench.measure.comparison.variants import (
    check_variants,
    choose_variants,
    equal_variants,
    parse_grid,
    parse_variants,
)
from workbench.workloads.ocr.knobs import OcrKnobs


def messages(error: pytest.ExceptionInfo[BadInput]) -> list[str]:
    return [str(problem) for problem in error.value.problems]


def test_the_baseline_comes_first_and_holds_the_common_knobs() -> None:
    variants = parse_variants(["ram: cache=decoded", "wide: num_workers=4 batch_size=2"], {"num_workers": 1})

    assert list(variants) == ["baseline", "ram", "wide"]
    assert variants["baseline"] == OcrKnobs(num_workers=1)
    assert variants["ram"] == OcrKnobs(num_workers=1, cache="decoded")
    assert variants["wide"] == OcrKnobs(num_workers=4, batch_size=2)


def test_a_spec_named_baseline_is_the_baseline_wherever_it_stands() -> None:
    variants = parse_variants(["ram: cache=decoded", "baseline: batch_size=2"], {"num_workers": 1})

    assert list(variants) == ["baseline", "ram"]
    assert variants["baseline"] == OcrKnobs(num_workers=1, batch_size=2)
    assert variants["ram"] == OcrKnobs(num_workers=1, cache="decoded")


def test_a_variant_may_repeat_the_baseline() -> None:
    variants = parse_variants(["again:"], {})

    assert variants["again"] == variants["baseline"]


def test_quotes_hold_a_value_with_spaces_together() -> None:
    variants = parse_variants(["mine: dataset='my pages' cache=decoded"], {})

    assert variants["mine"].dataset == "my pages"


def test_every_mistake_of_every_spec_is_in_one_message() -> None:
    specs = [
        "typo: cahce=decoded",
        "value: cache=decodd num_workers=-1",
        "cache=decoded",
        "twice: num_workers=0",
        "twice: num_workers=1",
        "bare: decoded",
        "again: num_workers=1 num_workers=2",
        "torn: mode=train cache=prepared",
    ]

    with pytest.raises(BadInput) as error:
        parse_variants(specs, {})

    text = "\n".join(messages(error))
    assert "variant 'typo': there is no knob named 'cahce'. Did you mean 'cache'?" in text
    assert "variant 'value', cache=decodd: is not a value of it" in text
    assert "Did you mean 'decoded'?" in text
    assert "variant 'value', num_workers=-1: is not a value of it" in text
    assert "variant 'cache=decoded': a variant needs a name" in text
    assert "variant 'twice: num_workers=1': the name is taken" in text
    assert "variant 'bare': 'decoded' sets nothing. Write knob=value" in text
    assert "variant 'again': 'num_workers' is set twice ('1' and '2')" in text
    assert "variant 'torn', cache=prepared/tensor with mode=train:" in text
    assert len(error.value.problems) == 8


def test_a_mistake_in_the_common_knobs_is_said_once() -> None:
    with pytest.raises(BadInput) as error:
        parse_variants(["ram: cache=decoded", "slow: num_workers=0"], {"batch_size": "0", "cahce": "none"})

    assert len(error.value.problems) == 2
    assert messages(error)[0].startswith("there is no knob named 'cahce'")
    assert messages(error)[1].startswith("batch_size=0: is not a value of it")


def test_common_knobs_may_be_impossible_alone_where_every_variant_completes_them() -> None:
    variants = parse_variants(["baseline: cache=decoded", "p: cache=prepared"], {"cache_store": "shared"})
    assert [knobs.cache for knobs in variants.values()] == ["decoded", "prepared"]

    with pytest.raises(BadInput, match="there is no cache to store"):
        parse_variants(["p: cache=prepared"], {"cache_store": "shared"})


def test_the_first_cell_of_a_grid_is_the_baseline() -> None:
    variants = parse_grid(["cache=none,decoded", "num_workers=0,2"], {"batch_size": 4})

    assert list(variants) == [
        "cache=none num_workers=0",
        "cache=none num_workers=2",
        "cache=decoded num_workers=0",
        "cache=decoded num_workers=2",
    ]
    assert variants["cache=decoded num_workers=2"] == OcrKnobs(batch_size=4, cache="decoded", num_workers=2)


def test_mistakes_of_a_grid_are_in_one_message() -> None:
    with pytest.raises(BadInput) as error:
        parse_grid(["cahce=none", "num_workers=0,,2", "batch_size=2,2", "decoded"], {})

    text = "\n".join(messages(error))
    assert "Did you mean 'cache'?" in text
    assert "grid 'num_workers=0,,2': an empty value" in text
    assert "grid 'batch_size=2,2': a value is named twice" in text
    assert "'decoded' sets nothing" in text


def test_an_impossible_cell_is_named() -> None:
    with pytest.raises(BadInput, match=r"variant 'cache=none cache_store=shared'.*there is no cache to store"):
        parse_grid(["cache=none,decoded", "cache_store=memory,shared"], {})


def test_a_grid_without_axes_is_refused() -> None:
    with pytest.raises(BadInput, match="there are no axes"):
        parse_grid([], {})


def test_settings_hold_what_the_knobs_take_the_texts_for() -> None:
    items = ["cache=prepared", "dataset=a=b", "num_workers=0", "pin_memory=true", "num_pages=none"]

    settings = read_settings(items, OcrKnobs)

    expected = {"cache": "prepared", "dataset": "a=b", "num_workers": 0, "pin_memory": True, "num_pages": None}
    assert settings == expected


def test_settings_may_be_impossible_as_long_as_there_is_more_to_come() -> None:
    assert read_settings(["cache_store=shared"], OcrKnobs) == {"cache_store": "shared"}


def test_settings_with_mistakes_are_refused_together() -> None:
    with pytest.raises(BadInput) as error:
        read_settings(["cahce=prepared", "num_workers", "seed=1", "seed=2", "batch_size=0"], OcrKnobs, subject="-p")

    assert len(error.value.problems) == 4
    assert "Did you mean 'cache'?" in str(error.value)


def test_a_face_gets_variants_or_a_grid() -> None:
    assert list(choose_variants(["ram: cache=decoded"], [], {}, 2)) == ["baseline", "ram"]
    assert list(choose_variants("ram: cache=decoded", None, {}, 2)) == ["baseline", "ram"]
    assert list(choose_variants([], "cache=none,decoded", {}, 2)) == ["cache=none", "cache=decoded"]
    assert list(choose_variants(["bad"], ["seed=1,2"], {}, 2)) == ["seed=1", "seed=2"]


@pytest.mark.parametrize(
    ("specs", "axes", "blocks", "message"),
    [
        ([], [], 5, "nothing to compare the baseline with"),
        ([1], [], 5, "variants: holds something else than text"),
        (True, [], 5, "variants: holds something else than text"),
        ([], 2.5, 5, "grid: holds something else than text"),
        (["ram: cache=decoded"], [], 0, "blocks: 0 is not a number of blocks"),
        (["ram: cache=decoded"], [], "3", "blocks: '3' is not a number of blocks"),
        (["ram: cache=decoded"], [], True, "blocks: True is not a number of blocks"),
    ],
)
def test_what_is_not_a_comparison_is_refused(specs: Any, axes: Any, blocks: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        choose_variants(specs, axes, {}, blocks)


def test_the_data_sets_of_all_variants_are_looked_at_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def look(knobs: OcrKnobs, on_sample: object) -> None:
        looked_at.append(knobs.dataset)
        if knobs.dataset != "good":
            raise BadInput(knobs.dataset, [Problem("there is no such folder", knobs.dataset)])

    monkeypatch.setattr("workbench.measure.comparison.variants.check_inputs", look)
    monkeypatch.setattr("workbench.measure.comparison.variants.check_combination", lambda knobs: None)
    specs = ["ram: cache=decoded", "a: dataset=bad", "b: dataset=worse", "c: dataset=bad num_workers=0"]

    with pytest.raises(BadInput) as error:
        check_variants(parse_variants(specs, {"dataset": "good"}))

    assert looked_at == ["good", "bad", "worse"]
    assert messages(error) == ["bad: there is no such folder", "worse: there is no such folder"]


def test_profilers_never_enter_a_comparison():
    with pytest.raises(BadInput, match="their overhead would be compared"):
        check_variants({"baseline": OcrKnobs(), "lines": OcrKnobs(profilers="lines")})


def test_the_variants_that_a_workload_suggests_can_be_compared():
    suggested = parse_variants(knobs_class("ocr").suggested_variants, {})

    assert len(suggested) == 1 + len(OcrKnobs.suggested_variants)
    assert all(knobs.compared(suggested["baseline"]) for name, knobs in suggested.items() if name != "baseline")
    assert knobs_of({"workload": "ocr"}) is OcrKnobs


def test_equal_variants_are_named_with_what_is_inactive() -> None:
    specs = [
        "same: cache=none",
        "model: precision=fp16 encoder=resnet50",
        "looks: checked_samples=9",
        "alone: num_workers=0",
        "ahead: num_workers=0 prefetch_factor=4",
        "ram: cache=decoded",
    ]
    noise = "whatever differs between them is the noise of this machine."

    assert equal_variants(parse_variants(specs, {"device": "replay"})) == [
        f"'same' is the same as 'baseline': {noise}",
        "'model' is the same as 'baseline' (precision, encoder can change nothing: no model is run: the device is "
        f"replayed, or there is none): {noise}",
        f"'looks' is the same as 'baseline': {noise}",
        f"'ahead' is the same as 'alone' (prefetch_factor can change nothing: there are no workers (num_workers=0)): "
        f"{noise}",
    ]
    assert len(equal_variants(parse_variants(specs, {"device": "cpu"}))) == 3, "there a model is run"


def test_what_another_workbench_measures_is_never_the_same() -> None:
    variants = {"main": OcrKnobs(), "this checkout": OcrKnobs()}

    assert equal_variants(variants)
    assert equal_variants(variants, ["main"]) == []


@pytest.mark.parametrize(
    ("specs", "axes", "names"),
    [
        ("ram: cache=decoded", "", ["baseline", "ram"]),
        ("", "cache=none,decoded", ["cache=none", "cache=decoded"]),
        ("", "cache=none num_workers=0,1", ["cache=none num_workers=0", "cache=none num_workers=1"]),
    ],
)
def test_a_plain_text_will_do_where_papermill_gives_no_list(specs: str, axes: str, names: list[str]) -> None:
    assert list(choose_variants(specs, axes, {}, 3)) == names


SHORT_TIMES = {"num_pages": 4, "num_steps": 1}


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ("loader=webdataset", "does not consist of shards"),
        ("encoder=resnet1 device=cpu", "timm has no model 'resnet1'"),
        ("weights=none.safetensors device=cpu", "there is no file none.safetensors"),
        ("replay_record=nowhere device=replay", "nowhere"),
    ],
)
def test_what_a_trial_would_refuse_is_refused_before_any(knobs: str, message: str) -> None:
    variants = parse_variants([f"wrong: {knobs}"], SHORT_TIMES)

    with pytest.raises(BadInput, match=message):
        check_variants(variants)


def test_a_grid_of_one_cell_is_refused() -> None:
    with pytest.raises(BadInput, match="a grid of one cell has nothing to compare the baseline with"):
        parse_grid(["cache=none"], {})
