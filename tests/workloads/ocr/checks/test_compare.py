"""Pages and target maps: what is the same passes, and every planted fault is caught."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_record

from workbench.explain.checks.pictures import sample_pictures
from workbench.explain.checks.runs import compare_runs
from workbench.records import Checks, Score
from workbench.records.run_folder import SAMPLES

MEAN, STD = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255


def pages() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shrink = np.zeros((3, 32, 32), np.float32)
    shrink[:, 8:20, 4:28] = 255
    return {
        "names": np.array(["a.jpg", "b.jpg", "c.jpg"]),
        "images": rng.uniform(0, 255, (3, 32, 32, 3)).astype(np.float32),
        "shrink_map": shrink,
        "threshold_map": np.full((3, 32, 32), 76.5, np.float32),
    }


def record(name: str, *, hmean: float | None = 0.9, origin: str = "measured", **knobs):
    quality = {} if hmean is None else {"H-mean": Score(value=hmean, tolerance=0.005, num_samples=3, origin=origin)}
    return make_record(name=name, **knobs).model_copy(update={"quality": quality})


@pytest.fixture
def write(tmp_path):
    def write_arrays(name, arrays):
        (tmp_path / name).mkdir()
        levels = {key: value if key == "names" else value.astype(np.float16) for key, value in arrays.items()}
        np.savez(tmp_path / name / SAMPLES, **levels)

    return write_arrays


@pytest.fixture
def compared(write, tmp_path):
    def compare(change=lambda arrays: arrays, baseline=None, variant=None, **knobs) -> Checks:
        write("baseline", pages())
        write("variant", change(pages()))
        return compare_runs(tmp_path, baseline or record("baseline"), variant or record("variant", **knobs))

    return compare


def named(checks: Checks, name: str):
    return next(check for check in checks.checks if check.name == name)


def changed(name, function):
    return lambda arrays: {**arrays, name: function(arrays[name])}


def test_the_same_is_the_same(compared):
    checks = compared()
    assert checks.status == "same"
    assert named(checks, "pixels of the kept pages").measured == "0 levels at most, 0 on average, on 3 pages"


def test_rounding_is_within_tolerance(compared):
    assert compared(changed("images", lambda x: np.round(x))).status == "within_tolerance"


FAULTS = {
    "BGR for RGB": changed("images", lambda x: x[..., ::-1]),
    "mean and std swapped": changed("images", lambda x: ((x - MEAN) / STD) * MEAN + STD),
    "one page for another": changed("images", lambda x: x[[1, 0, 2]]),
    "a page twice": changed("images", lambda x: x[[0, 0, 2]]),
    "the whole page a pixel off": changed("images", lambda x: np.roll(x, 1, axis=2)),
    "words half a pixel off": changed("shrink_map", lambda x: (x + np.roll(x, 1, axis=2)) / 2),
    "words of another page": changed("shrink_map", lambda x: np.roll(x, 5, axis=1)),
    "a page left out": lambda arrays: {name: array[:2] for name, array in arrays.items()},
    "no numbers": changed("images", lambda x: np.where(x > 250, np.nan, x)),
    "infinite on both sides of zero": changed("images", lambda x: np.where(x > 250, np.inf, -np.inf)),
    "half the size": changed("images", lambda x: x[:, ::2, ::2]),
    "other pages": changed("names", lambda x: np.array(["a.jpg", "b.jpg", "stale.jpg"])),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("decoder", ["pil", "opencv"])
def test_planted_faults_are_different(compared, fault, decoder):
    assert compared(FAULTS[fault], image_decoder=decoder).status == "different"


def test_another_decoder_may_differ_at_edges_but_not_on_the_average(compared):
    def edges(x):
        y = x.copy()
        y[:, 5, 5] += 20
        return y

    checks = compared(changed("images", edges), image_decoder="opencv")
    assert checks.status == "within_tolerance"
    assert "64 at most" in named(checks, "pixels of the kept pages").allowed


def test_the_same_decoder_may_not_differ_at_edges(compared):
    def edges(x):
        y = x.copy()
        y[:, 5, 5] += 20
        return y

    assert compared(changed("images", edges)).status == "different"


def test_nothing_against_nothing_proves_nothing(compared):
    checks = compared(baseline=record("baseline", hmean=0.0), variant=record("variant", hmean=0.0))
    assert named(checks, "H-mean").status == "not_comparable"
    assert "proves nothing" in named(checks, "H-mean").reason


@pytest.mark.parametrize(("hmean", "status"), [(0.9, "same"), (0.897, "within_tolerance"), (0.85, "different")])
def test_quality_counts_beside_the_pages(compared, hmean, status):
    assert compared(variant=record("variant", hmean=hmean)).status == status


def test_without_pages_only_the_quality_counts(tmp_path):
    checks = compare_runs(tmp_path, record("baseline"), record("variant"))
    assert [check.name for check in checks.checks] == ["H-mean"]
    assert checks.notes
    assert checks.status == "same"


def test_what_the_replay_device_predicts_proves_nothing_without_pages(tmp_path):
    replayed = {"origin": "simulated"}
    checks = compare_runs(tmp_path, record("baseline", **replayed), record("variant", **replayed))
    assert checks.status == "not_comparable"
    assert "computes nothing" in named(checks, "H-mean").reason
    wrong = compare_runs(tmp_path, record("baseline", **replayed), record("variant", hmean=0.5, **replayed))
    assert wrong.status == "different"


def test_no_pages_prove_nothing(write, tmp_path):
    empty = {name: array[:0] for name, array in pages().items()}
    for name in ("baseline", "variant"):
        write(name, empty)
    checks = compare_runs(tmp_path, record("baseline", hmean=None), record("variant", hmean=None))
    assert checks.status == "not_comparable"


def test_quality_of_one_side_only_is_named(compared):
    checks = compared(variant=record("variant", hmean=None))
    assert "only the baseline" in named(checks, "H-mean").reason
    assert checks.status == "same"


def test_maps_of_one_side_only_are_not_comparable(compared):
    checks = compared(lambda arrays: {name: array for name, array in arrays.items() if "map" not in name})
    assert named(checks, "target maps").status == "not_comparable"
    assert checks.status == "same"


def test_the_missing_page_is_named(compared):
    assert "without c.jpg, with stale.jpg instead" in named(compared(FAULTS["other pages"]), "pages").reason


def test_what_is_not_a_number_comes_back_from_json(compared):
    checks = compared(FAULTS["no numbers"])
    pixels = named(checks, "pixels of the kept pages")
    assert pixels.measured.startswith("255 levels at most")
    assert "not numbers" in pixels.reason
    assert Checks.model_validate_json(checks.model_dump_json()) == checks


def test_pictures_of_pages(compared, tmp_path):
    compared(FAULTS["BGR for RGB"])
    pictures = sample_pictures(tmp_path, record("baseline"), record("variant"), count=2)
    assert len({picture.name for picture in pictures}) == 2
    assert pictures[0].difference.max() > 50
    assert pictures[0].baseline.dtype == np.uint8


def test_the_page_that_differs_most_comes_first(compared, tmp_path):
    def one(x):
        y = x.copy()
        y[2, 4, 4] = 255 - y[2, 4, 4]
        return y

    compared(changed("images", one))
    (picture,) = sample_pictures(tmp_path, record("baseline"), record("variant"), count=1)
    assert picture.name == "c.jpg"


def test_pictures_are_paired_by_name(compared, tmp_path):
    compared(lambda arrays: {name: array[[2, 0, 1]] for name, array in arrays.items()})
    pictures = sample_pictures(tmp_path, record("baseline"), record("variant"), count=3)
    assert [float(picture.difference.max()) for picture in pictures] == [0.0, 0.0, 0.0]
