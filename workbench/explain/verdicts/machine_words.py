"""What the machine did while the trials of a comparison ran, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.records import Record
from workbench.units import format_share


def machine_words(records: Mapping[str, Sequence[Record]]) -> list[str]:
    """A sentence on all trials together; none where nobody watched."""
    seen = [record.machine for own in records.values() for record in own if record.machine is not None]
    if not seen:
        return []
    others = [one.other_cores for one in seen]
    told = [
        f"beside the trials, other processes kept {np.median(others):.2f} of {seen[0].num_cores} cores busy (median; "
        f"{min(others):.2f} to {max(others):.2f})",
        f"the host took away {format_share(max(one.steal_share for one in seen))} of the cores at most",
        f"the load before a trial was {min(one.load_1min for one in seen):.1f} to "
        f"{max(one.load_1min for one in seen):.1f}",
    ]
    frequencies = [one.frequency_mhz for one in seen if one.frequency_mhz is not None]
    told.append(f"cores ran at {_range(frequencies)} MHz" if frequencies else "their frequency cannot be read here")
    temperatures = [one.temperature_c for one in seen if one.temperature_c is not None]
    told.append(f"they had {_range(temperatures)} °C" if temperatures else "their temperature cannot be read here")
    text = ", ".join(told)
    return [f"{text[0].upper()}{text[1:]}."]


def _range(values: Sequence[float]) -> str:
    low, high = round(min(values)), round(max(values))
    return f"{low}" if low == high else f"{low} to {high}"
