"""The knobs as tables: what can be set, and to what."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from workbench.explain.table import Table, make_table
from workbench.knobs.format import format_settings, format_value
from workbench.knobs.knob import Knob


def knobs_tables(rows: Iterable[Knob]) -> list[Table]:
    """A table for each group of knobs, a row for each knob."""
    return [
        make_table(
            ("knob", "default", "values", "what it decides"),
            [(row.name, format_value(row.default) or "-", _values(row), row.help) for row in own],
            caption=f"Knobs of the group '{group}'",
        )
        for group, own in groupby(rows, key=lambda row: row.group)
    ]


def knob_table(row: Knob) -> Table:
    """All that is known of a knob."""
    facts = [
        ("knob", row.name),
        ("what it decides", row.help),
        ("values", _values(row)),
        ("default", format_value(row.default) or "-"),
        ("what has to be put up with", row.cost),
        ("cannot be set together with", "; ".join(f"{r.what}. {r.remedy}" for r in row.refused)),
        ("changes nothing where", "; ".join(rule.because for rule in row.inactive)),
        ("makes cheaper", "; ".join(_cheaper(row))),
        ("can be predicted", "yes, with workbench whatif" if row.predicted else "no: compare it"),
    ]
    return make_table((), [(name, text) for name, text in facts if text])


def _values(row: Knob) -> str:
    if row.choices:
        return ", ".join(format_value(choice) for choice in row.choices)
    kinds = {"int": "whole number", "float": "number", "str": "text", "tuple": "list: a,b", "dict": "pairs: a:1,b:2"}
    kind = f"{kinds.get(row.kind, row.kind)}{f' [{row.unit}]' if row.unit else ''}"
    return f"{kind}, or none" if row.is_optional else kind


def _cheaper(row: Knob) -> list[str]:
    return [
        f"{format_settings({row.name: value})}: {', '.join(effect.addresses)}"
        for value, effect in row.effects.items()
        if effect.addresses
    ]
