"""What all parts of a record have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 2


class Part(BaseModel):
    """A frozen part of a record; a field that it doesn't know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
