"""Outlines are matched one to one, and what is found on one side only is counted."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.workloads.ocr.checks.detections import check_detections

BOX = np.array([[0, 0], [20, 0], [20, 10], [0, 10]], np.float32)


def found(*words: tuple[int, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "names": np.array(["a", "b"]),
        "detected_points": np.concatenate([np.empty((0, 2), np.float32), *(polygon for _, polygon in words)]),
        "detected_lengths": np.array([len(polygon) for _, polygon in words], np.int64),
        "detected_on": np.array([on for on, _ in words], np.int64),
    }


CASES = {
    "the same words": ([(0, BOX), (1, BOX + 5)], [(0, BOX), (1, BOX + 5)], "same", "2 words on both sides, 0 on one"),
    "a little off": ([(0, BOX)], [(0, BOX + 1)], "within_tolerance", "1 word on both sides, 0 on one"),
    "other pages": ([(0, BOX), (1, BOX)], [(1, BOX + 50), (1, BOX)], "different", "1 word on both sides, 2 on one"),
    "one for two": ([(0, BOX), (0, BOX + 1)], [(0, BOX)], "different", "1 word on both sides, 1 on one"),
    "none on one side": ([(0, BOX)], [], "different", "0 words on both sides, 1 on one"),
}


@pytest.mark.parametrize("case", CASES)
def test_words_are_matched_one_to_one(case):
    own, other, status, measured = CASES[case]
    check = check_detections(found(*own), found(*other))
    assert check.status == status
    assert check.measured.startswith(measured)


def test_a_few_words_of_many_may_be_lost():
    many = [(0, BOX + 30 * number) for number in range(40)]
    assert check_detections(found(*many[1:]), found(*many)).status == "within_tolerance"
    assert check_detections(found(*many[3:]), found(*many)).status == "different"


def test_an_outline_that_crosses_itself_is_matched():
    crossing = BOX[[0, 2, 1, 3]]
    assert check_detections(found((0, crossing)), found((0, crossing))).status == "same"


def test_nothing_on_either_side_proves_nothing():
    check = check_detections(found(), found())
    assert check.status == "not_comparable"
    assert "proves nothing" in check.reason


def test_without_detections_there_is_no_check():
    assert check_detections({"names": np.array([])}, found()) is None
