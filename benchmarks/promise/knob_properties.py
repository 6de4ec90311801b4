"""Whatever a person sets, it gives knobs that can be written down and read back, or says all that is wrong with it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from promise.hunt import Property
from promise.odd_inputs import TEXTS, junk
from pydantic import BaseModel

from workbench.commands.options import read_parameters
from workbench.errors import BadInput
from workbench.knobs.format import format_value, shell_settings
from workbench.knobs.joined import RecordedKnobs, parse_knobs
from workbench.knobs.knob import Knob
from workbench.knobs.knobs import Knobs, read_settings
from workbench.knobs.variables import variables_in
from workbench.measure.comparison.variants import BASELINE, choose_variants, parse_grid, parse_variants
from workbench.workloads.ocr.knobs import OcrKnobs

_ROWS: Mapping[str, Knob] = {name: row for name, row in OcrKnobs.rows().items() if name != "workload"}
_NUMBERS = ("0", "1", "2", "4", "0.5", "3.14159265358979", "1e-7", "123456789.125", "32", "640", "1e30", "9" * 30)
_LISTS = (
    "decode", "decode,collate", "torch", "torch,lines", "read:1.5", "read:1.5, collate:20", "decode:0.1234567",
    "x:1", "a b:2", ":1", "decode:", "decode:inf", "A=1", "A='b c' D=e", "a:b", "workbench.errors:causes",
)  # fmt: skip
_WORKLOADS = ("ocr", "observed", "OCR", "", "x", "a:b", "os:path", "nope.nope:Nope", ".:", "workbench.errors:BadInput")


def _plausible(row: Knob) -> SearchStrategy[str]:
    """Texts that may well be values of a knob."""
    values = [format_value(value) for value in (*row.choices, row.default)]
    if row.kind == "int":
        values += _NUMBERS
    elif row.kind == "float":
        values += [number for number in _NUMBERS if "." in number]
    elif not row.choices:
        values += [*_LISTS, "none", "a folder", "b.json"]
    return st.sampled_from(values)


_texts = st.sampled_from((*TEXTS, *_NUMBERS, *_LISTS)) | st.text(max_size=8)


@st.composite
def _settings(draw: DrawFn, values: SearchStrategy[Any], *, odd: int, most: int = 5) -> dict[str, Any]:
    """Up to `most` knobs, most of them with a plausible value; one in `odd` with any, and some names of none."""
    settings: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, most))):
        name = draw(st.sampled_from(sorted(_ROWS)))
        is_odd = draw(st.integers(1, odd)) == 1
        settings[name] = draw(values if is_odd else _plausible(_ROWS[name]))
        if draw(st.integers(1, 4 * odd)) == 1:
            settings[draw(st.sampled_from(("num_worker", "epochs", "", "x=y", "-p", "num_workers ")) | _texts)] = "1"
    if draw(st.integers(1, 2 * odd)) == 1:
        settings["workload"] = draw(st.sampled_from(_WORKLOADS))
    return settings


_texts_by_name = _settings(_texts.map(str.strip), odd=8, most=3)
_anything_by_name = _settings(junk, odd=3)


class _Holder(BaseModel):
    """A record's place for knobs."""

    knobs: RecordedKnobs


def gives_knobs(settings: dict[str, Any], folder: Path) -> None:
    """Settings of any type give knobs that JSON holds, or every one of their faults is told."""
    knobs = _parsed(settings)
    if knobs is None:
        return
    again = parse_knobs(json.loads(knobs.model_dump_json()))
    assert again == knobs, f"JSON gives other knobs: {again.differing(knobs)}"
    holder = _Holder(knobs=knobs)
    assert _Holder.model_validate_json(holder.model_dump_json()) == holder, "a record holds other knobs"
    assert knobs.changed() == knobs


def is_written_down(settings: dict[str, str], folder: Path) -> None:
    """Texts give knobs, whose texts give the same knobs, and the same texts."""
    knobs = _parsed(settings)
    if knobs is None:
        return
    changed = knobs.differing(type(knobs)())
    items = [f"{name}={format_value(value)}" for name, value in changed.items()]
    again = type(knobs).parse_own(read_settings(items, type(knobs)))
    assert again == knobs, f"the texts {items} give other knobs: {again.differing(knobs)}"
    assert [f"{name}={format_value(getattr(again, name))}" for name in changed] == items
    words = shlex.split(shell_settings(changed))
    assert type(knobs).parse_own(read_settings(words, type(knobs))) == knobs, f"a shell gets {words}"
    assert read_parameters(words) == {name: getattr(knobs, name) for name in changed}


def _parsed(settings: dict[str, Any]) -> Knobs | None:
    """Knobs; None where every wrong one of the settings was told."""
    try:
        return parse_knobs(settings)
    except BadInput as error:
        assert error.problems
        told = [problem.what for problem in error.problems]
        if "workload" not in settings:
            for name, value in settings.items():
                alone = OcrKnobs.wrong_values({name: value})
                assert all(problem.what in told for problem in alone), f"of {name}={value!r} nothing is told"
        return None


_names = st.sampled_from(("wide", "a b", "\u00fc", "none", "A", "x-1", "'", "env", "args")) | st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters=":="), min_size=1, max_size=5
).map(str.strip)
_variants = st.dictionaries(_names, _settings(_texts.map(str.strip), odd=20, most=2), max_size=3)
_common = _settings(_texts.map(str.strip), odd=30, most=2)


def differs_where_it_says(drawn: tuple[dict[str, dict[str, str]], dict[str, str]], folder: Path) -> None:
    """A variant's knobs are the baseline's but for those that it sets, which are what it sets them to."""
    variants, common = drawn
    specs = [f"{name}: {shell_settings(own)}" for name, own in variants.items()]
    try:
        found = parse_variants(specs, common)
    except BadInput as error:
        assert error.problems
        return
    assert [BASELINE, *(name for name in variants if name != BASELINE)] == list(found)
    base = found[BASELINE]
    for name, own in variants.items():
        knobs, own = found[name], {knob.strip(): value for knob, value in own.items()}
        assert all(getattr(knobs, knob) == knobs.typed(knob, value) for knob, value in own.items())
        if type(knobs) is type(base):
            others = set(knobs.differing(base)) - set(own) - {knob.strip() for knob in variants.get(BASELINE, {})}
            assert not others, f"'{name}' differs in {others} as well, which it does not set"


_lines = st.text(max_size=20) | st.lists(
    st.sampled_from(
        ("a:", "b", ":", "=", "num_workers=2", "num_workers=0,2", " ", "'", '"', "env: ", "args: ", "A=1", "\\", ",")
    )
    | st.sampled_from(TEXTS),
    max_size=6,
).map("".join)
_specs = st.lists(_lines, max_size=4)


def _read_or_told(read: Callable[[Any], Any]) -> Callable[[Any, Path], None]:
    """That any input is read, or is told to be wrong."""

    def holds(given: Any, folder: Path) -> None:
        try:
            read(given)
        except BadInput as error:
            assert error.problems
            assert str(error)

    return holds


def _variables(text: str) -> None:
    try:
        variables = variables_in(text)
    except ValueError as error:
        assert str(error)
        return
    for name, value in variables.items():
        assert name.isidentifier(), f"{name!r} is no name of a variable"
        assert "\0" not in name + value, f"{name}={value!r} cannot be set"


_axes = st.lists(_lines | st.sampled_from(("num_workers=0,2", "cache=none,decoded", "batch_size=8")), max_size=3)
_anything = st.one_of(_specs, junk, st.tuples(_lines, st.integers()))

PROPERTIES: tuple[Property, ...] = (
    Property("knobs, of anything", _anything_by_name, gives_knobs),
    Property("knobs, of texts", _texts_by_name, is_written_down),
    Property("knobs, of -p", _specs, _read_or_told(read_parameters)),
    Property("env, of any text", _lines, lambda text, folder: _variables(text)),
    Property("variants, as they say", st.tuples(_variants, _common), differs_where_it_says),
    Property("variants, of any text", _specs, _read_or_told(lambda specs: parse_variants(specs, {}))),
    Property("grids, of any text", _axes, _read_or_told(lambda axes: parse_grid(axes, {}))),
    Property(
        "variants and grids, of anything",
        st.tuples(_anything, _anything, junk),
        _read_or_told(lambda drawn: choose_variants(drawn[0], drawn[1], {}, drawn[2])),
    ),
)
