"""What is the same passes, and every planted fault is caught."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_record
from workbench.workloads.ocr.checks.pages import compare_pages, page_samples, tolerance_for

from workbench.records import Parity
from workbench.records.run_folder import PAGES
from workbench.workloads.ocr.knobs import OcrKnobs

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


@pytest.fixture
def folders(tmp_path):
    def write(name, arrays):
        folder = tmp_path / name
        folder.mkdir()
        np.savez(folder / PAGES, **{k: v if k == "names" else v.astype(np.float16) for k, v in arrays.items()})
        return folder

    return write


def compared(folders, change=lambda arrays: arrays, **knobs):
    baseline = folders("baseline", pages())
    variant = folders("variant", change(pages()))
    return compare_pages(baseline, variant, make_record(), make_record(**knobs))


def changed(name, function):
    return lambda arrays: {**arrays, name: function(arrays[name])}


def test_the_same_is_the_same(folders):
    parity = compared(folders)
    assert parity.status == "same"
    assert parity.pages.max_levels == 0.0
    assert parity.pages.num_pages == 3


def test_rounding_is_within_tolerance(folders):
    assert compared(folders, changed("images", lambda x: np.round(x))).status == "within_tolerance"


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
def test_planted_faults_are_different(folders, fault, decoder):
    assert compared(folders, FAULTS[fault], image_decoder=decoder).status == "different"


def test_another_decoder_may_differ_at_edges_but_not_on_the_average(folders):
    def edges(x):
        y = x.copy()
        y[:, 5, 5] += 20
        return y

    assert compared(folders, changed("images", edges), image_decoder="opencv").status == "within_tolerance"
    assert tolerance_for(OcrKnobs(), OcrKnobs()).max_levels < 20


def test_nothing_against_nothing_is_no_proof(folders):
    baseline, variant = folders("baseline", pages()), folders("variant", pages())
    parity = compare_pages(baseline, variant, make_record(hmean=0.0), make_record(hmean=0.0))
    assert parity.detections is None
    assert "prove nothing" in parity.notes[0]


@pytest.mark.parametrize(("hmean", "status"), [(0.9, "same"), (0.897, "within_tolerance"), (0.85, "different")])
def test_detections_are_held_against_each_other(folders, hmean, status):
    baseline, variant = folders("baseline", pages()), folders("variant", pages())
    parity = compare_pages(baseline, variant, make_record(hmean=0.9), make_record(hmean=hmean))
    assert parity.detections.status == status
    assert parity.status == status


def test_without_pages_only_the_detections_count(tmp_path):
    real = make_record().model_copy(update={"simulated": False})
    parity = compare_pages(tmp_path, tmp_path, real, real)
    assert parity.pages is None
    assert parity.notes
    assert parity.status == parity.detections.status == "same"


def test_what_the_replay_device_predicts_proves_nothing_alone(tmp_path):
    parity = compare_pages(tmp_path, tmp_path, make_record(), make_record())
    assert parity.detections is None
    assert parity.status is None
    assert "replay device predicts the targets" in parity.notes[-1]
    assert compare_pages(tmp_path, tmp_path, make_record(hmean=0.9), make_record(hmean=0.5)).status == "different"


def test_no_pages_are_no_proof(folders):
    empty = {name: array[:0] for name, array in pages().items()}
    parity = compare_pages(folders("baseline", empty), folders("variant", empty), make_record(), make_record())
    assert parity.pages is None
    assert parity.status is None


def test_detections_of_one_side_only_are_noted(folders):
    without = make_record().model_copy(update={"quality": None})
    parity = compare_pages(folders("baseline", pages()), folders("variant", pages()), make_record(), without)
    assert parity.detections is None
    assert "not scored on both sides" in parity.notes[-1]
    assert parity.status == "same"


def test_the_missing_page_is_named(folders):
    parity = compared(folders, FAULTS["other pages"])
    assert "without c.jpg, with stale.jpg instead" in parity.notes[0]


def test_what_is_no_number_comes_back_from_json(folders):
    parity = compared(folders, FAULTS["no numbers"])
    assert parity.pages.max_levels == 255.0
    assert Parity.model_validate_json(parity.model_dump_json()) == parity
    assert "no numbers" in parity.notes[0]


def test_samples_for_the_eye(folders):
    baseline = folders("baseline", pages())
    variant = folders("variant", FAULTS["BGR for RGB"](pages()))
    samples = page_samples(baseline, variant, count=2)
    assert len({sample.name for sample in samples}) == 2
    assert samples[0].difference.max() > 50
    assert samples[0].baseline.dtype == np.uint8


def test_the_page_that_differs_most_comes_first(folders):
    def one(x):
        y = x.copy()
        y[2, 4, 4] = 255 - y[2, 4, 4]
        return y

    baseline, variant = folders("baseline", pages()), folders("variant", changed("images", one)(pages()))
    assert page_samples(baseline, variant, count=1)[0].name == "c.jpg"


def test_samples_are_paired_by_name(folders):
    baseline = folders("baseline", pages())
    variant = folders("variant", {name: array[[2, 0, 1]] for name, array in pages().items()})
    assert [float(sample.difference.max()) for sample in page_samples(baseline, variant, count=3)] == [0.0, 0.0, 0.0]
