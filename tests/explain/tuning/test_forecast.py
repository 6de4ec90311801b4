"""What settings would make, by short trials: exact where effects are factors, and composed where stages are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from record_factory import make_record

from workbench.explain.prediction.cost_model import CostModel, SampleCosts
from workbench.explain.prediction.pipeline import PipelineConfig
from workbench.explain.tuning.forecast import Forecaster
from workbench.explain.tuning.points import Point, _changed, drift_of, point_of, saves, stage_factors
from workbench.records import Memory, PredictedValue
from workbench.stages import Catalogue, Stage


def point(log_rate, memory=None, **setting):
    record = make_record(100.0).model_copy(update={"memory": Memory(peak_pss_bytes=memory)})
    return Point(setting, record, log_rate)


def forecaster(*points, **more):
    return Forecaster(points, frozenset(), 0.05, **more)


BASE, CACHE, RING = point(4.0, 1000), point(4.5, 3000, cache="prepared"), point(4.1, 1100, transport="ring")


def test_a_setting_that_was_measured_is_what_was_measured():
    found = forecaster(BASE, CACHE).forecast({"cache": "prepared"})

    assert found.is_measured and found.log_rate == 4.5 and found.memory_bytes == 3000


def test_without_a_model_effects_are_factors_and_costs_add_up():
    found = forecaster(BASE, CACHE, RING).forecast({"cache": "prepared", "transport": "ring"})

    assert found.log_rate == pytest.approx(4.6) and not found.is_measured
    assert found.memory_bytes == 3100
    assert found.spread > 0.15, "factors may not be any"


def test_it_begins_at_the_point_that_has_most_of_the_setting():
    both = point(5.0, cache="prepared", targets="fast")
    found = forecaster(BASE, CACHE, RING, both).forecast({"cache": "prepared", "targets": "fast", "transport": "ring"})

    assert found.log_rate == pytest.approx(5.1)


def test_a_value_that_was_measured_beside_others_is_held_against_those():
    """`shared` can only be had with a cache: what it does is the difference to that."""
    shared = point(4.6, cache="prepared", cache_store="shared")
    other = point(4.2, cache="decoded")
    found = forecaster(BASE, CACHE, other, shared).forecast({"cache": "prepared", "cache_store": "shared", "a": 1})
    assert found is None, "nobody has measured a"

    both = forecaster(BASE, CACHE, RING, shared).forecast(
        {"cache": "prepared", "cache_store": "shared", "transport": "ring"}
    )
    assert both.log_rate == pytest.approx(4.7)
    assert forecaster(BASE, other, shared).forecast({"cache": "decoded", "cache_store": "shared"}) is None


def test_the_bias_that_was_seen_is_taken_off():
    setting = {"cache": "prepared", "transport": "ring"}
    plain = forecaster(BASE, CACHE, RING).forecast(setting)

    assert forecaster(BASE, CACHE, RING, bias=-0.2).forecast(setting).log_rate == pytest.approx(plain.log_rate - 0.2)


STAGES = (Stage("read", "worker", "work", "sample"), Stage("decode", "worker", "work", "sample"),
          Stage("lookup", "worker", "work", "sample"))  # fmt: skip


def model(**cost_ms) -> CostModel:
    costs = np.array([[value * 1e-3 for value in cost_ms.values()]] * 8)
    return CostModel(
        config=PipelineConfig(
            num_workers=2, prefetch_factor=2, cores=2, slowdown=0.0, steps_per_epoch=4, num_steps=8, warmup_steps=4
        ),
        catalogue=Catalogue(STAGES),
        batch_size=2,
        num_samples=8,
        shuffled=False,
        samples=SampleCosts(tuple(cost_ms), np.arange(8), costs),
        batches={},
        blocked_share=0.2,
        device_s=np.array([1e-3]),
        recorded_workers=2,
    )


class Asked:
    """A predictor of which only the model is asked for."""

    def __init__(self, own: CostModel) -> None:
        self.model = own

    def gain(self, model: CostModel) -> PredictedValue:
        """As if nothing but the workers counted."""
        gained = self.model.cost_per_sample("decode") / model.cost_per_sample("decode") - 1.0
        return PredictedValue(estimate=gained, low=gained, high=gained)


def measured(own: CostModel, **setting) -> Point:
    return replace(point(4.0, **setting), predictor=Asked(own))


def test_stages_take_as_many_times_as_long_as_they_did_and_noise_is_none():
    assert stage_factors(model(read=1.0, decode=5.0), model(read=1.05, decode=10.0)) == {
        "read": 1.0, "decode": pytest.approx(0.5), "device": 1.0,
    }  # fmt: skip


def test_what_is_gone_is_gone_and_what_is_new_is_added():
    base, cached = model(read=1.0, decode=10.0), model(lookup=0.5)
    changed = _changed(base, cached, base)

    assert changed.cost_per_sample("read") == changed.cost_per_sample("decode") == 0.0
    assert changed.cost_per_sample("lookup") == pytest.approx(0.5e-3)
    drawn = changed.draw(np.random.default_rng(0))
    assert drawn.load == pytest.approx(np.full(12, 1.0e-3)), "two samples, half a millisecond each"


def test_two_values_together():
    base = model(read=1.0, decode=10.0)
    both = _changed(_changed(base, model(read=0.5, decode=10.0), base), model(read=1.0, decode=4.0), base)

    assert both.cost_per_sample("read") == pytest.approx(0.5e-3)
    assert both.cost_per_sample("decode") == pytest.approx(4e-3)


def test_what_makes_nothing_cheaper_saves_nothing():
    base = measured(model(read=1.0, decode=10.0))

    assert saves(measured(model(read=1.0, decode=9.0), a=1), base)
    assert not saves(measured(model(read=1.02, decode=10.1), a=1), base)
    assert not saves(measured(model(read=0.8, decode=10.5, lookup=0.3), a=1), base), "what it saves it costs elsewhere"


SLOWER = {"read": 1.3, "decode": 13.0, "crop": 2.6, "pad": 1.3, "scale": 3.9}
ORDINARY = {"read": 1.0, "decode": 10.0, "crop": 2.0, "pad": 1.0, "scale": 3.0}


def test_a_machine_that_is_slower_is_not_what_a_value_does():
    base, slower = model(**ORDINARY), model(**{**SLOWER, "decode": 6.5})

    assert drift_of(slower, base) == pytest.approx(1.3)
    factors = stage_factors(slower, base)
    assert factors.pop("decode") == pytest.approx(0.5)
    assert set(factors.values()) == {1.0}
    assert saves(measured(slower, a=1), measured(base))
    assert not saves(measured(model(**SLOWER), a=1), measured(base))


def test_more_workers_than_cores_are_no_slower_machine():
    """In whose trial all stages take longer, because they share the cores."""
    base, slower = model(**ORDINARY), model(**SLOWER)
    more = replace(slower, config=replace(slower.config, num_workers=base.config.num_workers + 2))
    assert drift_of(more, base) == 1.0
    assert drift_of(slower, base) == pytest.approx(1.3), "else it is"

    record = make_record(100.0)
    alone, first = Point({}, record, 0.0, Asked(base)), Point({}, record, 0.0, Asked(more))
    assert point_of({"num_workers": 4}, record, Asked(more), [alone]).log_rate == np.log(100.0)
    later = more.scaled(1.5, *ORDINARY)
    found = point_of({"num_workers": 4, "cache": "decoded"}, record, Asked(later), [alone, first])
    assert found.log_rate == pytest.approx(np.log(150.0)), "as fast as it was for the first trial of as many workers"


def test_of_few_stages_a_slower_machine_cannot_be_known():
    assert drift_of(model(read=1.3, decode=13.0), model(read=1.0, decode=10.0)) == 1.0


def test_a_new_stage_of_a_slower_machine_costs_what_it_would_here():
    base = model(**ORDINARY)
    cached = model(**{name: value for name, value in SLOWER.items() if name != "decode"}, lookup=1.3, more=1.3)

    assert _changed(base, cached, base).cost_per_sample("lookup") == pytest.approx(1.3e-3), "four stages are too few"
    base = model(**ORDINARY, flip=1.0)
    cached = model(**{name: value for name, value in SLOWER.items() if name != "decode"}, flip=1.3, lookup=1.3)
    assert _changed(base, cached, base).cost_per_sample("lookup") == pytest.approx(1.0e-3)


def test_another_way_of_hanging_together_is_worth_a_try():
    base = model(read=1.0, decode=10.0)
    in_background = replace(base, config=replace(base.config, background=True))

    assert saves(measured(in_background, a=1), measured(base))
    assert _changed(base, in_background, base).config.background
