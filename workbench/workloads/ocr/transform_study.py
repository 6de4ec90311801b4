"""What a study of the transforms leaves (`transforms.json`), and what that means. Durations are seconds for a page."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from workbench.records import Record
from workbench.units import format_duration, format_ratio, format_share

SCHEMA_VERSION = 1

#: A column of parts this near to the measured whole adds up.
CLOSES_WITHIN = 0.02

#: Where the main process waits for pages for less than this share of its time, faster pages gain nothing.
HARDLY_WAITS = 0.02


class TransformRow(BaseModel):
    """Times of one piece of work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    mean_s: float
    std_s: float
    min_s: float
    max_s: float
    share: float | None = Field(None, description="of the sum of its column")


class TransformStudy(BaseModel):
    """What the validation chain costs, in place and as the study timed it."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    num_pages: int
    rounds: int = Field(description="counted rounds over the pages; of each page the fastest counts")
    page_sizes: list[tuple[int, int]] = Field(description="width and height of the pages")
    in_place: list[TransformRow] = Field(description="each transform on the input that it really gets")
    isolated: list[TransformRow] = Field(description="each transform isolated, on the full page")
    chain: TransformRow
    chain_without_keypoints: TransformRow
    beside: list[TransformRow] = Field(description="polygon work and target maps")
    closure_in_place: float = Field(description="sum of the transforms in place / measured chain")
    closure_isolated: float = Field(description="sum of the isolated transforms / measured chain")
    by_words: dict[int, float] = Field(description="median seconds of the chain by number of words")
    by_width: dict[int, float] = Field(description="median seconds of the chain by width of a 16:9 page")


def transform_headline(study: TransformStudy) -> str:
    """What the difference between the two columns means, in one sentence."""
    in_place, isolated = study.closure_in_place, study.closure_isolated
    chain = f"the measured chain ({format_duration(study.chain.mean_s)} for each page)"
    if abs(isolated - 1.0) <= CLOSES_WITHIN:
        text = f"Both columns add up to {chain}"
    else:
        text = (
            f"In place the transforms add up to {format_share(in_place)} of {chain}; isolated, on the full page, they "
            f"add up to {format_share(isolated)}, so those times are not shares of the chain"
        )
    largest = max(study.in_place, key=lambda row: row.mean_s)
    other = next((row for row in study.isolated if row.name == largest.name), None)
    if other is not None and other.mean_s > 1.1 * largest.mean_s:
        text += (
            f": '{largest.name}' takes {format_duration(largest.mean_s)} in its place, and "
            f"{format_duration(other.mean_s)} ({format_ratio(other.mean_s / largest.mean_s)}) on the full page, "
            "which it never receives in the chain"
        )
    return f"{text}."


def worth_changing(study: TransformStudy, record: Record) -> list[str]:
    """What a faster chain would gain end to end: from a run of the whole pipeline, not from the shares above."""
    if record.steady is None:
        return ["The run of the whole pipeline failed, so what a faster chain would gain is not known."]
    chain = {row.name for row in study.in_place}
    workers = [row for row in record.stages if row.lane == "worker" and not row.background]
    no_work = record.catalogue.names("wait", "start", lane="worker")
    busy_s = sum(row.total_s for row in workers if row.name not in no_work)
    chain_s = sum(row.total_s for row in workers if row.name in chain)
    main, wait = record.lane("main"), record.stage("wait", "main")
    if not busy_s or main is None or not main.wall_s:
        return ["Stages were not timed, so what a faster chain would gain is not known."]
    share, waiting = chain_s / busy_s, (wait.total_s if wait else 0.0) / main.wall_s
    lines = [
        f"The whole chain is {format_share(share)} of the work of loading, and the main process waits for pages "
        f"{format_share(waiting)} of its time."
    ]
    if waiting < HARDLY_WAITS:
        lines.append("Pages are there before they are needed: a faster chain would gain nothing end to end.")
    else:
        lines.append(
            f"If the whole chain were free, the run would take about {format_share(share * waiting)} less time at "
            "most; a comparison says whether it does."
        )
    return [*lines, *(record.description.notes if record.description else ())]
