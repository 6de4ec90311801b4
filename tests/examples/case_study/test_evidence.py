"""Exchanged colour channels are found; where no pages were kept nothing is claimed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from record_factory import make_record

from examples.case_study.evidence import plant_fault, range_text
from workbench.explain.checks.pictures import sample_pictures
from workbench.records import Record
from workbench.records.run_folder import SAMPLES


def keep_pages(folder: Path, images: Any) -> None:
    levels = np.asarray(images)
    names = np.array([f"{number}.jpg" for number in range(len(levels))])
    np.savez(
        folder / SAMPLES,
        images=levels.astype(np.float16),
        all_names=names,
        names=names,
        times_seen=np.ones(len(names), np.int64),
        thumbnails=levels[:, ::8, ::8].transpose(0, 3, 1, 2).astype(np.uint8),
    )


def red_pages() -> Any:
    images = np.zeros((2, 96, 96, 3))
    images[..., 0] = 200.0
    return images


def scored(origin: str) -> Record:
    record = make_record(name="run")
    scores = {name: score.model_copy(update={"origin": origin}) for name, score in record.quality.items()}
    return record.model_copy(update={"quality": scores})


def test_exchanged_channels_are_found_and_the_hmean_is_the_same(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    keep_pages(run, red_pages())
    planted = plant_fault(run, scored("simulated"))
    assert planted is not None
    assert planted.checks.is_different
    assert planted.hmean == (0.9, 0.9)
    pair = sample_pictures(tmp_path, make_record(name="run"), planted.record)[0]
    assert pair.baseline[0, 0].tolist() == [200, 0, 0]
    assert pair.variant[0, 0].tolist() == [0, 0, 200]


def test_a_model_that_has_not_seen_the_fault_says_nothing_of_it(tmp_path: Path) -> None:
    keep_pages(tmp_path, red_pages())
    planted = plant_fault(tmp_path, scored("measured"))
    assert planted is not None
    assert planted.hmean is None


def test_gray_pages_are_the_same_with_their_channels_exchanged(tmp_path: Path) -> None:
    keep_pages(tmp_path, np.full((2, 96, 96, 3), 77.0))
    planted = plant_fault(tmp_path, make_record())
    assert planted is not None
    assert planted.checks.status == "same"


def test_without_pages_nothing_is_said(tmp_path: Path) -> None:
    assert plant_fault(tmp_path, make_record()) is None


def test_a_range_is_a_median_with_its_ends() -> None:
    assert range_text([3.0], "{:g}".format) == "3"
    assert range_text([3.0, 1.0, 2.0], "{:g}".format) == "2 (1 to 3)"
