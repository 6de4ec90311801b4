"""Sets of knobs to begin with."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.panel.presets import PRESETS, apply_preset
from workbench.workloads.ocr.knobs import OcrKnobs


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_how_and_leaves_what(name: str) -> None:
    before = OcrKnobs(num_pages=9, batch_size=4, encoder="lcnet_050", start_method="spawn", freed_memory="kept", seed=3)

    after = apply_preset(name, before)

    assert (after.num_pages, after.batch_size, after.encoder, after.seed) == (9, 4, "lcnet_050", 3)
    assert after.start_method == "fork"


def test_the_baseline_takes_back_what_another_preset_has_set() -> None:
    assert apply_preset("disk baseline", apply_preset("quickest", OcrKnobs(num_workers=0))) == OcrKnobs(num_workers=0)


def test_a_preset_that_cannot_run_says_so() -> None:
    with pytest.raises(BadInput, match="a page prepared once would be the same in every epoch"):
        apply_preset("prepared cache + device normalize", OcrKnobs(mode="train"))
