"""Environment variables as a knob."""

import pytest

from workbench.errors import BadInput
from workbench.knobs.joined import parse_knobs
from workbench.knobs.observed import ObservedKnobs
from workbench.knobs.variables import variables_in


def test_words_with_quotes_are_one_value():
    assert variables_in("A=1 B='2 3' C=") == {"A": "1", "B": "2 3", "C": ""}


@pytest.mark.parametrize("settings", [{"workload": "ocr"}, {"workload": "observed", "command": "true"}])
def test_words_that_set_nothing_are_refused_all_at_once(settings):
    with pytest.raises(BadInput) as error:
        parse_knobs({**settings, "env": "A=1 OMP_NUM_THREADS 2=3"})
    assert "'OMP_NUM_THREADS', '2' sets nothing: write NAME=VALUE" in str(error.value)


def test_an_open_quote_is_refused():
    with pytest.raises(BadInput, match=r"env=.*quotation"):
        parse_knobs({"env": "A='1"})


def test_a_script_has_them_among_what_is_said_of_the_script():
    assert ObservedKnobs.rows()["env"].group == "script"
