"""A value is understood by itself, also where it could not run without the settings that are still to come."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.knobs.format import format_settings, format_value
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


@pytest.mark.parametrize(
    ("name", "value", "text", "meant"),
    [
        ("num_workers", "1", "1", 1),
        ("num_workers", 1.0, "1.0", 1),
        ("num_workers", True, "true", None),
        ("timeout_s", True, "true", None),
        ("scaled_decode", "yes", "yes", True),
        ("scaled_decode", "off", "off", False),
        ("scaled_decode", 1, "1", True),
        ("scaled_decode", 1.0, "1.0", None),
        ("scaled_decode", "maybe", "maybe", None),
        ("dataset", 2024, "2024", "2024"),
        ("cache", None, "none", "none"),
        ("num_pages", False, "false", None),
        ("device", False, "false", None),
    ],
)
def test_parameters_and_command_line_have_one_rule(name: str, value: object, text: str, meant: object) -> None:
    if meant is None:
        with pytest.raises(BadInput, match=name):
            OcrKnobs.parse_own({name: value})
        with pytest.raises(BadInput, match=name):
            read_settings([f"{name}={text}"], OcrKnobs)
        return
    found = [getattr(OcrKnobs.parse_own({name: value}), name), read_settings([f"{name}={text}"], OcrKnobs)[name]]
    assert found == [meant, meant]
    assert type(found[0]) is type(found[1]) is type(meant)


@pytest.mark.parametrize("text", ["3", "0.1", "3.14159265358979", "123456789.125", "1e-07", "1e+30"])
def test_a_number_is_written_with_all_that_tells_it_from_others(text: str) -> None:
    knobs = OcrKnobs.parse_own({"replay_ms_per_sample": text, "slow_down": f"decode:{text}"})
    assert format_value(knobs.replay_ms_per_sample) == text
    items = format_settings(knobs.differing(OcrKnobs())).split()
    assert OcrKnobs.parse_own(read_settings(items, OcrKnobs)) == knobs
