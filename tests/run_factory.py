"""A run of known costs, made by hand: its spans and its record."""

from __future__ import annotations

import pandas as pd
from record_factory import make_batches, make_record, make_steady

from workbench.records import Isolated, LaneStats, Limits, Record, StageStats

BATCHES, SIZE = 20, 5
MS = 1_000_000


def stats(lane: str, name: str, mean_s: float, count: int, per: str = "batch", **settings) -> StageStats:
    times = {"mean_s": mean_s, "p50_s": mean_s, "p95_s": mean_s, "total_s": mean_s * count}
    return StageStats(lane=lane, name=name, per=per, count=count, **times, **settings)


class Run:
    """A made-up run of one worker: decode, collate; receive, postprocess; every sample the same.

    Attributes:
        loaded: How many times what it costs isolated a stage takes on a core beside the others.
        preempted: How many times as long again, waiting for a core.
    """

    loaded, preempted = 1.25, 1.5
    decode_ms, collate_ms, receive_ms, postprocess_ms, device_ms = 8.0, 10.0, 2.0, 4.0, 5.0

    def spans(self) -> pd.DataFrame:
        stretch = self.loaded * self.preempted
        rows, at, main_at = [], 0.0, 0.0
        for batch in range(BATCHES):
            for sample in range(SIZE):
                rows.append(("worker", 0, "decode", at, at + self.decode_ms * stretch, batch * SIZE + sample, batch))
                at += self.decode_ms * stretch
            rows.append(("worker", 0, "collate", at, at + self.collate_ms * stretch, -1, batch))
            at += self.collate_ms * stretch
            main_at = at
            for name, took in (("receive", self.receive_ms), ("postprocess", self.postprocess_ms)):
                rows.append(("main", 0, name, main_at, main_at + took * stretch, -1, batch))
                main_at += took * stretch
            rows.append(("device", 0, "forward", main_at, main_at + self.device_ms * SIZE, -1, batch))
        rows.append(("main", 0, "drain", main_at, main_at + 1.0, -1, -1))
        columns = ("lane", "process", "stage", "begin_ns", "end_ns", "sample", "batch")
        frame = pd.DataFrame(rows, columns=columns).assign(background=False, origin="measured")
        return frame.assign(begin_ns=(frame.begin_ns * MS).astype("int64"), end_ns=(frame.end_ns * MS).astype("int64"))

    def record(self, *, isolated: bool = True, counted: bool = True, **knobs) -> Record:
        spans = self.spans()
        wall_s = spans.end_ns.max() / 1e9
        cpu_s = BATCHES * (SIZE * self.decode_ms + self.collate_ms) * self.loaded / 1e3
        main_s = BATCHES * (self.receive_ms + self.postprocess_ms) * self.loaded / 1e3
        used = ({"cpu_s": cpu_s, "ready_s": cpu_s * (self.preempted - 1), "background_cpu_s": 0.0}, {"cpu_s": main_s})
        worker, main = used if counted else ({}, {})
        busy_s = cpu_s * self.preempted
        stages = [
            stats("worker", "idle", (wall_s - busy_s) / BATCHES, BATCHES),
            stats("main", "wait", (wall_s - main_s * self.preempted - 0.001) / BATCHES, BATCHES),
            stats("main", "drain", 0.001, 1),
        ]
        only = [
            stats("worker", "decode", self.decode_ms / 1e3, 10, "sample"),
            stats("main", "postprocess", self.postprocess_ms / 1e3, 2),
        ]
        record = make_record(
            lanes=[
                LaneStats(lane="worker", processes=1, wall_s=wall_s, attributed_s=wall_s, **worker),
                LaneStats(lane="main", processes=1, wall_s=wall_s, attributed_s=wall_s, **main),
            ],
            stages=stages,
            batch_size=SIZE,
            isolated_samples=10,
            **{"num_workers": 1, **knobs},
        )
        timed = Isolated(samples=list(range(SIZE, SIZE + 10)), stages=only) if isolated else Isolated()
        return record.model_copy(
            update={
                "steady": make_steady(wall_s, num_steps=BATCHES),
                "batches": make_batches(BATCHES, SIZE),
                "limits": Limits(device_steps=2, loaded_batches=2),
                "isolated": timed,
            }
        )
