"""Is a stage on the critical path? Made slower by a known time, how much of that does the whole run show?

No model is needed: a variant with `slow_down=stage:ms` is compared against its baseline, and the time that each sample
takes longer is divided by the time that was added to it. 1 means that every added millisecond is a millisecond of the
run, as where the stage's lane is all there is; 1/N that N workers share it; 0 that it hides behind something else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from workbench.explain.prediction.variants import added_per_sample
from workbench.explain.words.items import with_article
from workbench.records import Comparison, Record, VariantResult
from workbench.units import format_duration

_CONFIDENCE = 0.95

#: A slope whose interval ends below this is that of a stage that hides.
_HIDDEN = 0.1


@dataclass(frozen=True)
class Slope:
    """What a delay of one stage does to the whole run.

    Attributes:
        stage: Which one.
        added_s: What was added to each sample.
        slope: Seconds of the run for each second added.
        interval: 95 % interval over the blocks; None with fewer than three.
        item: What one sample is called.
    """

    stage: str
    added_s: float
    slope: float
    interval: tuple[float, float] | None
    item: str = "sample"

    @property
    def sentence(self) -> str:
        """What that means."""
        shown = f"{self.slope:.2f}"
        if self.interval is not None:
            shown += f" [{self.interval[0]:.2f}, {self.interval[1]:.2f}]"
        added = f"{format_duration(self.added_s)} {with_article(self.item)}"
        text = f"'{self.stage}' was made {added} slower; of each added second the run shows {shown} s"
        if self.interval is None:
            return f"{text} (too few blocks for an interval)."
        if self.interval[1] < _HIDDEN:
            return f"{text}: it hides behind something else."
        if self.interval[0] > 0.0:
            return f"{text}: it is on the critical path."
        return f"{text}: whether it is on the critical path is not decided yet."


def slopes(comparison: Comparison, baseline: Record) -> list[Slope]:
    """The slope of every variant that does nothing but slow one stage down.

    Args:
        comparison: The comparison.
        baseline: A run of its baseline, which tells how often a sample passes a stage.
    """
    base = comparison.base
    if base is None or base.knobs.slow_down:
        return []
    found = []
    for variant in comparison.others:
        delays = variant.knobs.slow_down
        if len(delays) == 1 and set(variant.knobs.compared(base.knobs)) == {"slow_down"}:
            ((stage, delay_ms),) = delays.items()
            slope = _slope(stage, delay_ms, variant, base, baseline, comparison.item)
            found += [slope] if slope is not None else []
    return found


def _slope(
    stage: str, delay_ms: float, variant: VariantResult, base: VariantResult, baseline: Record, item: str
) -> Slope | None:
    if baseline.steady is None or variant.samples_per_s is None or base.samples_per_s is None:
        return None
    added_s = added_per_sample(baseline, baseline.steady, stage, delay_ms)
    rates = zip(variant.samples_per_s.per_block, base.samples_per_s.per_block, strict=False)
    longer = np.array([1.0 / slow - 1.0 / plain for slow, plain in rates if slow and plain])
    if added_s <= 0.0 or not len(longer):
        return None
    values = longer / added_s
    interval = None
    if len(values) > 2:
        half = float(scipy.stats.t.ppf(0.5 + _CONFIDENCE / 2, len(values) - 1) * scipy.stats.sem(values))
        interval = (float(values.mean()) - half, float(values.mean()) + half)
    return Slope(stage, added_s, float(values.mean()), interval, item)
