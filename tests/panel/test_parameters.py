"""The parameters of a notebook: what its variables make, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from workbench.errors import BadInput
from workbench.panel.parameters import knobs_from, settings_from
from workbench.workloads.ocr.knobs import OcrKnobs


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


@pytest.mark.parametrize(("option", "parameter"), [("data", "dataset"), ("out", "reports")])
def test_what_commands_take_as_an_option_is_answered_with_its_name_here(option: str, parameter: str) -> None:
    with pytest.raises(BadInput, match=f"'{option}' is an option of the commands. Here it is '{parameter}'"):
        settings_from(ipython(**{option: "x"}))


def test_all_mistyped_parameters_are_in_one_message() -> None:
    with pytest.raises(BadInput) as error:
        settings_from(ipython(cahce="none", xyzzy=1))

    assert len(error.value.problems) == 2
    assert "The parameters are: workload, dataset, annotations," in str(error.value)


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


class Own:
    """A workload of one's own."""

    class Knobs(BaseModel):
        width: int = 3


OWN = {"workload": f"{__name__}:Own"}


def test_another_workload_has_its_own_knobs() -> None:
    knobs = knobs_from(ipython(**OWN, width="7", num_workers=1))

    assert (knobs.workload, knobs.width, knobs.num_workers) == (OWN["workload"], 7, 1)


def test_knobs_that_the_cell_shows_and_another_workload_lacks_may_stand_there_but_not_be_set() -> None:
    shown = {"dataset": "data_samples", "cache": "none", "num_pages": None}

    assert settings_from(ipython(**OWN, **shown)) == OWN
    with pytest.raises(BadInput, match=r"the workload '.*:Own' has no knob 'cache'"):
        knobs_from(ipython(**OWN, **{**shown, "cache": "decoded"}))


def test_a_workload_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(BadInput, match="there is no workload named 'orc'"):
        knobs_from(ipython(workload="orc"))


def test_lists_and_mappings_make_knobs_as_papermill_passes_them() -> None:
    knobs = knobs_from(ipython(profilers=["torch", "lines"], slow_down={"decode": 1.5}, knock_out="decode"))

    assert knobs == OcrKnobs(profilers=("torch", "lines"), slow_down={"decode": 1.5}, knock_out=("decode",))
