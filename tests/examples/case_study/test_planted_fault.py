"""Exchanged colour channels are found; without kept pages nothing is claimed."""

from __future__ import annotations

import numpy as np
from record_factory import make_record

from examples.case_study.planted_fault import swap_channels
from workbench.records.run_folder import PAGES


def keep_pages(folder, images) -> None:
    prints = np.asarray(images)[:, ::8, ::8].transpose(0, 3, 1, 2).astype(np.uint8)
    names = np.array([f"{number}.jpg" for number in range(len(images))])
    arrays = {"all_names": names, "names": names, "times_seen": np.ones(len(names), np.int64), "prints": prints}
    np.savez(folder / PAGES, images=np.asarray(images, np.float16), **arrays)


def test_exchanged_channels_are_found_and_the_hmean_is_the_same(tmp_path):
    images = np.zeros((2, 96, 96, 3))
    images[..., 0] = 200.0
    keep_pages(tmp_path, images)
    parity, folder = swap_channels(tmp_path, make_record())
    assert parity.status == "different"
    assert parity.pages.max_levels == 200.0
    assert parity.detections.hmean_difference == 0.0
    assert (folder / PAGES).is_file()


def test_of_gray_pages_nobody_can_tell(tmp_path):
    keep_pages(tmp_path, np.full((2, 96, 96, 3), 77.0))
    assert swap_channels(tmp_path, make_record())[0].status == "same"


def test_without_pages_nothing_is_said(tmp_path):
    assert swap_channels(tmp_path, make_record())[0] is None
