"""Scripts that others might have written, observed in processes of their own: unharmed, and with parts that add up."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from measure.attach.conftest import SCRIPTS

from workbench.explain.diagnosis.diagnose import advise
from workbench.explain.figures.script import tables_of
from workbench.measure.attach.command import check_command

pytestmark = pytest.mark.real


def printed(tmp_path: Path, record) -> str:
    return (tmp_path / record.run_id / "stdout.txt").read_text(encoding="utf-8")


def alone(*arguments: str) -> str:
    command = [sys.executable, str(SCRIPTS / "plain_loop.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout


CASES = (
    ("0", "fork", "map"),
    ("2", "fork", "map"),
    ("1", "spawn", "map", "once"),  # each of its workers imports torch, in every epoch
    ("1", "forkserver", "subset", "once"),
    ("2", "fork", "iterable"),
    ("2", "fork", "map", "persistent"),
)


@pytest.mark.parametrize("arguments", CASES, ids=" ".join)
def test_a_script_does_the_same_as_alone_and_its_lanes_add_up(observe, tmp_path, arguments):
    record = observe("plain_loop.py", *arguments, num_steps=24, let_finish=True)

    assert record.status == "ok", record.failure
    assert printed(tmp_path, record) == alone(*arguments)  # batches and loss, bit for bit; torch's own iterator
    assert record.script.returncode == 0
    assert {lane.lane for lane in record.lanes} == {"worker", "main"}
    assert set(record.batches.samples) == {4} and min(record.batches.num_bytes) > 4 * 3 * 16 * 16 * 4
    assert next(row for row in record.stages if row.name == "backward").count == 24  # a visit a batch
    assert all(lane.attributed_share >= 0.98 for lane in record.lanes)
    names = {row.name for row in record.stages}
    assert {"forward", "loss", "backward", "optimizer", "wait", "your code", "collate"} <= names
    assert record.knobs.num_workers == int(arguments[0]) and record.knobs.batch_size == 4
    assert record.script.training_loader.startswith("plain_loop.py:") and record.script.is_trained
    assert len(record.script.loaders) == 2 and not [note for note in record.notes if "took itself away" in note]


def test_whoever_observes_does_without_torch():
    code = "import sys, workbench.measure.trial.worker, workbench.measure.attach.observe; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("plant", "stage"),
    [
        ("transform", "Scale"),
        ("collate", "collate"),
        ("sample", "rest of Images.__getitem__"),
        ("loss", "loss"),
        ("validation", "validation"),
    ],
)
def test_a_planted_sleep_is_the_largest_part(observe, tmp_path, plant, stage):
    record = observe("plain_loop.py", "2", "fork", "map", num_steps=24, let_finish=True, env=f"PLANT={plant}")
    assert record.status == "ok", record.failure
    work = [
        row
        for row in record.stages
        if not row.background
        and record.catalogue.find(row.lane, row.name).role not in ("wait", "start", "epoch")
        and "wait" not in row.name
    ]

    assert max(work, key=lambda row: row.total_s).name == stage
    first = advise(tmp_path / record.run_id).causes[0]
    assert first.stage == stage
    assert ("`-p profilers=lines`" in first.evidence) == (plant in ("collate", "sample"))


def test_a_script_that_never_ends_is_stopped_where_it_asks_for_a_batch(observe):
    record = observe("plain_loop.py", "2", "fork", "map", num_steps=10)

    assert record.status == "ok" and record.steady.num_steps == 10 and record.steady.warmup_steps == 6
    assert record.script.returncode is None and record.memory.peak_pss_bytes > 0
    assert record.isolated.samples and {"Scale", "shift"} <= {row.name for row in record.isolated.stages}


def test_knobs_from_outside_arrive_at_the_loader_that_trains(observe):
    record = observe("plain_loop.py", "2", "fork", "map", num_steps=10, num_workers=1, batch_size=8, prefetch_factor=3)

    assert record.asked == {"num_workers": 1, "prefetch_factor": 3, "batch_size": 8}
    assert (record.knobs.num_workers, record.knobs.prefetch_factor, record.knobs.batch_size) == (1, 3, 8)
    assert record.batches.samples[0] == 8
    again = record.asked_knobs  # what another trial like it is asked for, and no more
    assert again.asked() == record.asked and again.command == record.knobs.command and again.pin_memory is None
    check_command(again)


def test_a_knob_that_does_not_arrive_is_said_to_have_no_effect(observe):
    record = observe("plain_loop.py", "2", "fork", "map", num_steps=10, num_workers=1, which_loader="other.py:1")

    assert record.knobs.num_workers == 2
    assert any("num_workers=1 had no effect" in note for note in record.notes)


def test_an_exit_code_of_the_scripts_own_is_kept_and_said(observe):
    record = observe("plain_loop.py", "0", "fork", "map", "fail", num_steps=10_000)

    assert record.status == "failed" and record.script.returncode == 7
    assert "exit code 7" in record.failure.message and record.steady.num_steps > 0


def test_two_ranks_make_one_record(observe, tmp_path):
    launcher = ("-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29655")
    record = observe("ranks.py", launcher=launcher, num_steps=20)

    assert record.status == "ok", record.failure
    assert [rank.rank for rank in record.script.ranks] == [0, 1]
    assert {rank.num_steps for rank in record.script.ranks} == {20}
    assert (tmp_path / record.run_id / "rank-1" / "spans.parquet").is_file()
    slow, fast = record.script.ranks[1], record.script.ranks[0]  # rank 1 sleeps 10 ms in each step
    assert slow.own_step_s > max(0.010, fast.own_step_s) and slow.own_stage == "your code"
    assert any("Rank 1 is the slowest" in note for table in tables_of(record) for note in table.notes)


def test_ranks_of_spawn_are_told_apart_as_well(observe):
    record = observe("ranks.py", "29656", num_steps=20)

    assert record.status == "ok", record.failure
    assert [rank.rank for rank in record.script.ranks] == [0, 1]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('nothing')", "without iterating a torch DataLoader"),
        ("raise SystemExit(3)", "exit code 3"),
        ("import os; os.abort()", "(signal SIGABRT)"),
        (
            "from torch.utils.data import DataLoader\nfor _ in DataLoader([1, 2], batch_size=2): pass",
            "ended after 1 step",
        ),
    ],
)
def test_what_cannot_be_counted_is_refused_in_words(observe, tmp_path, code, words):
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    record = observe(str(script))

    assert record.status == "failed" and words in record.failure.message


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_nothing_is_left_behind(observe, method):
    record = observe("plain_loop.py", "2", method, "map", num_steps=5)

    assert record.status == "ok" and not list(Path("/dev/shm").glob(f"*{record.run_id}*"))


GROWS = """
import time, torch
from torch.utils.data import DataLoader
kept = []
for step, _ in enumerate(DataLoader(range(16))):
    time.sleep(1.5 if step < 2 else 0.05)
    if step == 0:
        kept.append(torch.ones(100_000_000))
"""


def test_memory_of_a_script_that_ends_by_itself_has_what_its_first_steps_make(observe, tmp_path):
    """As an optimizer does, whose state is made in the first step: at the first batch there is none of it."""
    script = tmp_path / "script.py"
    script.write_text(GROWS, encoding="utf-8")
    with_it = observe(str(script), num_steps=100)
    script.write_text(GROWS.replace("100_000_000", "1"), encoding="utf-8")
    without = observe(str(script), num_steps=100)

    assert with_it.script.returncode == without.script.returncode == 0, "they ended by themselves"
    assert with_it.memory.peak_pss_bytes - without.memory.peak_pss_bytes == pytest.approx(400e6, rel=0.1)


def test_a_script_whose_time_is_over_before_anything_was_counted_is_given_more(observe, tmp_path):
    script = tmp_path / "script.py"
    code = "import time\nfrom torch.utils.data import DataLoader\nfor _ in DataLoader([1, 2]): time.sleep(600)"
    script.write_text(code, encoding="utf-8")
    record = observe(str(script), timeout_s=12.0)

    assert record.failure.kind == "timeout" and "timeout_s = 12.0 s was over: Raise timeout_s" in record.failure.message


def test_a_script_without_time_keeps_what_was_counted(observe):
    record = observe("plain_loop.py", "0", "fork", "map", num_steps=10_000, timeout_s=15.0, env="PLANT=sample")

    assert record.status == "ok", record.failure
    assert 2 <= record.steady.num_steps < 10_000 and any("it was stopped after" in note for note in record.notes)


@pytest.mark.parametrize("who", ["script", "trial", "worker"])
def test_whoever_is_killed_leaves_no_process_and_says_what_happened(observe, who):
    """The script's main process, the trial's own, a loader worker."""
    arguments = ("plain_loop.py", "2", "fork", "map", "persistent")
    killed: list[int] = []

    def kill(stop: threading.Event) -> None:
        while not stop.wait(0.3) and not killed:
            own = psutil.Process().children(recursive=True)
            named = [process for process in own if "plain_loop.py" in " ".join(_words(process))]
            workers = [process for process in named if any(process.ppid() == other.pid for other in named)]
            main = [process for process in named if process not in workers]
            trial = [process for process in own if "workbench.measure.trial.worker" in _words(process)]
            chosen = {"script": main, "trial": trial, "worker": workers}[who]
            if len(workers) >= 2 and chosen:
                time.sleep(2.0)
                killed.append(chosen[0].pid)
                chosen[0].kill()

    stop = threading.Event()
    thread = threading.Thread(target=kill, args=(stop,))
    thread.start()
    record = observe(*arguments, num_steps=10_000, env="PLANT=loss")
    stop.set()
    thread.join()

    assert killed and record.status == "failed" and record.failure.message
    assert not [p for p in psutil.Process().children(recursive=True) if "plain_loop.py" in " ".join(_words(p))]
    assert not list(Path("/dev/shm").glob(f"*{record.run_id}*"))


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_fault_of_the_observers_takes_it_away_and_leaves_the_script_alone(observe, tmp_path, monkeypatch):
    # The observer cannot write its rows: its folder is full of a file in the way.
    record = observe("plain_loop.py", "0", "fork", "map", env="WORKBENCH_OBSERVE_FAULT=rows")

    assert record.status == "failed" and "took itself away" in record.failure.message
    assert printed(tmp_path, record) == alone("0", "fork", "map")


STREAM = """
import sys, torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
class Stream(IterableDataset):
    def __iter__(self):
        if "sharded" in sys.argv:
            info = get_worker_info()
            first, step = (info.id, info.num_workers) if info else (0, 1)
        else:
            first, step = 0, 1
        yield from (torch.full((2,), float(number)) for number in range(first, 400, step))
for batch in DataLoader(Stream(), batch_size=4, num_workers=1):
    pass
"""


@pytest.mark.parametrize("is_sharded", [True, False])
def test_workers_that_would_read_a_stream_several_times_are_refused(observe, tmp_path, is_sharded):
    script = tmp_path / "stream.py"
    script.write_text(STREAM, encoding="utf-8")
    record = observe(str(script), *(["sharded"] if is_sharded else []), num_steps=10, num_workers=2)

    if is_sharded:
        assert record.status == "ok" and record.knobs.num_workers == 2, record.failure
        looked = dict(np.load(tmp_path / record.run_id / "samples.npz"))
        assert looked["num_samples"] == -1 and not looked["is_random"].any()
    else:
        assert record.failure.kind == "bad_input", record.failure
        assert "`Stream` does not look at get_worker_info(), so each worker" in record.failure.message


def test_a_lambda_is_named_before_a_worker_is_spawned(observe, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "from torch.utils.data import DataLoader\n"
        "def main():\n"
        "    for _ in DataLoader(list(range(64)), 4, shuffle=True, num_workers=1, collate_fn=lambda x: x): pass\n"
        "if __name__ == '__main__':\n    main()\n",
        encoding="utf-8",
    )
    record = observe(str(script), num_steps=10, start_method="spawn")

    assert record.failure.kind == "bad_input"
    assert "`collate_fn` is a lambda, which cannot be sent to a worker" in record.failure.message
    assert observe(str(script), num_steps=10).status == "ok"


SAMPLES = """
import sys, time, torch
from torch.utils.data import DataLoader, Dataset
class Rows(Dataset):
    def __init__(self):
        self.rows = torch.rand(20_000, 4)
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, index):
        if sys.argv[2] == "long":
            time.sleep(0.001)
        return self.rows[index]
if __name__ == "__main__":
    for batch in DataLoader(Rows(), batch_size=64, num_workers=int(sys.argv[1]), shuffle=True):
        pass
"""


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("length", ["short", "long"])
def test_samples_that_cost_less_than_a_look_at_them_are_timed_by_the_batch(observe, tmp_path, workers, length):
    script = tmp_path / "rows.py"
    script.write_text(SAMPLES, encoding="utf-8")
    record = observe(str(script), workers, length, num_steps=20)

    assert record.status == "ok", record.failure
    stages = {row.name for row in record.stages if row.lane == "worker"}
    assert ("samples of Rows" in stages) is (length == "short")
    single = sum(row.count for row in record.stages if row.name == "rest of Rows.__getitem__")
    assert (single > 0.5 * record.steady.num_samples) is (length == "long")  # a busy machine hides it for a while
    assert any("too short to be looked into" in note for note in record.notes) is (length == "short")
    assert "rest of Rows.__getitem__" in {row.name for row in record.isolated.stages}
    assert min(lane.attributed_share for lane in record.lanes) > 0.98
