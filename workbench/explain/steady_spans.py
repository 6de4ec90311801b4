"""The spans of the counted steps, out of all that a run has left."""

from __future__ import annotations

import pandas as pd

from workbench.records import Record
from workbench.units import NS_PER_S


def steady_spans(record: Record, spans: pd.DataFrame | None) -> pd.DataFrame | None:
    """The spans that ended in the counted steps; None where there are none."""
    if spans is None or record.steady is None or spans.empty:
        return None
    drains = spans.loc[(spans["lane"] == "main") & (spans["stage"] == "drain"), "end_ns"]
    end_ns = drains.max() if len(drains) else spans["end_ns"].max()
    begin_ns = end_ns - record.steady.wall_s * NS_PER_S
    found: pd.DataFrame = spans[(spans["end_ns"] > begin_ns) & (spans["end_ns"] <= end_ns)]
    return found if len(found) else None
