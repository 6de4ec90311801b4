"""A fault that everybody has made once, planted into what a run has kept: do the checks of parity find it?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from workbench.workloads.ocr.checks.pages import compare_pages

from workbench.records import Parity, Record
from workbench.records.run_folder import PAGES

PLANTED = "planted-fault"


def swap_channels(run: Path, record: Record) -> tuple[Parity | None, Path]:
    """Hold a run against itself with red and blue exchanged in all its pages, and everything else as it was.

    Args:
        run: Its run folder, with the pages that it kept.
        record: Its record.

    Returns:
        The parity, None where the run has kept no pages; and the folder with the exchanged pages.
    """
    folder = run / PLANTED
    if not (run / PAGES).is_file():
        return None, folder
    with np.load(run / PAGES, allow_pickle=False) as kept:
        arrays = dict(kept)
    if "images" not in arrays:
        return None, folder
    arrays["images"] = arrays["images"][..., ::-1]
    arrays["prints"] = arrays["prints"][:, ::-1]
    # What the shipped detector found was found on the pages as they were.
    arrays = {name: array for name, array in arrays.items() if not name.startswith("detected_")}
    folder.mkdir(exist_ok=True)
    np.savez(folder / PAGES, **arrays)
    return compare_pages(run, folder, record, record), folder
