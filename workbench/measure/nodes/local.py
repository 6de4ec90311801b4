"""A cluster on this machine: a scheduler and some workers, which end with whoever has started them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from workbench.errors import WorkbenchError
from workbench.files import child_environment
from workbench.measure.nodes.block import leave_out_dasks_variables

_MODULE = "workbench.measure.nodes.process"

_SCHEDULER = ("scheduler", "--host", "tcp://127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")
_WORKER = (
    "--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--no-dashboard", "--host", "127.0.0.1",
    "--death-timeout", "60",
)  # fmt: skip

#: A scheduler or a worker that isn't there by then won't come: imports take a second or two, more on a busy machine.
_START_S = 90.0
_END_S = 10.0
_POLL_S = 0.05


@contextlib.contextmanager
def local_cluster(num_nodes: int) -> Iterator[tuple[str, list[int]]]:
    """Processes on this machine that run blocks, as long as the ``with`` block lasts.

    They are in sessions of their own, so that Ctrl-C reaches whoever has started them, and nobody else.

    Args:
        num_nodes: How many.

    Yields:
        The address of their scheduler, and the process ids of the workers.

    Raises:
        WorkbenchError: Where they don't start.
    """
    processes: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory(prefix="workbench-cluster-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        try:
            with (folder / "stderr.txt").open("wb") as stderr:
                processes.append(_start((*_SCHEDULER, "--scheduler-file", str(folder / "scheduler.json")), stderr))
                url = _address(folder, processes[0])
                for number in range(num_nodes):
                    own = ("--name", f"local-{number + 1}", "--local-directory", scratch)
                    processes.append(_start(("worker", url, *_WORKER, *own), stderr))
            yield url, [process.pid for process in processes[1:]]
        finally:
            for process in processes:
                assert process.stdin is not None
                with contextlib.suppress(OSError):
                    process.stdin.close()
            _end(processes)


def _start(arguments: Sequence[str], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a process of Dask, in the environment of this one without what an earlier Dask has put there."""
    environment = child_environment()
    leave_out_dasks_variables(environment)
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE, *arguments],
        stdin=subprocess.PIPE,  # the leash
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
        env=environment,
    )


def _address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    until_s = time.monotonic() + _START_S
    while time.monotonic() < until_s and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads((folder / "scheduler.json").read_text(encoding="utf-8"))["address"])
        time.sleep(_POLL_S)
    said = (folder / "stderr.txt").read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
    raise WorkbenchError(f"Dask's scheduler has not started on this machine: {' '.join(said) or 'it said nothing'}")


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait until all have ended; end those that don't."""
    until_s = time.monotonic() + _END_S
    for process in processes:
        try:
            process.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
