"""What is known of knobs before they run."""

from __future__ import annotations

import pytest
from workbench.explain.knob_advice import fixed_by_others, fixes, without_effect_yet

from workbench.errors import BadInput
from workbench.workloads.ocr.knobs import OcrKnobs


def test_knobs_without_effect_are_named_with_the_reason() -> None:
    idle = without_effect_yet(OcrKnobs(num_workers=0), simulated=True, gpu=None)

    assert idle["prefetch_factor"] == "there are no workers (num_workers=0)"
    assert "no model is run" in idle["encoder"]
    assert "batch_size" not in idle


def test_what_has_an_effect_is_not_named() -> None:
    idle = without_effect_yet(OcrKnobs(num_workers=2, device="cuda"), simulated=False, gpu="a GPU")

    assert not {"prefetch_factor", "encoder", "pin_memory"} & idle.keys()


def test_a_knob_without_another_choice_is_fixed() -> None:
    assert "there is no cache to store" in fixed_by_others(OcrKnobs())["cache_store"]
    assert "cache_store" not in fixed_by_others(OcrKnobs(cache="prepared"))


@pytest.mark.parametrize(
    ("settings", "keep", "way"),
    [
        ({"cache": "tensor"}, "cache", "normalize=cached"),
        ({"mode": "train", "cache": "prepared"}, "mode", "cache=none"),
        ({"scaled_decode": True, "mode": "train"}, "mode", "scaled_decode=false"),
        ({"num_workers": "2", "worker_threads": "4"}, "worker_threads", "start_method=spawn"),
    ],
)
def test_ways_out_make_it_possible(settings: dict[str, object], keep: str, way: str) -> None:
    with pytest.raises(BadInput):
        OcrKnobs.parse_own(settings)

    ways = fixes(settings, keep=keep)

    assert way in map(str, ways)
    for one in ways:
        assert one.knob != keep
        OcrKnobs.parse_own({**settings, one.knob: one.value})


def test_there_is_no_way_out_of_what_is_fine_or_is_no_value() -> None:
    assert fixes({"cache": "decoded"}) == []
    assert fixes({"batch_size": "many"}) == []
