"""What the profilers of a trial have left, and one trace of it all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.measure.trial.stage_stats import TrackSpans
from workbench.records.run_folder import PROFILES

if TYPE_CHECKING:
    from workbench.measure.profilers.choose import Profilers


def collect_profilers(profilers: Profilers, folder: Path, tracks: Sequence[TrackSpans]) -> tuple[dict[str, str], list[str]]:
    """Gather it.

    Args:
        profilers: The profilers, stopped.
        folder: The run folder.
        tracks: The spans of all lanes.

    Returns:
        Paths relative to the run folder, by what is there; and what a reader should know.
    """
    from workbench.measure.profilers.merged_trace import Row, write_merged_trace

    found = profilers.collect()
    notes = list(found.notes)
    path = folder / PROFILES / "timeline.json.gz"
    rows = [Row(track.lane, track.process, track.background, track.spans) for track in tracks]
    try:
        written = write_merged_trace(path, rows, found.files.get("torch trace"))
    except OSError as error:
        notes.append(f"the merged trace could not be written ({error.strerror or error})")
    else:
        found.files["timeline"] = path
        if written.num_cut:
            notes.append(f"the merged trace is cut after {written.num_events} events: {written.num_cut} more")
    return {name: file.relative_to(folder).as_posix() for name, file in found.files.items()}, notes
