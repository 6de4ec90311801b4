"""Is another model as good? Not inferior, inferior, or it cannot be told."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.workloads.ocr.checks.quality import check_quality


def scored(matches, words=10, detections=10, pages=None) -> dict:
    matches = np.asarray(matches)
    counts = np.stack([matches, np.full(len(matches), words), np.full(len(matches), detections)], axis=1)
    return {"scored_pages": np.arange(len(matches)) if pages is None else np.asarray(pages), "page_counts": counts}


def around(mean: float, count: int, seed: int = 0) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(mean, 1.0, count).round(), 0, 10).astype(int)


BASE = around(8.0, 200)

CASES = {
    "the same page by page": (BASE, "same"),
    "a word more or less here and there": (BASE + np.resize([1, -1, 0, 0, 0, 0, 0, 0], 200), "within_tolerance"),
    "better": (np.minimum(BASE + 1, 10), "within_tolerance"),
    "worse by a word on every page": (np.maximum(BASE - 1, 0), "different"),
    "worse by about the margin": (BASE - (np.arange(200) % 10 == 0), "cannot_tell"),
}


@pytest.mark.parametrize(("own", "status"), CASES.values(), ids=CASES)
def test_the_answer(own, status):
    check = check_quality(scored(own), scored(BASE))
    assert check is not None and check.status == status
    if status == "cannot_tell":
        assert "200 pages are too few" in check.reason
    if status == "different":
        assert "[-" in check.measured


def test_the_interval_holds_the_difference():
    check = check_quality(scored(np.maximum(BASE - 1, 0)), scored(BASE))
    value, low, high = (float(part.strip("[],")) for part in check.measured.split(": ")[-1].split())
    assert low <= value <= high and value == pytest.approx(-0.1, abs=0.005)


def test_few_pages_cannot_tell():
    check = check_quality(scored([9, 8, 7]), scored([9, 8, 8]))
    assert check.status == "cannot_tell" and "3 pages are too few for an interval; it takes 20" in check.reason


def test_pages_are_paired_by_their_number():
    order = np.random.default_rng(1).permutation(200)
    shuffled = scored(BASE[order], pages=order)
    assert check_quality(shuffled, scored(BASE)).status == "same"


def test_nothing_found_proves_nothing():
    check = check_quality(scored([0] * 30), scored([0] * 30))
    assert check.status == "not_comparable" and "zero on both sides" in check.reason


def test_without_scores_there_is_no_check():
    assert check_quality({}, scored(BASE)) is None


@pytest.mark.parametrize("seed", range(5))
def test_pairs_that_differ_by_chance_alone_are_never_worse(seed):
    """Of identical models whose pages differ by chance, none is called worse."""
    check = check_quality(scored(around(8.0, 400, seed)), scored(around(8.0, 400, seed + 100)))
    assert check.status in ("within_tolerance", "cannot_tell")
