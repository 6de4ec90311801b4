"""A value is understood by itself, also where it could not run without the settings that are still to come."""

from __future__ import annotations

import pytest

from workbench.knobs.knobs import read_settings
from workbench.workloads.ocr.knobs import OcrKnobs


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("line_functions", "a.b, c.d", ("a.b", "c.d")),  # only with profilers=lines
        ("knock_out", "collate", ("collate",)),  # cannot be replayed
        ("slow_down", "decode:1.5", {"decode": 1.5}),
        ("scaled_decode", "true", True),
    ],
)
def test_a_text_is_typed_by_itself(name: str, text: str, value: object) -> None:
    assert OcrKnobs.typed(name, text) == value
    assert read_settings([f"{name}={text}"], OcrKnobs) == {name: value}
