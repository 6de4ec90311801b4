"""What is the same passes, and every planted fault is caught."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_record

from workbench.analysis.parity import compare_pages, page_samples, tolerance_for
from workbench.knobs import Knobs
from workbench.run_store import PAGES

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
    assert tolerance_for(Knobs(), Knobs()).max_levels < 20


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
    parity = compare_pages(tmp_path, tmp_path, make_record(), make_record())
    assert parity.pages is None
    assert parity.notes


def test_samples_for_the_eye(folders):
    baseline = folders("baseline", pages())
    variant = folders("variant", FAULTS["BGR for RGB"](pages()))
    samples = page_samples(baseline, variant, count=2)
    assert [sample.name for sample in samples] == ["a.jpg", "b.jpg"]
    assert samples[0].difference.max() > 50
    assert samples[0].baseline.dtype == np.uint8
