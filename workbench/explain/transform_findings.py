"""What the study of the transforms means, in words."""

from __future__ import annotations

from workbench.records import Record
from workbench.units import format_duration, format_ratio, format_share
from workbench.workloads.ocr.transform_study import TransformStudy

#: A column of parts this near to the measured whole adds up.
CLOSES_WITHIN = 0.02

#: Where the main process waits for pages for less than this share of its time, faster pages gain nothing.
HARDLY_WAITS = 0.02


def transform_headline(study: TransformStudy) -> str:
    """What the difference between the two columns means, in one sentence."""
    place, alone = study.closure_in_place, study.closure_isolated
    largest = max(study.in_place, key=lambda row: row.mean_s)
    theirs = next((row for row in study.isolated if row.name == largest.name), None)
    told = (
        f"In place the transforms add up to {format_share(place)} of the measured chain "
        f"({format_duration(study.chain.mean_s)} a page); alone on the full page they would add up to "
        f"{format_share(alone)}, which is no part of anything"
    )
    if abs(alone - 1.0) <= CLOSES_WITHIN:
        told = f"Both columns add up to the measured chain ({format_duration(study.chain.mean_s)} a page)"
    if theirs is not None and theirs.mean_s > 1.1 * largest.mean_s:
        told += (
            f": '{largest.name}' takes {format_duration(largest.mean_s)} where it stands, and "
            f"{format_duration(theirs.mean_s)} ({format_ratio(theirs.mean_s / largest.mean_s)}) on the full page, "
            "which it never gets"
        )
    return f"{told}."


def worth_changing(study: TransformStudy, record: Record) -> list[str]:
    """What the chain is worth end to end: from a run of the whole pipeline, not from the shares above."""
    if record.steady is None:
        return ["The run of the whole pipeline failed, so nothing can be said of what a change would be worth."]
    chain = {row.name for row in study.in_place}
    workers = [row for row in record.stages if row.lane == "worker" and not row.background]
    busy_s = sum(row.total_s for row in workers if row.name not in ("idle", "start"))
    chain_s = sum(row.total_s for row in workers if row.name in chain)
    main_s = next((lane.wall_s for lane in record.lanes if lane.lane == "main"), 0.0)
    waits_s = sum(row.total_s for row in record.stages if row.lane == "main" and row.name == "wait")
    if not busy_s or not main_s:
        return ["Without stage times nothing can be said of what a change would be worth."]
    share, waiting = chain_s / busy_s, waits_s / main_s
    lines = [
        f"The whole chain is {format_share(share)} of what loading does, and the main process waits for pages "
        f"{format_share(waiting)} of its time."
    ]
    if waiting < HARDLY_WAITS:
        lines.append("Pages are there before they are needed: a faster chain would gain nothing end to end.")
    else:
        lines.append(
            f"So were the whole chain free, no more than about {format_share(share * waiting)} of the run could be "
            "gained; a comparison says whether it is."
        )
    return lines
