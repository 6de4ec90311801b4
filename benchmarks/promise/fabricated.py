"""A sweep that nobody has run: run folders of the shape that real trials leave, written thousands of times."""

from __future__ import annotations

import json
import math
import random
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import EVENTS, KNOBS, RECORD, SPANS, STDERR, read_record

#: A trial as small as trials are. Of pages: the knobs of what ships load no torch into the caller.
SMALL = {
    "num_pages": 8, "batch_size": 4, "num_workers": 1, "num_steps": 4, "warmup_steps": 1, "device": "replay",
    "replay_ms_per_sample": 0.1, "checked_samples": 2, "isolated_samples": 2,
}  # fmt: skip

#: Standard deviation of the log of a trial's throughput: so much that no verdict is clear before the last block.
_SCATTER = 0.3


def real_run(runs: Path, **settings: Any) -> Path:
    """A small trial, really run: its folder.

    Raises:
        SystemExit: Where it failed: there would be nothing to write again.
    """
    record = run_trial(parse_knobs({**SMALL, **settings}), runs)
    if record.failure is not None:
        raise SystemExit(f"the trial that all is made of failed: {record.failure.message}")
    return runs / record.run_id


def variants(count: int) -> dict[str, Knobs]:
    """As many variants, which differ by the seed."""
    knobs = parse_knobs(SMALL)
    return {f"variant {number:03d}": knobs.changed(seed=number) for number in range(count)}


class Interrupted(KeyboardInterrupt):
    """The sweep ends at this trial, as when its process is killed."""


@dataclass
class FabricatedTrials:
    """Trials that end at once (see `measure.trial.launcher.run_trial`): a real run's folder, written again.

    Attributes:
        pattern: The folder of the real run.
        ends_at: The number of the trial that is not run any more; None: all are.
        num_ran: So many have run.
    """

    pattern: Path
    ends_at: int | None = None
    num_ran: int = 0
    _scatter: random.Random = field(default_factory=lambda: random.Random(0))
    _content: dict[str, Any] = field(default_factory=dict)

    def __call__(self, knobs: Knobs, runs: Path, **_: object) -> Record:
        """Leave a run folder, and give its record as the launcher does: read from there."""
        if self.num_ran == self.ends_at:
            raise Interrupted
        self._content = self._content or json.loads((self.pattern / RECORD).read_text())
        ended = datetime.now(UTC) + timedelta(microseconds=self.num_ran)
        name = f"{ended.strftime('%Y%m%d-%H%M%S')}-{self.num_ran:06x}"
        steady = dict(self._content["steady"])
        steady["samples_per_s"] *= math.exp(self._scatter.gauss(0.0, _SCATTER))
        changed = {"run_id": name, "created_at": ended.isoformat(), "steady": steady, "knobs": knobs.model_dump()}
        folder = runs / name
        folder.mkdir(parents=True)
        for file in (KNOBS, EVENTS, SPANS, STDERR):
            shutil.copyfile(self.pattern / file, folder / file)
        (folder / RECORD).write_text(json.dumps({**self._content, **changed}, indent=1))
        self.num_ran += 1
        return read_record(folder)
