"""Strategies on a data set that knows nothing of them: right where they are right, refused where they are not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from measure.attach.conftest import observed

from workbench.explain.checks.looks import compare_looks
from workbench.explain.prediction.variants import can_take
from workbench.files import examples_root

pytestmark = pytest.mark.real

OWN = str(examples_root() / "examples" / "own_script" / "train.py")
SHORT = ("--epochs", "30", "--repeat", "1")


def look(folder, *arguments, **knobs):
    """Observe the script; gives its record with the samples that were looked at."""
    record = observed(folder, OWN, *SHORT, *arguments, num_steps=16, **knobs)
    path = folder / record.run_id / "samples.npz"
    return record, dict(np.load(path)) if path.is_file() else None


@pytest.fixture
def looked(tmp_path):
    """As `look`, in a folder of the test."""
    return partial(look, tmp_path)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    """The script as it is."""
    return look(tmp_path_factory.mktemp("baseline"))


def test_what_is_kept_gives_the_same_samples(baseline, looked):
    for cache in ("decoded", "sample"):
        kept = looked(cache=cache)
        assert kept[0].status == "ok" and kept[0].memory.cache_bytes > 100_000, kept[0].failure
        assert compare_looks(baseline, kept).status == "same"


def test_normalizing_what_the_model_gets_is_within_rounding(baseline, looked):
    variant = looked(normalize="device")

    assert variant[0].status == "ok", variant[0].failure
    assert compare_looks(baseline, variant).status == "within_tolerance"


def test_a_wrong_sample_is_found(baseline):
    wrong = {name: np.array(values) for name, values in baseline[1].items()}
    name = next(name for name in wrong if name.startswith("whole/") and wrong[name].dtype == np.float32)
    wrong[name][0, 0] += 1.0
    wrong["digests"][0] += 1

    assert compare_looks(baseline, (baseline[0], wrong)).status == "different"


def test_random_samples_are_not_kept(looked):
    record, _ = looked("--flip", cache="sample")

    assert record.status == "failed" and record.failure.kind == "bad_input"
    assert "differs between two readings" in record.failure.message


@pytest.mark.parametrize("flip", [True, False])
def test_a_cache_of_samples_is_not_advised_where_they_are_random(looked, flip):
    record, _ = looked(*(["--flip"] if flip else []), num_workers=0)
    assert bool(record.script.varying_samples) is flip
    assert can_take(record, {"cache": "sample"}) is not flip
    assert can_take(record, {"cache": "decoded"})


def test_nothing_to_normalize_is_refused(observe):
    record = observe("plain_loop.py", "2", "fork", "map", num_steps=10, normalize="device")

    assert record.failure.kind == "bad_input" and "Normalize" in record.failure.message


def test_a_loader_that_is_knocked_out_makes_no_batches_any_more(baseline, looked):
    loaded, free = baseline[0], looked(knock_out="loader")[0]
    made = loaded.stage("decode", "worker").count
    still_made = free.stage("decode", "worker").count if free.stage("decode", "worker") else 0

    assert free.status == "ok", free.failure
    assert made > 40  # 16 batches of 4, but for those that were made ahead
    assert still_made < made / 2  # what workers had been asked for already, and no more
