"""The one printer and the one parser of settings: how a person writes a knob's value, and how it is read back."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.errors import Problem


def format_value(value: Any) -> str:
    """A value as a person writes it: ``"true"``, ``"none"``, ``"torch,lines"``, ``"read:1.5"``."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{_number_text(number)}" for name, number in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _number_text(value: float) -> str:
    """A number with as many digits as tell it from others: ``"3"``, ``"0.1"``, ``"3.14159265"``."""
    text = f"{value:g}"
    return text if float(text) == value else repr(value)


def format_settings(settings: Mapping[str, Any]) -> str:
    """Settings as a person writes them: ``"cache=prepared scaled_decode=true"``."""
    return " ".join(f"{name}={format_value(value)}" for name, value in settings.items())


def shell_settings(settings: Mapping[str, Any]) -> str:
    """Settings as a shell takes them in one argument of a variant: values with spaces in quotes.

    Names are quoted as well: those in a record may be anybody's.
    """
    return " ".join(f"{shlex.quote(name)}={shlex.quote(format_value(value))}" for name, value in settings.items())


def split_settings(items: Sequence[str]) -> tuple[dict[str, str], list[Problem]]:
    """Texts by knob name from ``name=value`` items, with what is wrong with the items."""
    settings: dict[str, str] = {}
    problems: list[Problem] = []
    for item in items:
        name, equals, value = item.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name:
            problems.append(Problem(f"'{item}' sets nothing", remedy="Write knob=value"))
        elif name in settings:
            problems.append(Problem(f"'{name}' is set twice ('{settings[name]}' and '{value}')"))
        else:
            settings[name] = value
    return settings, problems


def read_names(value: Any) -> Any:
    """A tuple of names from a text with commas between them, or from a list; anything else as it is."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        return value
    return tuple(name.strip() for name in map(str, value) if name.strip())


def read_numbers(value: Any, remedy: str) -> Any:
    """Positive numbers by name from a text (``"read:1.5, collate:20"``) or a mapping; anything else as it is.

    Raises:
        ValueError: With the remedy, where the text says something else.
    """
    if isinstance(value, str):
        parts = (item.rpartition(":") for item in value.split(",") if item.strip())
        value = {name.strip(): number for name, _, number in parts}
    if not isinstance(value, Mapping):
        return value
    numbers = {}
    for name, text in value.items():
        try:
            number = float(text)
        except (TypeError, ValueError):
            number = math.nan
        if not (str(name).strip() and 0.0 < number < math.inf):
            raise ValueError(remedy)
        numbers[str(name)] = number
    return numbers


_BYTES = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30,
    "tib": 2**40,
}  # fmt: skip
_SECONDS = {"": 1.0, "ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")


def read_bytes(text: str) -> int:
    """Bytes from ``"4GB"``, ``"512 MiB"`` or a bare number.

    Raises:
        ValueError: For a text that is no size above nothing.
    """
    return round(_quantity(text, _BYTES, "write a size: 4GB, 512MiB"))


def read_seconds(text: str) -> float:
    """Seconds from ``"30s"``, ``"2min"``, ``"1.5h"`` or a bare number.

    Raises:
        ValueError: For a text that is no time above nothing.
    """
    return _quantity(text, _SECONDS, "write a time: 30s, 2min")


def _quantity(text: str, units: Mapping[str, float], remedy: str) -> float:
    match = _QUANTITY.fullmatch(text)
    factor = units.get(match[2].lower()) if match else None
    value = float(match[1]) * factor if match and factor else 0.0
    if value <= 0.0:
        raise ValueError(remedy)
    return value
