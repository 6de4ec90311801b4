"""Numbers carry their units, and what was not measured says so."""

from __future__ import annotations

import pytest

from workbench.units import (
    format_bytes,
    format_duration,
    format_epochs,
    format_number,
    format_rate,
    format_ratio,
    format_share,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00133, "1.33 ms"),
        (12.44, "12.4 s"),
        (158.9, "159 s"),
        (4.2e-5, "42.0 µs"),
        (0.0, "0.00 s"),
        (None, "not measured"),
    ],
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(2_764_800, "2.76 MB"), (999, "999 B"), (4.5e9, "4.50 GB"), (0, "0 B"), (None, "not measured")]
)
def test_sizes(size, text):
    assert format_bytes(size) == text


def test_shares_ratios_and_rates():
    assert format_share(0.8784) == "87.8 %"
    assert format_share(-1e-4) == "0.0 %", "there is no negative nothing"
    assert format_ratio(1.1222) == "1.12x"
    assert [*map(format_epochs, (0.52, 1.0, 1.02, 6.83))] == ["0.52 epochs", "1 epoch", "1 epoch", "6.8 epochs"]
    assert format_rate(63.12) == "63.1 samples/s"
    assert format_rate(63.12, "page") == "63.1 pages/s"
    assert format_number(63.12) == "63.1"
    assert format_share(None) == format_ratio(None) == format_rate(None) == format_number(None) == "not measured"
