"""Outlines are matched one to one, and what is found on one side only is counted."""

from __future__ import annotations

import numpy as np

from workbench.workloads.ocr.checks.detections import match_detections

BOX = np.array([[0, 0], [20, 0], [20, 10], [0, 10]], np.float32)


def found(*words: tuple[int, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "names": np.array(["a", "b"]),
        "detected_points": np.concatenate([np.empty((0, 2), np.float32), *(polygon for _, polygon in words)]),
        "detected_lengths": np.array([len(polygon) for _, polygon in words], np.int64),
        "detected_on": np.array([on for on, _ in words], np.int64),
    }


def test_the_same_words_are_alike():
    words = found((0, BOX), (1, BOX + 5))
    matched = match_detections(words, words)
    assert (matched.both, matched.isolated, matched.alike) == (2, 0, True)


def test_a_little_off_is_the_same_word_and_not_alike():
    matched = match_detections(found((0, BOX)), found((0, BOX + 1)))
    assert (matched.both, matched.isolated, matched.alike) == (1, 0, False)


def test_words_of_other_pages_and_places_do_not_match():
    matched = match_detections(found((0, BOX), (1, BOX)), found((1, BOX + 50), (1, BOX)))
    assert (matched.both, matched.isolated) == (1, 2)


def test_two_words_do_not_share_a_match():
    matched = match_detections(found((0, BOX), (0, BOX + 1)), found((0, BOX)))
    assert (matched.both, matched.isolated) == (1, 1)


def test_an_outline_that_crosses_itself_is_no_trouble():
    crossing = BOX[[0, 2, 1, 3]]
    assert match_detections(found((0, crossing)), found((0, crossing))).both == 1


def test_without_detections_there_is_nothing_to_compare():
    assert match_detections({"names": np.array([])}, found()) is None
