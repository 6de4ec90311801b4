"""A run from the panel, from papermill and from the command: the same knobs make the same record, but for time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.panel.workbench_panel import Workbench
from workbench.records import Record
from workbench.records.run_folder import SAMPLES, list_runs, read_record, read_spans
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = pytest.mark.real

#: Real workers and a cache, a detector that is replayed, and as few pages as fill some batches.
KNOBS = {
    "cache": "decoded", "normalize": "conditional", "num_workers": 1, "num_pages": 6, "batch_size": 2, "num_steps": 6,
    "image_size": 320, "device": "replay", "replay_ms_per_sample": 0.5, "seed": 3,
    "isolated_samples": 4,
}  # fmt: skip

#: What is noise of a run: its name and date, how much memory it held, how far its workers ran ahead (so how often they
#: read the cache in the whole trial), what else the machine did. Durations end in `_s`.
NOISE = {
    "run_id", "created_at", "git", "machine", "startup", "samples_per_s", "peak_pss_bytes", "pss_bytes_by_phase",
    "peak_tree_bytes", "cache_readings", "begin_ns", "end_ns",
}  # fmt: skip

#: Stages that come about as the moment wills: waiting, epochs that begin, progress that is reported.
BY_THE_WAY = {"idle", "wait", "receive", "start", "epoch", "progress", "drain", "free"}

#: Variables that torch's compiler sets wherever it comes to work, as in other tests of this process.
OF_THE_COMPILER = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")

PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def runs(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The run folder of each way."""
    folders = {}
    reports = tmp_path_factory.mktemp("panel")
    lab = Workbench(reports, OcrKnobs(**KNOBS))
    lab.run()
    assert lab.queue.wait_until_idle(PATIENCE_S)
    (folders["panel"],) = list_runs(reports / "runs")

    reports = tmp_path_factory.mktemp("papermill")
    pairs = [argument for name, value in KNOBS.items() for argument in ("-p", name, str(value))]
    notebook = [str(checkout / "notebooks" / "profile.ipynb"), str(reports / "out.ipynb")]
    run(["papermill", "--execution-timeout", "120", *notebook, *pairs, "-p", "reports", str(reports)])
    (folders["papermill"],) = list_runs(reports / "runs")

    reports = tmp_path_factory.mktemp("command")
    pairs = [argument for name, value in KNOBS.items() for argument in ("-p", f"{name}={value}")]
    run(["workbench", "run", *pairs, "--out", str(reports)])
    (folders["command"],) = list_runs(reports / "runs")
    return folders


def run(module: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *module], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]


def differences(own: Record, other: Record) -> list[str]:
    """Where two records differ by more than time and noise."""
    return list(_differences(_timeless(own), _timeless(other), "record"))


def _timeless(record: Record) -> dict[str, Any]:
    content = record.model_dump()
    for part in (content, content["isolated"]):
        part["stages"] = {
            # Workers run ahead of the counted steps, and how far is the moment's.
            _name(row): {**row, "count": None} if row["lane"] == "worker" else row
            for row in part["stages"]
            if row["name"] not in BY_THE_WAY
        }
    for name in OF_THE_COMPILER:
        content["environment"]["variables"].pop(name, None)
    content["lanes"] = {row["lane"]: row for row in content["lanes"]}
    return content


def _name(row: dict[str, Any]) -> str:
    return f"{row['lane']} {row['name']} {'in the background' if row['background'] else 'in its lane'}"


def _differences(own: Any, other: Any, where: str) -> Any:
    if isinstance(own, dict) and isinstance(other, dict):
        for name in {**own, **other}:
            is_duration = name.endswith("_s") and not where.endswith(".knobs")
            if name not in NOISE and not is_duration:
                yield from _differences(own.get(name), other.get(name), f"{where}.{name}")
    elif own != other:
        yield f"{where}: {own} against {other}"


@pytest.mark.parametrize("way", ["papermill", "command"])
def test_the_record_is_the_panels(runs: dict[str, Path], way: str) -> None:
    record = read_record(runs[way])

    assert record.status == "ok"
    assert record.knobs == OcrKnobs(**KNOBS)
    assert differences(read_record(runs["panel"]), record) == []


@pytest.mark.parametrize("way", ["papermill", "command"])
def test_pages_and_spans_are_the_panels(runs: dict[str, Path], way: str) -> None:
    with np.load(runs["panel"] / SAMPLES) as own, np.load(runs[way] / SAMPLES) as other:
        assert own.files == other.files
        for name in own.files:
            np.testing.assert_array_equal(own[name], other[name], err_msg=name)
    own, other = (sorted(set(read_spans(runs[name])["stage"]) - BY_THE_WAY) for name in ("panel", way))
    assert own == other


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"knobs": OcrKnobs(**KNOBS, prefetch_factor=3)}, "record.knobs.prefetch_factor"),
        ({"simulated": False}, "record.simulated"),
        ({"notes": ["something"]}, "record.notes"),
    ],
)
def test_a_planted_difference_is_found(runs: dict[str, Path], change: dict[str, Any], where: str) -> None:
    record = read_record(runs["panel"])

    found = differences(record, record.model_copy(update=change))
    assert [difference.split(":")[0] for difference in found] == [where]


def test_a_missing_stage_and_a_missing_page_are_found(runs: dict[str, Path]) -> None:
    record = read_record(runs["panel"])
    without = [row for row in record.stages if row.name != "collate"]
    assert [
        difference.split(":")[0] for difference in differences(record, record.model_copy(update={"stages": without}))
    ] == ["record.stages.worker collate in its lane"]
    assert record.steady is not None
    fewer = record.steady.model_copy(update={"num_samples": record.steady.num_samples - 1})
    assert "record.steady.num_samples" in str(differences(record, record.model_copy(update={"steady": fewer})))
