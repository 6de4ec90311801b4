"""What is known of a setting that is not predicted: the gain if what it is good for were free."""

from __future__ import annotations

import pytest
from planted_run import Pipeline

from workbench.errors import Problem
from workbench.explain.figures.predictions import answer_table
from workbench.explain.prediction.predictor import Predictor
from workbench.explain.prediction.unpredicted import unpredicted

PROBLEM = Problem("how long it would take is not known before it has run")


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(*Pipeline(size=4).run())


def test_the_bound_is_the_gain_if_its_stages_were_free(predictor):
    found = unpredicted(predictor, "image_decoder", "turbojpeg", PROBLEM)
    assert found.freed == ("decode",)
    assert found.bound == predictor.gain(predictor.model.scaled(0.0, "decode"))
    assert found.fewer_bytes == 0.0
    assert "so much if 'decode' were free" in answer_table([found]).rows[0][3].text


def test_where_a_setting_saves_bytes_too_the_bound_says_how_many(predictor):
    found = unpredicted(predictor, "targets", "fast", PROBLEM)
    without = predictor.gain(predictor.model.scaled(0.0, "targets"))
    assert found.bound is not None
    assert found.bound.estimate > without.estimate
    assert found.fewer_bytes == pytest.approx(8 / 22)
    said = answer_table([found]).rows[0][3].text
    assert "so much if 'targets' were free and 36.4 % fewer bytes were moved" in said


def test_where_the_size_of_batches_is_not_known_no_bytes_are_saved():
    record, spans = Pipeline(size=4).run()
    sizes = record.batches.model_copy(update={"samples": [], "num_bytes": [], "number": []})
    predictor = Predictor(record.model_copy(update={"batches": sizes}), spans)
    assert unpredicted(predictor, "targets", "fast", PROBLEM).fewer_bytes == 0.0


def test_whether_workers_start_in_the_counted_steps_is_what_persistent_workers_decides(predictor):
    assert ("worker", "start") not in {(row.lane, row.name) for row in predictor.record.stages}
    found = unpredicted(predictor, "persistent_workers", False, PROBLEM)
    assert found.why == PROBLEM.what


def test_what_cannot_be_set_or_changes_nothing_has_no_bound(predictor):
    assert unpredicted(predictor, "channels_last", True, PROBLEM).bound is None
    assert "it can change nothing" in unpredicted(predictor, "channels_last", True, PROBLEM).why
