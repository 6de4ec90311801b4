"""What the machine did beside the trials is told with its range."""

from __future__ import annotations

from record_factory import make_record

from workbench.explain.words.verdicts import machine_words
from workbench.records import Machine


def watched(**settings):
    quiet = {"wall_s": 1.0, "num_cores": 2, "other_cores": 0.0, "steal_share": 0.0, "load_1min": 0.0}
    return make_record().model_copy(update={"machine": Machine(**{**quiet, **settings})})


def test_the_busiest_trial_is_seen():
    busy = watched(other_cores=1.5, steal_share=0.2, load_1min=3)
    (told,) = machine_words({"a": [watched(), watched()], "b": [busy]})
    assert "0.00 of 2 cores busy (median; 0.00 to 1.50)" in told
    assert "20.0 % of the cores at most" in told
    assert "0.0 to 3.0" in told
    assert "frequency cannot be read" in told


def test_frequency_and_temperature_are_told_where_they_can_be_read():
    (told,) = machine_words({"a": [watched(frequency_mhz=2400.4, temperature_c=61.0), watched(frequency_mhz=3000)]})
    assert "2400 to 3000 MHz" in told
    assert "61 °C" in told


def test_where_nobody_watched_nothing_is_told():
    assert machine_words({"a": [make_record()]}) == []
