"""How long workers took for single pages and batches, from their spans: also the time that no stage explains."""

from __future__ import annotations

import pandas as pd

from workbench.explain.breakdown import NO_WORK
from workbench.units import NS_PER_S


def page_times(spans: pd.DataFrame | None) -> pd.DataFrame:
    """A row for each time that a page was made: `process`, `batch`, `page`, `wall_s`.

    A page lasts until the next page of its batch begins, or the batch is collated: so what happens between two stages
    counts for the page before it, and what happens before a page's first stage for the page before that.
    """
    columns = ["process", "batch", "page", "wall_s"]
    if spans is None:
        return pd.DataFrame(columns=columns)
    work = spans[(spans["lane"] == "worker") & ~spans["background"].astype(bool) & ~spans["stage"].isin(NO_WORK)]
    paged = work[(work["page"] >= 0) & (work["batch"] >= 0)]
    if paged.empty:
        return pd.DataFrame(columns=columns)
    pages = paged.groupby(["process", "batch", "page"], as_index=False).agg(
        begin_ns=("begin_ns", "min"), end_ns=("end_ns", "max")
    )
    pages = pages.sort_values(["process", "batch", "begin_ns"])
    following = pages.groupby(["process", "batch"])["begin_ns"].shift(-1)
    pages["wall_s"] = (following.fillna(pages["end_ns"]) - pages["begin_ns"]) / NS_PER_S
    return pages[columns]


def starting_share(spans: pd.DataFrame | None, wall_s: float) -> float:
    """Share of the run's time in which the main process waited while a worker was starting."""
    if spans is None or wall_s <= 0.0:
        return 0.0
    starts = spans[(spans["lane"] == "worker") & (spans["stage"] == "start")]
    waits = spans[(spans["lane"] == "main") & spans["stage"].isin(("wait", "epoch"))]
    covered = 0
    for begin, end in _merged(starts):
        inside = waits["end_ns"].clip(upper=end) - waits["begin_ns"].clip(lower=begin)
        covered += int(inside.clip(lower=0).sum())
    return min(1.0, covered / NS_PER_S / wall_s)


def _merged(spans: pd.DataFrame) -> list[tuple[int, int]]:
    """The time that some spans cover, as intervals that don't overlap."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(zip(spans["begin_ns"].tolist(), spans["end_ns"].tolist(), strict=True)):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found
