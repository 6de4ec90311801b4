"""What can be known to be wrong before any trial starts. Quick, and without torch."""

from __future__ import annotations

from pathlib import Path

from workbench.knobs.knobs import Knobs
from workbench.records import PageCounts
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.survey import survey


def check_inputs(knobs: Knobs) -> PageCounts:
    """Look at the data set that the knobs name.

    Raises:
        BadInput: With everything that is wrong with it.
    """
    return survey_pages(knobs)[1]


def survey_pages(knobs: Knobs) -> tuple[list[Page], PageCounts]:
    """The pages that the knobs name, with what they are like.

    Raises:
        BadInput: With everything that is wrong with the data set.
    """
    return survey(
        Path(knobs.dataset).expanduser(),
        annotations=Path(knobs.annotations).expanduser() if knobs.annotations else None,
        annotation_format=knobs.annotation_format,
        limit=knobs.num_pages,
    )
