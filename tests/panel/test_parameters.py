from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import BadInput
from workbench.knobs.knobs import OcrKnobs, describe_knobs
from workbench.panel.parameters import COMPARE_KNOBS, PROFILE_KNOBS, knob_lines, knobs_from, settings_from


def ipython(**variables: Any) -> dict[str, Any]:
    """The globals of a notebook as IPython fills them."""
    own = {"In": ["", "x = 1"], "Out": {}, "exit": object(), "quit": object(), "get_ipython": lambda: None, "_i": "x"}
    return {"__name__": "__main__", "_": "", "Path": Path, "json": json, **own, **variables}


def test_every_knob_is_taken_whether_the_cell_shows_it_or_not() -> None:
    settings = settings_from(ipython(dataset="pages", cache="decoded", channels_last=True, annotations=None))

    assert settings == {"dataset": "pages", "cache": "decoded", "channels_last": True, "annotations": None}


@pytest.mark.parametrize("value", ["prepared", 3, 0.5, True, None, ["a"], {"a": 1}, []])
def test_a_mistyped_parameter_is_refused_with_the_one_that_was_meant(value: Any) -> None:
    with pytest.raises(BadInput, match=r"there is no parameter named 'cahce'\. Did you mean 'cache'\?"):
        settings_from(ipython(cahce=value))


def test_a_mistyped_extra_parameter_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(BadInput, match=r"Did you mean 'blocks'\?"):
        settings_from(ipython(blokcs=2), extra=("blocks",))


def test_all_mistyped_parameters_are_in_one_message() -> None:
    with pytest.raises(BadInput) as error:
        settings_from(ipython(cahce="none", xyzzy=1))

    assert len(error.value.problems) == 2
    assert "The parameters are: dataset, annotations," in str(error.value)


def test_knobs_are_made_of_what_is_set() -> None:
    assert knobs_from(ipython(cache="decoded", num_workers="1", reports="x"), ["reports"]) == OcrKnobs(
        cache="decoded", num_workers=1
    )


def test_mistyped_names_and_wrong_values_are_in_one_message() -> None:
    with pytest.raises(BadInput) as error:
        knobs_from(ipython(cahce="none", num_workers=-1))

    assert len(error.value.problems) == 2
    with pytest.raises(BadInput, match="Did you mean 'cache'"):
        knobs_from(ipython(cahce="none"))


def test_what_is_no_parameter_is_let_pass() -> None:
    variables = ipython(
        blocks=2, record=object(), runs=Path(), _own=3, PAPERMILL_INPUT_PATH="x", variants={"a": OcrKnobs()}
    )

    assert settings_from(variables, extra=("blocks",)) == {}


@pytest.mark.parametrize("names", [PROFILE_KNOBS, COMPARE_KNOBS])
def test_the_lines_of_a_parameters_cell_set_the_defaults(names: tuple[str, ...]) -> None:
    namespace: dict[str, Any] = {}
    exec("\n".join(knob_lines(names)), namespace)

    defaults = OcrKnobs()
    assert {name: namespace[name] for name in names} == {name: getattr(defaults, name) for name in names}


def test_the_lines_of_a_parameters_cell_are_read_by_papermill() -> None:
    import nbformat
    from papermill.translators import PythonTranslator

    cell = nbformat.v4.new_code_cell("\n".join(knob_lines(PROFILE_KNOBS)))
    parameters = {parameter.name: parameter for parameter in PythonTranslator.inspect(cell)}

    infos = {info.name: info for info in describe_knobs()}
    assert set(parameters) == set(PROFILE_KNOBS)
    for name, parameter in parameters.items():
        assert parameter.help.startswith(infos[name].help)
        assert infos[name].type_name in parameter.inferred_type_name
