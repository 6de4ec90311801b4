"""The parameters of a notebook: the cell that shows them, and the knobs that come out of it.

papermill passes a mistyped parameter on as a variable that nobody reads, and runs with the defaults. So the notebooks
take their parameters from here, where a name that is none is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.errors import BadInput, Problem, unknown_name
from workbench.knobs.knobs import KnobInfo, Knobs, describe_knobs

#: The knobs that the parameters cell of profile.ipynb shows. All others can be set as well, by name.
PROFILE_KNOBS = (
    "dataset",
    "num_pages",
    "mode",
    "image_decoder",
    "cache",
    "cache_store",
    "normalize",
    "num_workers",
    "batch_size",
    "encoder",
    "device",
    "num_steps",
    "seed",
)

#: Likewise of compare.ipynb, whose variants set the others, and which has more parameters that are no knobs.
COMPARE_KNOBS = ("dataset", "num_pages", "mode", "num_workers", "batch_size", "device", "num_steps")

#: Likewise of transforms.ipynb.
TRANSFORMS_KNOBS = (
    "dataset",
    "num_pages",
    "image_decoder",
    "image_size",
    "normalize",
    "targets",
    "num_workers",
    "batch_size",
    "device",
    "num_steps",
    "seed",
)

#: Likewise of explore.ipynb: where its widgets stand at first.
EXPLORE_KNOBS = (
    "dataset",
    "num_pages",
    "mode",
    "cache",
    "normalize",
    "num_workers",
    "batch_size",
    "encoder",
    "device",
    "num_steps",
    "seed",
)

_SUBJECT = "parameters (a variable of your own needs a name that starts with '_')"
_IPYTHON = ("In", "Out")
_PAPERMILL = "PAPERMILL_"


def knobs_from(namespace: Mapping[str, Any], extra: Iterable[str] = ()) -> Knobs:
    """The knobs that a notebook's variables make; what isn't set keeps its default.

    Args:
        namespace: The notebook's ``globals()``.
        extra: Names of the notebook's parameters that are no knobs.

    Raises:
        BadInput: With the mistyped parameters, wrong values and impossible combinations, all of them. A variable of
            one's own is let pass where its name starts with an underscore.
    """
    problems = _mistyped(namespace, extra)
    try:
        knobs = Knobs.parse(_knobs_in(namespace))
    except BadInput as error:
        raise BadInput(_SUBJECT, [*problems, *error.problems]) from None
    if problems:
        raise BadInput(_SUBJECT, problems)
    return knobs


def settings_from(namespace: Mapping[str, Any], extra: Iterable[str] = ()) -> dict[str, Any]:
    """The knobs that a notebook's variables set, by name, as they stand there; `Knobs.parse` checks them.

    Args:
        namespace: The notebook's ``globals()``.
        extra: Names of the notebook's parameters that are no knobs.

    Raises:
        BadInput: For mistyped parameters.
    """
    if problems := _mistyped(namespace, extra):
        raise BadInput(_SUBJECT, problems)
    return _knobs_in(namespace)


def knob_lines(names: Iterable[str]) -> list[str]:
    """The lines of a parameters cell: one assignment a knob, with its type, default and help."""
    infos = {info.name: info for info in describe_knobs()}
    return [_knob_line(infos[name]) for name in names]


def _knob_line(info: KnobInfo) -> str:
    # papermill's reader knows no `|` in a type and no `#` in a value; "type | None" goes into quotes as it takes them.
    annotation = info.type_name if info.default is not None else f'"Optional[{info.type_name}]"'
    choices = f" ({', '.join(info.choices)})" if info.type_name == "str" and info.choices else ""
    unit = f" [{info.unit}]" if info.unit else ""
    return f"{info.name}: {annotation} = {_literal(info.default)}  # {info.help}{unit}{choices}"


def _literal(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _knobs_in(namespace: Mapping[str, Any]) -> dict[str, Any]:
    return {name: namespace[name] for name in Knobs.model_fields if name in namespace}


def _mistyped(namespace: Mapping[str, Any], extra: Iterable[str]) -> list[Problem]:
    """Variables that hold plain values, which is all that papermill can pass, and are no parameters."""
    known = [*Knobs.model_fields, *extra]
    strangers = [name for name, value in namespace.items() if name not in known and _is_parameter(name, value)]
    return [unknown_name("parameter", name, known) for name in strangers]


def _is_parameter(name: str, value: Any) -> bool:
    own = name in _IPYTHON or name.startswith(("_", _PAPERMILL))
    return not own and _is_plain(value)


def _is_plain(value: Any) -> bool:
    """Whether papermill can pass such a value."""
    if isinstance(value, dict):
        return all(_is_plain(part) for part in value.values())
    if isinstance(value, list):
        return all(_is_plain(part) for part in value)
    return value is None or type(value) in (str, int, float, bool)
