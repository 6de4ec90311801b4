"""Boxes by two corners, and by a corner and a size."""

from __future__ import annotations

import pytest

from workbench.workloads.ocr.annotations.boxes import box_between, box_of_size

CORNERS = [10, 20, 30, 20, 30, 40, 10, 40]


@pytest.mark.parametrize("box", [[10, 20, 30, 40], [30, 40, 10, 20], [30, 20, 10.0, 40]])
def test_two_corners(box):
    assert box_between(box) == CORNERS


@pytest.mark.parametrize("box", [[10, 20, 20, 20], [30, 40, -20, -20], [10.0, 40, 20, -20]])
def test_a_corner_and_a_size(box):
    assert box_of_size(box) == CORNERS


@pytest.mark.parametrize("other", [None, [], CORNERS, [True, 2, 3, 4], ["1", "2", "3", "4"], "1234", {"x": 1}])
def test_anything_else_is_given_back(other):
    assert box_between(other) is other
    assert box_of_size(other) is other
