"""Opens the comparison of the case study: its pages, the same as shards, and the variants that this machine can run."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.workloads.ocr.preflight import survey_pages

from examples.case_study.findings.variants import SHORT_NAMES, knobs_of_variants, study_variants, variant_name
from workbench.errors import BadInput, Problem, unknown_name
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.records import PageCounts
from workbench.report.open_comparison import open_comparison
from workbench.workloads.ocr.pages.page import Page
from workbench.workloads.ocr.pages.shards import holds_shards, write_shards
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

_NO_DALI = "it is not installed here: pip install '.[dali]'"


@dataclass(frozen=True)
class StudyComparison:
    """A comparison that has not begun.

    Attributes:
        journal: Its journal.
        file_bytes: Mean size of a page's file.
        left_out: Why variants are not compared, by name.
    """

    journal: Journal
    file_bytes: float
    left_out: Mapping[str, str]

    @property
    def baseline(self) -> Knobs:
        """The knobs of the baseline."""
        return next(iter(self.journal.state.variants.values()))


def check_study_settings(settings: Mapping[str, Any], leave_out: Collection[str] = ()) -> None:
    """See whether settings go with the study's variants.

    Raises:
        BadInput: For knobs that the variants set themselves, or that would make another study of it; for names of
            variants that are none; and for whatever is wrong with a knob.
    """
    refused = knobs_of_variants() | {"mode", "profilers", "slow_down", "stage_timing"}
    remedy = "Leave it out; workbench compare races any variants"
    problems = [
        Problem("is part of what the study's variants are", name, remedy)
        for name, value in settings.items()
        if name in refused and value != Knobs.model_fields[name].default
    ]
    problems += [unknown_name("variant", name, SHORT_NAMES) for name in leave_out if name not in SHORT_NAMES]
    try:
        Knobs.parse(settings)
    except BadInput as error:
        problems += error.problems
    if problems:
        raise BadInput("study", problems)


def open_study_race(
    results: Path,
    settings: Mapping[str, Any],
    *,
    blocks: int,
    leave_out: Collection[str] = (),
    on_page: Callable[[int, int], None] | None = None,
) -> StudyComparison:
    """Draw the pages where none are named, write them as shards, and open the comparison.

    Args:
        results: Folder for results; drawn pages and shards go there, and are found again.
        settings: Values by knob name that all variants share. Without a `dataset`, `num_pages` are drawn.
        blocks: How often each variant runs.
        leave_out: Short names of variants that are not to be compared.
        on_page: Told the pages drawn, and all that are to be.

    Raises:
        BadInput: As `check_study_settings` does; and for a data set that cannot be used.
    """
    check_study_settings(settings, leave_out)
    knobs = Knobs.parse(settings)
    if not settings.get("dataset"):
        count = knobs.num_pages or 1
        folder = results / f"pages-{count}-{knobs.seed}-v{VERSION}"
        knobs = knobs.changed(dataset=str(draw_pages(folder, count=count, seed=knobs.seed, on_page=on_page)))
    pages, counts = survey_pages(knobs)
    shards = _shards_of(pages, counts, results)
    left_out = dict.fromkeys(leave_out, "it was left out")
    if importlib.util.find_spec("nvidia") is None or importlib.util.find_spec("nvidia.dali") is None:
        left_out.setdefault("dali", _NO_DALI)
    num_steps = knobs.num_steps or -(-len(pages) // knobs.batch_size)
    journal = open_comparison(
        results,
        {**settings, "dataset": knobs.dataset},
        variants=study_variants(shards, num_steps=num_steps, leave_out=left_out),
        blocks=blocks,
    )
    file_bytes = sum(page.num_bytes for page in pages) / len(pages)
    return StudyComparison(journal, file_bytes, {variant_name(short): why for short, why in left_out.items()})


def _shards_of(pages: list[Page], counts: PageCounts, results: Path) -> Path:
    """The folder of these very pages as shards, written where it isn't there yet."""
    told = hashlib.sha256()
    for page in pages:
        told.update(f"{page.path.resolve()} {page.offset} {page.num_bytes} {page.path.stat().st_mtime_ns}".encode())
        for word in page.words:
            told.update(word.polygon.tobytes() + word.text.encode() + bytes([word.ignore]))
    folder = results / f"shards-{told.hexdigest()[:12]}"
    if not holds_shards(folder):
        write_shards(pages, counts, folder)
    return folder
