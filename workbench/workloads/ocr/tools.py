"""What text detection offers beside trials: drawn pages, data sets as files or shards, times of each transform."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

from workbench.records import Count, Description
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.layouts.layouts import LAYOUTS

_OnSample = Callable[[int, int], None]


class OcrTools:
    """See `DrawsSamples`, `WritesSamples`, `WritesShards` and `TimesTransforms` of `commands.offers`."""

    layouts: ClassVar[Collection[str]] = LAYOUTS.keys()

    @staticmethod
    def drawing_version() -> int:
        """See `DrawsSamples`."""
        from workbench.workloads.ocr.synthetic.draw import VERSION

        return VERSION

    @staticmethod
    def draw(
        folder: Path, *, count: int, seed: int, layout: str = "ufo", on_sample: _OnSample | None = None
    ) -> Description:
        """See `DrawsSamples`: photographs of receipts and signs."""
        from workbench.workloads.ocr.synthetic.draw import draw_pages, holds_pages, read_manifest

        is_new = not holds_pages(folder, count=count, seed=seed, layout=layout)
        draw_pages(folder, count=count, seed=seed, layout=layout, on_page=on_sample)
        manifest = read_manifest(folder)
        assert manifest is not None  # it has just been written, or found
        counts = [Count(name="words", number=manifest.num_words), Count(name="bytes", number=manifest.num_bytes)]
        notes = [] if is_new else ["These pages were there already: nothing was drawn."]
        return Description(num_samples=manifest.count, counts=counts, notes=notes)

    @staticmethod
    def write_samples(
        data: Path,
        folder: Path,
        *,
        layout: str,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        on_look: _OnSample | None = None,
        on_sample: _OnSample | None = None,
    ) -> Description:
        """See `WritesSamples`."""
        from workbench.workloads.ocr.layouts.write import write_layout
        from workbench.workloads.ocr.pages.survey import survey_pages

        pages, counts = survey_pages(OcrKnobs.parse_own({**(settings or {}), "dataset": str(data)}), on_look)
        written = write_layout(pages, counts, folder, layout=layout, seed=seed, on_page=on_sample)
        return Description(
            num_samples=written.num_pages,
            counts=[
                Count(name="words", number=written.num_words),
                Count(name="bytes", number=written.num_bytes),
            ],
            notes=[*counts.notes, *written.notes],
        )

    @staticmethod
    def write_shards(
        data: Path,
        folder: Path,
        *,
        num_shards: int | None = None,
        settings: Mapping[str, Any] | None = None,
        on_look: _OnSample | None = None,
        on_sample: _OnSample | None = None,
    ) -> Description:
        """See `WritesShards`."""
        from workbench.workloads.ocr.pages.shards import write_shards
        from workbench.workloads.ocr.pages.survey import survey_pages

        pages, counts = survey_pages(OcrKnobs.parse_own({**(settings or {}), "dataset": str(data)}), on_look)
        shards = write_shards(pages, counts, folder, num_shards=num_shards, on_page=on_sample)
        return Description(
            num_samples=counts.num_pages,
            counts=[
                Count(name="words", number=counts.num_words),
                Count(name="shards", number=len(shards)),
                Count(name="bytes", number=sum(shard.path.stat().st_size for shard in shards)),
            ],
            notes=counts.notes,
        )

    @staticmethod
    def check_transforms(knobs: OcrKnobs) -> None:
        """See `TimesTransforms`."""
        from workbench.workloads.ocr.study_process import check_study

        check_study(knobs)

    @staticmethod
    def time_transforms(knobs: OcrKnobs, runs: Path, on_round: Callable[[int, int], None]) -> Path:
        """See `TimesTransforms`."""
        from workbench.workloads.ocr.study_process import run_study

        return run_study(knobs, runs, on_round=on_round)

    @staticmethod
    def transforms_headline(folder: Path) -> str:
        """See `TimesTransforms`."""
        from workbench.workloads.ocr.study_process import read_study
        from workbench.workloads.ocr.transform_study import transform_headline

        return transform_headline(read_study(folder))
