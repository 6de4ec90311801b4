"""What does each step cost a page?"""

from __future__ import annotations

import pytest
from record_factory import make_record, make_stage

from workbench.explain.figures.transforms_in_place import transforms_in_place


def test_steps_of_a_page_are_shown_in_milliseconds_with_their_spread() -> None:
    stages = [
        make_stage("worker", "decode", 3.0, per="page", count=100, mean_s=0.03, p50_s=0.02, p95_s=0.05),
        make_stage("worker", "Normalize", 1.0, per="page", count=100, mean_s=0.01, p50_s=0.01, p95_s=0.01),
        make_stage("worker", "collate", 9.0),
        make_stage("main", "wait", 9.0, per="page"),
    ]
    figure = transforms_in_place(make_record(stages=stages))

    (bars,) = figure.data
    assert [name.strip() for name in bars.y] == ["decode, 30.0 ms", "Normalize, 10.0 ms"]
    assert list(bars.x) == pytest.approx([30.0, 10.0])
    assert list(bars.error_x.array) == pytest.approx([20.0, 0.0])
    assert list(bars.error_x.arrayminus) == pytest.approx([10.0, 0.0])
    assert figure.layout.title.text == "'decode' takes most: 75 % of what is done page by page"
    assert "ms" in figure.layout.xaxis.title.text


def test_a_run_without_such_steps_says_so() -> None:
    figure = transforms_in_place(make_record(stages=[make_stage("main", "wait", 1.0)]))

    assert "No step was timed page by page" in figure.layout.annotations[0].text
