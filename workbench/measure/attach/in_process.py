"""Observing in the running process: a loop in a notebook's kernel, with its live objects."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from workbench.knobs.observed import ObservedKnobs
from workbench.measure.attach.looks import keep_looks
from workbench.measure.attach.record import make_record
from workbench.measure.attach.script import Ended
from workbench.measure.attach.seen import Seen
from workbench.measure.timing.spans import monotonic_ns
from workbench.observer.begin import begin_in
from workbench.observer.session import SETTINGS
from workbench.records import Record
from workbench.records.in_use import Hold
from workbench.records.run_folder import RECORD, new_run_folder, write_json


class InProcess:
    """Observes the loops of this process between its beginning and its end.

    Args:
        knobs: How it is to be observed.
        runs: Folder of run folders.

    Attributes:
        folder: The run folder.
    """

    def __init__(self, knobs: ObservedKnobs, runs: Path) -> None:
        self._knobs = knobs
        self.folder = new_run_folder(runs, knobs)
        self._hold = Hold(self.folder)
        self._shared = Path(tempfile.mkdtemp(prefix="workbench-observe-"))
        settings = {"steps": None, "warmup": knobs.warmup_steps, "let_finish": True}
        (self._shared / SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
        self._started_ns = self._ended_ns = monotonic_ns()

    def __enter__(self) -> None:
        """Begin."""
        self._started_ns = monotonic_ns()
        self._session = begin_in(str(self._shared))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """End; what was patched is as it was."""
        self._ended_ns = monotonic_ns()
        self._session.close()
        if error is not None:
            shutil.rmtree(self._shared, ignore_errors=True)

    def record(self) -> Record:
        """The record, written to the run folder.

        Raises:
            NothingCounted: Where no step could be counted.
        """
        try:
            seen = Seen(self._shared)
            seen.update()
            keep_looks(self._shared, self.folder)
            ended = Ended(self._started_ns, self._ended_ns, returncode=0, pss_bytes={}, cache_bytes=None)
            record = make_record(self._knobs, self.folder, seen, ended)
            write_json(self.folder / RECORD, record)
            return record
        finally:
            self._hold.release()
            shutil.rmtree(self._shared, ignore_errors=True)
