"""The parameters of a notebook: the knobs and other settings that its variables make.

papermill passes a mistyped parameter on as a variable that nobody reads, and runs with the defaults. So the notebooks
take their parameters from here, where an unknown name is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.errors import BadInput, Problem, unknown_name
from workbench.knobs.joined import knobs_class
from workbench.knobs.knobs import DEFAULT_WORKLOAD, Knobs
from workbench.knobs.observed import OBSERVED
from workbench.measure.devices.parse_here import parse_here

_SUBJECT = "parameters (a variable of your own needs a name that starts with '_')"
_IPYTHON = ("In", "Out")
_PAPERMILL = "PAPERMILL_"

#: How a cell with papermill's parameters begins.
_INJECTED = "# Parameters"

#: What commands take as options of their own, and what notebooks call it.
_OPTIONS = {"data": "dataset", "out": "reports"}


def knobs_from(namespace: Mapping[str, Any], extra: Iterable[str] = ()) -> Knobs:
    """The knobs that a notebook's variables make; what isn't set keeps its default.

    Args:
        namespace: The notebook's ``globals()``.
        extra: Names of the notebook's parameters that are not knobs.

    Raises:
        BadInput: With the mistyped parameters, wrong values and impossible combinations, all of them. A variable of
            one's own is let pass where its name starts with an underscore.
    """
    settings, problems = _read(namespace, extra)
    try:
        knobs = parse_here(settings)
    except BadInput as error:
        raise BadInput(_SUBJECT, [*problems, *error.problems]) from None
    if problems:
        raise BadInput(_SUBJECT, problems)
    return knobs


def settings_from(namespace: Mapping[str, Any], extra: Iterable[str] = ()) -> dict[str, Any]:
    """The knobs that a notebook's variables set, by name, as they stand there; `parse_here` checks them.

    Args:
        namespace: The notebook's ``globals()``.
        extra: Names of the notebook's parameters that are not knobs.

    Raises:
        BadInput: For mistyped parameters, and for a workload that cannot be had.
    """
    settings, problems = _read(namespace, extra)
    if problems:
        raise BadInput(_SUBJECT, problems)
    return settings


def _read(namespace: Mapping[str, Any], extra: Iterable[str]) -> tuple[dict[str, Any], list[Problem]]:
    """The knobs among variables, and what is wrong with the others."""
    # A command of one's own says by itself what is measured.
    workload = OBSERVED if namespace.get("command") else str(namespace.get("workload", DEFAULT_WORKLOAD))
    rows = knobs_class(workload).rows()
    settings = {name: namespace[name] for name in rows if name in namespace}
    known = [*rows, *extra, "command"]
    # The notebooks show knobs of the default workload. Those that another one lacks may stand there as they are.
    shown = knobs_class(DEFAULT_WORKLOAD).rows()
    if workload == OBSERVED:  # and those that a script decides
        given = _injected(namespace)
        as_shown = [name for name in settings if name in shown and settings[name] == shown[name].default]
        settings = {name: value for name, value in settings.items() if name in given or name not in as_shown}
        settings["workload"] = workload
    problems = []
    for name, value in namespace.items():
        if name in known or not _is_parameter(name, value):
            continue
        if name in _OPTIONS:
            problems.append(Problem(f"'{name}' is an option of the commands", remedy=f"Here it is '{_OPTIONS[name]}'"))
        elif name not in shown:
            problems.append(unknown_name("parameter", name, known))
        elif value != shown[name].default:
            problems.append(Problem(f"the workload '{workload}' has no knob '{name}'", remedy="Leave it as it was"))
    return settings, problems


def _injected(namespace: Mapping[str, Any]) -> set[str]:
    """Names that papermill has set, in a cell of its own."""
    cells = [text for text in namespace.get("In", ()) if isinstance(text, str) and text.startswith(_INJECTED)]
    lines = [line for text in cells for line in text.splitlines()]
    return {line.partition("=")[0].strip() for line in lines if line[:1].isidentifier() and "=" in line}


def _is_parameter(name: str, value: Any) -> bool:
    """Whether a variable holds a plain value, which is all that papermill can pass, and isn't one's own."""
    own = name in _IPYTHON or name.startswith(("_", _PAPERMILL))
    return not own and _is_plain(value)


def _is_plain(value: Any) -> bool:
    """Whether papermill can pass such a value."""
    if isinstance(value, dict):
        return all(_is_plain(part) for part in value.values())
    if isinstance(value, list):
        return all(_is_plain(part) for part in value)
    return value is None or type(value) in (str, int, float, bool)
