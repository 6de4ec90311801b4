"""Nodes for real: processes of Dask on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from toy import toy_knobs

from workbench.errors import BadInput
from workbench.measure.comparison.journal import Journal
from workbench.measure.nodes import local
from workbench.measure.nodes.address import Address
from workbench.measure.nodes.block import BlockJob
from workbench.measure.nodes.cluster import open_cluster
from workbench.measure.nodes.run import run_on_nodes
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.workloads.ocr.knobs import OcrKnobs

pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore::ResourceWarning")]

QUICK = {"num_steps": 4, "checked_samples": 0}


def begin(folder: Path, **variants) -> Journal:
    return Journal.begin(folder / "comparison", variants, runs=folder / "runs", seed=0, num_blocks=2)


def worker_named(name: str) -> psutil.Process:
    """A worker that this process has started."""
    children = psutil.Process().children()
    (worker,) = [child for child in children if name in child.cmdline()]
    return worker


def descendants() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if "workbench.measure" in str(child.cmdline())]


def test_a_worker_that_is_killed_in_mid_block_loses_its_block_to_the_other(tmp_path: Path) -> None:
    killed = threading.Event()

    def kill(event) -> None:
        if event.trial.startswith("local-1") and not killed.is_set():
            killed.set()
            worker_named("local-1").kill()

    journal = begin(tmp_path, baseline=toy_knobs(**QUICK))
    compared = run_on_nodes(journal, "local:2", on_event=kill)

    assert killed.is_set()
    assert compared.state.stop == "blocks"
    assert {trial.node.name for trial in compared.state.trials} == {"local-2"}
    assert len(compared.records["baseline"]) == 2
    assert any("'local-1' was lost while it ran block" in note for note in compared.notes)
    assert descendants() == []


def test_an_interrupt_leaves_no_process_behind(tmp_path: Path) -> None:
    runs = threading.Event()

    def interrupt(records: object) -> bool:
        if runs.is_set():
            raise KeyboardInterrupt
        return False

    journal = begin(tmp_path, baseline=toy_knobs(**QUICK))
    with pytest.raises(KeyboardInterrupt):
        run_on_nodes(journal, "local:1", on_event=lambda event: runs.set(), is_over=interrupt)
    assert descendants() == []


@contextmanager
def worker_of_anybodys(url: str, folder: Path, name: str) -> Iterator[None]:
    """A worker with a nanny, as Dask's own command starts it."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", url, "--name", name, "--nthreads", "1"]
    options = ["--memory-limit", "0", "--no-dashboard", "--local-directory", str(folder / "scratch")]
    process = subprocess.Popen(
        [*command, *options],
        cwd=folder,
        env={**os.environ, "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_other_data_on_a_node_is_refused_and_its_trials_get_the_environment_of_local_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("one", b"same"), ("two", b"else")):
        (tmp_path / name / "pages").mkdir(parents=True)
        (tmp_path / name / "pages" / "a.jpg").write_bytes(content)
    monkeypatch.chdir(tmp_path / "one")
    with (
        local.local_cluster(0) as (url, _),
        worker_of_anybodys(url, tmp_path / "one", "first"),
        worker_of_anybodys(url, tmp_path / "two", "second"),
        open_cluster(Address(url=url)) as cluster,
    ):
        until_s = time.monotonic() + 30.0
        while len(cluster.nodes()) < 2 and time.monotonic() < until_s:
            time.sleep(0.1)
        with pytest.raises(BadInput) as refused:
            run_on_nodes(begin(tmp_path, baseline=OcrKnobs(dataset="pages")), url)
        assert "second': its data set 'pages' differs" in str(refused.value)
        assert "first'" not in str(refused.value)

        journal = begin(tmp_path / "toy", baseline=toy_knobs(**QUICK))
        job = BlockJob("name", journal.state.model_dump_json(), 0, ["baseline"])
        running = cluster.submit(cluster.nodes()[0], job, None)
        while (result := running.result()) is None:
            time.sleep(0.1)
        cluster.end("name")
    files = result.folders[next(iter(result.folders))]
    there = Record.model_validate_json(files["record.json"])
    here = run_trial(journal.state.variants["baseline"], tmp_path / "runs")
    assert there.environment.variables == here.environment.variables
    assert there.notes == here.notes
