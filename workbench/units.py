"""Numbers as people read them: durations, sizes, rates and shares with their units."""

from __future__ import annotations

import re

NS_PER_S = 1_000_000_000

#: What a line must not end within: a figure and its unit, and an interval.
_UNIT = re.compile(r"(?<=\d) (?=(?:%|[nµm]?s|min|[kMG]?B|px)(?![\w/]))")
_INTERVAL = re.compile(r"\[[-+\d.,x% \xa0]+\]")


def plural(item: str) -> str:
    """``"samples"``."""
    return f"{item}s"


def counted(number: int, item: str) -> str:
    """``"1 sample"``, ``"404 samples"``."""
    return f"{number} {item if number == 1 else plural(item)}"


def counted_cores(cores: int, quota: float | None) -> str:
    """``"2 cores"``; ``"2 cores, 1 by quota"`` where that gives less."""
    return counted(cores, "core") + (f", {quota:g} by quota" if quota is not None and quota < cores else "")


def format_duration(seconds: float | None) -> str:
    """A duration with three significant digits: ``"1.33 ms"``, ``"12.4 s"``; ``"not measured"`` for ``None``."""
    if seconds is None:
        return "not measured"
    size = abs(seconds)
    if size >= 1.0 or size == 0.0:
        return f"{_three_digits(seconds)} s"
    if size >= 1e-3:
        return f"{_three_digits(seconds * 1e3)} ms"
    return f"{_three_digits(seconds * 1e6)} µs"


def format_bytes(size: float | None) -> str:
    """A size in decimal units: ``"2.76 MB"``; ``"not measured"`` for ``None``."""
    if size is None:
        return "not measured"
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(size) >= factor:
            return f"{_three_digits(size / factor)} {unit}"
    return f"{size:.0f} B"


def format_share(share: float | None) -> str:
    """A share in 0..1 as per cent: ``"87.8 %"``; ``"not measured"`` for ``None``."""
    return "not measured" if share is None else f"{share * 100:z.1f} %"


def format_ratio(ratio: float | None) -> str:
    """A speed-up factor: ``"1.12x"``; ``"not measured"`` for ``None``."""
    return "not measured" if ratio is None else f"{ratio:z.2f}x"


def format_epochs(epochs: float) -> str:
    """A number of epochs with two digits: ``"3.1 epochs"``, ``"1 epoch"``."""
    text = f"{epochs:.2g}"
    return f"{text} epoch{'' if text == '1' else 's'}"


def format_rate(per_second: float | None, item: str = "sample") -> str:
    """A throughput: ``"63.1 samples/s"``; ``"not measured"`` for ``None``.

    Args:
        per_second: Samples per second.
        item: What one sample is called.
    """
    return "not measured" if per_second is None else f"{_three_digits(per_second)} {item}s/s"


def format_number(value: float | None) -> str:
    """A figure with three significant digits and no unit, for a column that names it: ``"63.1"``."""
    return "not measured" if value is None else _three_digits(value)


def _three_digits(value: float) -> str:
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:z.{decimals}f}"  # z: -0.00 is 0.00


def unbroken(text: str) -> str:
    """A text whose figures stay on one line, with their units, by no-break spaces; an interval does as well."""
    return _INTERVAL.sub(lambda found: found[0].replace(" ", "\xa0"), _UNIT.sub("\xa0", text))
