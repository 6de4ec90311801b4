"""Ranks: two processes that train one detector on the CPU, exchanging gradients by Gloo.

Whether they hold the same parameters afterwards, bit for bit; whether the lanes of each add up; whether samples that
are given twice count once; and how long the others live on when one is killed. No figure says anything of speed: two
ranks share this machine's cores.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from promise.figure import Figure, main, not_taken

from workbench.files import sample_pages_dir
from workbench.knobs.joined import parse_knobs
from workbench.measure.ranks.ranked_trial import folder_of
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.records.run_folder import read_record

#: Of the sample pages this many are an odd number: one is given twice in every epoch.
NUM_PAGES = 13

COMMON: dict[str, Any] = {
    "mode": "train", "device": "cpu", "ranks": 2, "num_workers": 1, "start_method": "forkserver", "batch_size": 2,
    "encoder": "lcnet_050", "neck": "fpn_small", "image_size": 256, "targets": "fast", "num_pages": NUM_PAGES,
    "dataset": str(sample_pages_dir()), "checked_samples": 0,
}  # fmt: skip

#: Steps of an epoch: each rank has seven samples in batches of two.
STEPS_PER_EPOCH = 4


def measure() -> list[Figure]:
    """All figures."""
    with tempfile.TemporaryDirectory() as place:
        epochs = {"num_steps": 3 * STEPS_PER_EPOCH, "warmup_steps": 2 * STEPS_PER_EPOCH}
        record = run_trial(parse_knobs({**COMMON, **epochs}), Path(place))
        if record.failure is not None:
            return [not_taken("two ranks", record.failure.message)]
        own = [read_record(folder_of(Path(place) / record.run_id, number)) for number in (0, 1)]
        return [_parameters(own), _lanes(record), _counted_once(record), _after_a_kill(Path(place))]


def _parameters(own: list[Record]) -> Figure:
    digests = [record.training.parameters for record in own if record.training is not None]
    same = len(digests) == 2 and len(set(digests)) == 1 and digests[0] is not None
    what = "ranks that hold the parameters of rank 0, bit for bit"
    return Figure(what, float(same), "share", ">= 1", same, detail=f"digests {', '.join(map(str, digests))}")


def _lanes(record: Record) -> Figure:
    shares = {
        f"rank {rank.rank} {lane.lane}": lane.attributed_share or 0.0
        for rank in record.ranks
        for lane in rank.lanes
        if lane.lane != "device"
    }
    worst = min(shares.values())
    detail = ", ".join(f"{name} {share:.3f}" for name, share in shares.items())
    met = worst >= 0.98 and len(shares) == 4
    return Figure("attributed share, the worst lane", worst, "share", ">= 0.98", met, detail=detail)


def _counted_once(record: Record) -> Figure:
    assert record.steady is not None
    counted = record.steady.num_samples / 3
    what = "samples of an epoch that count"
    return Figure(what, counted, "samples", f"{NUM_PAGES}", counted == NUM_PAGES, detail="one page is given twice")


def _after_a_kill(place: Path) -> Figure:
    """Seconds from the death of one rank until all are gone and the record says so."""
    steady, killed = threading.Event(), [0.0]

    def on_event(event: Event) -> None:
        if event.phase == "steady":
            steady.set()

    def kill() -> None:
        steady.wait(300.0)
        for process in psutil.Process().children(recursive=True):
            if process.environ().get("RANK") == "1" and "workbench.measure.ranks.rank" in process.cmdline():
                killed[0] = time.monotonic()
                process.kill()

    threading.Thread(target=kill, daemon=True).start()
    record = run_trial(parse_knobs({**COMMON, "num_steps": 400}), place, on_event=on_event)
    what = "from the death of a rank until all are gone"
    if not killed[0] or record.failure is None:
        return not_taken(what, "no rank was killed", unit="s", goal="<= 10")
    took = time.monotonic() - killed[0]
    met = took <= 10.0 and "rank 1" in record.failure.message
    return Figure(what, took, "s", "<= 10", met, detail=record.failure.message)


if __name__ == "__main__":
    main(__doc__, measure)
