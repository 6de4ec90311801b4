"""The comparison of the case study: what its users tried, what they hoped for, and what the workbench adds."""

from __future__ import annotations

import hashlib
import importlib.util
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem, unknown_name
from workbench.knobs.format import read_names, shell_settings
from workbench.measure.comparison.journal import Journal
from workbench.report.open_comparison import open_comparison
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.page import Page, PageCounts
from workbench.workloads.ocr.pages.shards import holds_shards, write_shards
from workbench.workloads.ocr.pages.survey import survey_pages
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

BASELINE = "baseline"
RAM = "RAM image cache"
CONDITIONAL = "RAM cache + conditional normalize"
TENSOR = "pre-normalized pages"
KNOCKED_OUT = "Normalize knocked out"
PREPARED = "prepared cache + device normalize"
FASTEST_UNCACHED = "fastest without a cache"
FASTEST_CACHED = "fastest with a cache"
WEBDATASET = "WebDataset"
DALI = "DALI"

#: By the short name under which a variant can be left out: its name and its knobs.
_VARIANTS = {
    "ram": (RAM, "cache=decoded"),
    "conditional": (CONDITIONAL, "cache=decoded normalize=conditional"),
    "tensor": (TENSOR, "cache=tensor normalize=cached"),
    "knock-out": (KNOCKED_OUT, "knock_out=Normalize"),
    "prepared": (PREPARED, "cache=prepared cache_store=shared normalize=device"),
    "uncached": (FASTEST_UNCACHED, shell_settings(OcrKnobs.presets["fastest without a cache"])),
    "cached": (FASTEST_CACHED, shell_settings(OcrKnobs.presets["fastest"])),
    "webdataset": (WEBDATASET, "loader=webdataset"),
    # With all that makes it faster: the claim is about the best that it can do.
    "dali": (DALI, "loader=dali normalize=device targets=fast"),
}

#: Variants can be left out by these.
SHORT_NAMES = tuple(_VARIANTS)

#: Epochs that are counted where one is over so soon that its ends would weigh.
_EPOCHS = {"prepared": 2, "uncached": 3, "cached": 4}

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
    def baseline(self) -> OcrKnobs:
        """The knobs of the baseline."""
        knobs = next(iter(self.journal.state.variants.values()))
        assert isinstance(knobs, OcrKnobs)
        return knobs


def variant_name(short: str) -> str:
    """The name of the variant that can be left out by a short name."""
    return _VARIANTS[short][0]


def study_variants(shards: Path, *, num_steps: int, leave_out: Collection[str] = ()) -> list[str]:
    """The variants beside the baseline, as `measure.comparison.variants.parse_variants` takes them.

    Args:
        shards: Folder of the pages as shards.
        num_steps: Counted steps of the baseline.
        leave_out: Short names of variants that are not to be compared.
    """
    specs = []
    for short, (name, knobs) in _VARIANTS.items():
        if short in leave_out:
            continue
        steps = f" num_steps={num_steps * _EPOCHS[short]}" if short in _EPOCHS else ""
        # Shards have their annotations in them.
        pages = f" dataset={shlex.quote(str(shards))} annotations=none annotation_format=auto"
        specs.append(f"{name}: {knobs}{steps}{pages if short == 'webdataset' else ''}")
    return specs


def knobs_of_variants() -> set[str]:
    """The knobs that the variants set: what all of them share cannot set these."""
    words = [word for _, knobs in _VARIANTS.values() for word in knobs.split()]
    # How much is loaded at once is free to set, and the variants that set it have a reason.
    return {word.partition("=")[0] for word in words} - {"num_workers", "prefetch_factor"}


def check_study_settings(settings: Mapping[str, Any], leave_out: Collection[str] = ()) -> OcrKnobs:
    """The knobs of the baseline, seen to go with the study's variants.

    Raises:
        BadInput: For knobs that the variants set themselves, or that would make another study of it; for unknown names
            of variants; and for whatever is wrong with a knob.
    """
    fixed = knobs_of_variants() | {"workload", "mode", "profilers", "slow_down", "stage_timing"}
    remedy = "Leave it out; workbench compare takes any variants"
    problems = [
        Problem("is fixed by the study's variants", name, remedy)
        for name, value in settings.items()
        if name in fixed and value != OcrKnobs.model_fields[name].default
    ]
    problems += [unknown_name("variant", name, SHORT_NAMES) for name in leave_out if name not in SHORT_NAMES]
    try:
        knobs = OcrKnobs.parse_own(settings)
    except BadInput as error:
        raise BadInput("study", [*problems, *error.problems]) from None
    if problems:
        raise BadInput("study", problems)
    return knobs


def open_study_comparison(
    results: Path,
    settings: Mapping[str, Any],
    *,
    blocks: int,
    leave_out: Collection[str] | str = (),
    on_page: Callable[[int, int], None] | None = None,
) -> StudyComparison:
    """Draw the pages where none are named, write them as shards, and open the comparison.

    Args:
        results: Folder for results; drawn pages and shards go there, and are found again.
        settings: Values by knob name that all variants share. Without a `dataset`, `num_pages` are drawn.
        blocks: How often each variant runs.
        leave_out: Short names of variants that are not to be compared: in a list, or with commas between them.
        on_page: Called with the pages drawn, and all that are to be drawn.

    Raises:
        BadInput: As `check_study_settings` does; and for a data set that cannot be used.
    """
    leave_out = read_names(leave_out)  # a text, where papermill's -p gives it
    knobs = check_study_settings({name: value for name, value in settings.items() if value != ""}, leave_out)
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
    digest = hashlib.sha256()
    for page in pages:
        digest.update(f"{page.path.resolve()} {page.offset} {page.num_bytes} {page.path.stat().st_mtime_ns}".encode())
        for word in page.words:
            digest.update(word.polygon.tobytes() + word.text.encode() + bytes([word.ignore]))
    folder = results / f"shards-{digest.hexdigest()[:12]}"
    if not holds_shards(folder):
        write_shards(pages, counts, folder)
    return folder
