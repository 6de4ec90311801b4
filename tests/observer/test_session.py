"""A process that waits to be ended, and ends by itself where nobody is left to end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

#: Starts a process that waits, says its number, and waits itself.
_STARTER = """
import subprocess, sys, time
code = "from workbench.observer.session import Session; print('waits', flush=True); Session('', {}).wait_for_the_end()"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.real
def test_a_script_that_has_counted_ends_with_whoever_looks_on() -> None:
    with subprocess.Popen([sys.executable, "-c", _STARTER], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        waiting = psutil.Process(int(starter.stdout.readline()))
        time.sleep(1.5)
        assert waiting.is_running()
        os.kill(starter.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs([waiting], timeout=30)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
