"""A scheduler or a worker of Dask on a leash: ``python -m workbench.measure.nodes.process worker ARGUMENTS``.

Its standard input is the leash: when it closes, whoever has started the process is gone, and the process ends; the
trials that it has started end by their own leash. The rest is Dask's own command, with the settings that measuring
takes.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

#: What Dask would do beside or behind a measurement, and what it is set to instead, by the path of the setting.
SETTINGS: dict[str, object] = {
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.admin.system-monitor.gil.enabled": False,
}

#: A process that has not ended by then is ended hard.
_GRACE_S = 1.0


def main() -> None:
    """Run Dask's command until it ends, or the leash is let go."""
    import dask

    dask.config.set(SETTINGS)
    threading.Thread(target=_hold_leash, name="leash", daemon=True).start()
    kind, *arguments = sys.argv[1:]
    sys.argv = [f"dask {kind}", *arguments]
    if kind == "scheduler":
        from distributed.cli.dask_scheduler import main as command
    else:
        from distributed.cli.dask_worker import main as command
    command()


def _hold_leash() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
