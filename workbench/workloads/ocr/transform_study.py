"""What a study of the transforms leaves: `transforms.json`. Durations are seconds a page."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1


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
    isolated: list[TransformRow] = Field(description="each transform alone on the full page")
    chain: TransformRow
    chain_without_keypoints: TransformRow
    beside: list[TransformRow] = Field(description="polygon work and target maps")
    closure_in_place: float = Field(description="sum of the transforms in place / measured chain")
    closure_isolated: float = Field(description="sum of the transforms alone / measured chain")
    by_words: dict[int, float] = Field(description="median seconds of the chain by number of words")
    by_width: dict[int, float] = Field(description="median seconds of the chain by width of a 16:9 page")
