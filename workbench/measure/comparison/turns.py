"""Whether the trials of a comparison can take turns, or one has to run after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.knobs.knobs import Knobs
from workbench.records import Program


def why_no_turns(
    variants: Mapping[str, Knobs],
    *,
    programs: Mapping[str, Program] | None = None,
    cold_cache: bool = False,
    cuda: Path = Path("/dev/nvidiactl"),
) -> str:
    """Why trials cannot be alive at once, each frozen while another one runs; empty where they can.

    Args:
        variants: The knobs of each.
        programs: Which workbench measures a variant, where it isn't this one.
        cold_cache: Whether the data set's files leave the file cache before every trial.
        cuda: Is there where there is a CUDA device.
    """
    if cold_cache:
        return "the file cache can be cold for one of them only"
    if programs:
        return "another workbench does not know that it is frozen"
    for name, knobs in variants.items():
        if knobs.device == "cuda" or (knobs.device == "auto" and cuda.exists()):
            return "a device goes on with what it was given while a process is frozen, and its memory stays taken"
        if knobs.ranks > 1:
            return f"the ranks of '{name}' keep clocks of their own"
        if knobs.profilers:
            return f"the profilers of '{name}' go on while it is frozen"
    return ""
