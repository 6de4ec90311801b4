"""The space of a search."""

from __future__ import annotations

import pytest

from workbench.errors import BadInput
from workbench.knobs.joined import knobs_class, parse_knobs
from workbench.knobs.knob import Situation
from workbench.knobs.measuring import workers_to_try
from workbench.knobs.space import Axis, Space, setting_name, space_of, walk


def space(*axes: str, names=(), cores=2, **knobs):
    return space_of(parse_knobs(knobs), names, axes, cores=cores)


def situation(found: Space) -> Situation:
    return Situation(found.baseline, simulated=True)


def test_the_baselines_own_value_comes_first_and_each_value_once():
    found = space("num_workers=0,2,4,2", "cache=prepared,none")

    assert found.axes == (Axis("num_workers", (2, 0, 4)), Axis("cache", ("none", "prepared")))
    assert found.size == 6
    assert list(walk(found)) == [("num_workers", 0), ("num_workers", 4), ("cache", "prepared")]


def test_without_names_all_knobs_whose_rows_say_what_is_tried():
    names = [axis.name for axis in space(cores=4).axes]

    assert {"num_workers", "cache", "normalize", "targets", "transport"} <= set(names)
    assert not {"batch_size", "dataset", "engine", "precision", "seed", "num_steps"} & set(names)


def test_a_name_takes_the_values_of_its_row_or_its_choices():
    found = space(names=["num_workers", "engine"], cores=2)

    assert found.axes[0] == Axis("num_workers", (2, 0, 1))
    assert "onnx" in found.axes[1].values


@pytest.mark.parametrize(
    ("cores", "tried"), [(1, [0, 1]), (2, [0, 1, 2]), (6, [0, 1, 2, 3, 4, 6]), (16, [0, 1, 2, 3, 4, 8, 16])]
)
def test_numbers_of_workers_to_try(cores, tried):
    assert workers_to_try(cores) == tried


def test_all_that_is_wrong_in_one_message():
    with pytest.raises(BadInput) as error:
        space("num_workers=0,many", "cache=none,prepared", "checked_samples=1,2", names=["cach", "cache", "batch_size"])

    text = str(error.value)
    for what in (
        "'cach'",
        "num_workers=many",
        "'cache' is named twice",
        "--grid batch_size=",
        "how a trial is looked at",
    ):
        assert what in text


def test_nothing_but_the_baselines_values_is_nothing_to_search():
    with pytest.raises(BadInput, match="nothing to search"):
        space("num_workers=2")


def test_settings_are_those_that_can_run_each_once():
    found = space("num_workers=2,0", "prefetch_factor=2,4", "cache=none,tensor", "normalize=albumentations,cached")
    settings = found.settings(situation(found))

    assert {} in settings.possible and settings.possible[0] == {}
    assert {"num_workers": 0} in settings.possible
    assert {"num_workers": 0, "prefetch_factor": 4} not in settings.possible, "there are no workers that load ahead"
    assert {"cache": "tensor", "normalize": "cached"} in settings.possible
    assert {"cache": "tensor"} not in settings.possible
    assert settings.impossible.total() == 8 and settings.same == 2
    assert len(settings.possible) + settings.impossible.total() + settings.same == found.size == 16


def test_a_value_that_needs_others_is_found_with_the_fewest_of_them():
    found = space("num_workers=2,0", "cache=none,prepared", "cache_store=memory,shared,mapped",
                  "normalize=albumentations,device", "targets=compute,cached")  # fmt: skip

    assert found.smallest_with("normalize", "device", situation(found)) == {"normalize": "device"}
    assert set(found.smallest_with("cache_store", "shared", situation(found))) == {"cache", "cache_store"} or set(
        found.smallest_with("cache_store", "shared", situation(found))
    ) == {"targets", "cache_store"}
    assert found.smallest_with("cache_store", "mapped", situation(found)) == {
        "cache_store": "mapped", "num_workers": 0, "cache": "prepared", "normalize": "device", "targets": "cached",
    }  # fmt: skip


def test_a_value_that_goes_with_nothing():
    found = space("normalize=albumentations,cached")

    assert found.smallest_with("normalize", "cached", situation(found)) is None


def test_without_a_value_and_without_the_last_one():
    found = space("num_workers=2,0,4", "cache=none,prepared")

    assert found.without("num_workers", 0).axes[0] == Axis("num_workers", (2, 4))
    assert [axis.name for axis in found.without("cache", "prepared").axes] == ["num_workers"]


def test_what_a_script_sets_by_itself_decides_what_is_inactive():
    found = space("prefetch_factor=2,4", "num_workers=2", workload="observed", command="python train.py")
    alone = Situation(found.baseline.unchecked(num_workers=0))

    assert {"prefetch_factor": 4} in found.settings(Situation(found.baseline.unchecked(num_workers=2))).possible
    assert found.settings(alone).possible == [
        {}, {"num_workers": 2}, {"prefetch_factor": 2, "num_workers": 2}, {"prefetch_factor": 4, "num_workers": 2},
    ]  # fmt: skip


def test_names_of_settings():
    assert setting_name({}) == "baseline"
    assert setting_name({"cache": "prepared", "epoch_overlap": True}) == "cache=prepared epoch_overlap=true"


def test_what_rows_try_are_values_of_theirs():
    for workload in ("ocr", "observed"):
        kind = knobs_class(workload)
        for name, row in kind.rows().items():
            for value in row.tried(8) if callable(row.tried) else row.tried:
                assert kind.wrong_values({name: value}) == [], (workload, name, value)
