"""What the claims are compared with: the comparison, the study of the transforms, and a fault that was planted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from examples.case_study.comparison import BASELINE
from examples.case_study.record import ClaimVerdict
from workbench.explain.verdicts.effect import ended_well, paired_log_ratios, student_interval, verdict_of
from workbench.records import Checks, Comparison, Interval, Record, VariantResult, Verdict
from workbench.records.run_folder import SAMPLES
from workbench.registry import compare_recorded
from workbench.units import format_ratio, format_share
from workbench.workloads.ocr.transform_study import TransformStudy

#: Of each claim by itself. The number of blocks is fixed before the comparison, and nobody looks before it is over.
CONFIDENCE = 0.95

SAME_RESULT = ("same", "within_tolerance")

PLANTED = "planted-fault"

#: The figure of quality, as the workload names it.
HMEAN = "H-mean"


@dataclass(frozen=True)
class Answer:
    """The answer to a claim (see `record.Finding`)."""

    measured: str
    verdict: ClaimVerdict
    reason: str
    origin: Literal["measured", "simulated", "counted"] = "measured"


@dataclass(frozen=True)
class PlantedFault:
    """A fault that everybody has made once: red and blue exchanged in every page that the baseline's model was given.

    Attributes:
        checks: What the checks say of these pages, compared with the baseline's.
        hmean: H-mean without and with the fault; None where the second is not known: the model has not seen them.
        record: The baseline's record, as that of a run that has kept these pages.
    """

    checks: Checks
    hmean: tuple[float, float] | None
    record: Record


@dataclass(frozen=True)
class Evidence:
    """All that was measured.

    Attributes:
        comparison: The comparison, with its verdicts.
        records: Its records by variant, in the order of the blocks.
        transforms: The study of the transforms.
        file_bytes: Mean size of a page's file.
        planted: The planted fault; None where no pages were kept.
        left_out: Why variants were not compared, by name.
    """

    comparison: Comparison
    records: Mapping[str, Sequence[Record]]
    transforms: TransformStudy
    file_bytes: float
    planted: PlantedFault | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    def missing(self, *names: str) -> str:
        """Why variants have no result, in words; empty where all of them ended well."""
        for name in names:
            trials = self.records.get(name, ())
            if name in self.left_out or not trials:
                return f"'{name}' was not compared: {self.left_out.get(name, 'it did not run')}"
            failed = next((record for record in trials if not ended_well(record)), None)
            if failed is not None:
                lines = failed.failure.message.splitlines() if failed.failure else []
                return f"'{name}' failed: {lines[0] if lines else 'it left no steady part'}"
        return ""

    def result(self, name: str) -> VariantResult:
        """The variant in the comparison."""
        return next(variant for variant in self.comparison.variants if variant.name == name)

    def ratio(self, name: str, over: str = BASELINE) -> Interval:
        """Throughput of a variant over that of another; without an interval where there are too few blocks."""
        ratios = paired_log_ratios(self.records[name], self.records[over])
        if len(ratios) < self.comparison.policy.min_blocks:
            return Interval(estimate=float(np.exp(ratios.mean())), ci95=None)
        return student_interval(ratios, CONFIDENCE)

    def verdict(self, ratio: Interval) -> Verdict:
        """The verdict on a ratio, by the rules of the comparison."""
        return verdict_of(ratio, self.comparison.policy)

    def status(self, name: str) -> str | None:
        """What the checks say of a variant's result; None where nothing was checked."""
        checks = self.result(name).checks
        return None if checks is None or checks.status == "not_comparable" else checks.status

    def is_simulated(self, *names: str) -> bool:
        """Whether the throughput of any of these rests on a simulated device."""
        return any(record.simulated for name in names for record in self.records.get(name, ()))

    def over_blocks(self, name: str, value: Callable[[Record], float | None]) -> list[float]:
        """A figure of every trial of a variant that has it."""
        return [found for record in self.records.get(name, ()) if (found := value(record)) is not None]


def plant_fault(run: Path, record: Record) -> PlantedFault | None:
    """Compare a run with itself, with red and blue exchanged in all its pages and everything else as it was.

    Args:
        run: Its run folder, with the pages that it kept.
        record: Its record.
    """
    if not (run / SAMPLES).is_file():
        return None
    with np.load(run / SAMPLES, allow_pickle=False) as kept:
        before = dict(kept)
    if "images" not in before:
        return None
    # What the shipped detector found was found on the pages as they were.
    after = {name: array for name, array in before.items() if not name.startswith("detected_")}
    after["images"] = after["images"][..., ::-1]
    after["thumbnails"] = after["thumbnails"][:, ::-1]
    folder = run / PLANTED
    folder.mkdir(exist_ok=True)
    np.savez(folder / SAMPLES, **after)
    checks = compare_recorded(record.knobs.workload, (record, before), (record, after))
    assert checks is not None  # the workload has rules of its own
    score = record.quality.get(HMEAN)
    # A replay device answers by the targets, whatever the pages look like.
    is_blind = score is not None and score.origin == "simulated"
    hmean = (score.value, score.value) if score is not None and is_blind else None
    return PlantedFault(checks, hmean, record.model_copy(update={"run_id": f"{record.run_id}/{PLANTED}"}))


def ratio_text(ratio: Interval) -> str:
    """``"1.12x [1.05, 1.20]"``."""
    if ratio.ci95 is None:
        return f"{format_ratio(ratio.estimate)} (too few blocks for an interval)"
    return f"{format_ratio(ratio.estimate)} [{ratio.ci95[0]:.2f}, {ratio.ci95[1]:.2f}]"


def gain_text(gain: Interval) -> str:
    """``"12.0 % [5.0 %, 20.0 %]"``."""
    text = format_share(gain.estimate)
    return text if gain.ci95 is None else f"{text} [{format_share(gain.ci95[0])}, {format_share(gain.ci95[1])}]"


def range_text(values: Sequence[float], form: Callable[[float], str]) -> str:
    """The median with the range: ``"5.1 s (5.0 s to 5.3 s)"``; one figure by itself."""
    middle = form(float(np.median(values)))
    return middle if len(values) == 1 else f"{middle} ({form(min(values))} to {form(max(values))})"
