"""A JupyterLab server with folders of its own, that reaches no network and changes no user's settings."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STARTS_WITHIN_S = 60.0

#: News and updates would be fetched, and shown over what is tested.
_QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}

#: Whether the kernel of the notebook in front is there and idle. (The indicator says idle before there is a kernel.)
KERNEL_IS_IDLE = (
    "() => { const k = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel;"
    " return k && k.connectionStatus === 'connected' && k.status === 'idle'; }"
)

#: Runs all cells, and gives up after a minute: a dialog would else keep the promise open for ever.
RUN_ALL = (
    "() => Promise.race([window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => 'done'),"
    " new Promise((_, no) => setTimeout(() => no(new Error('run all: no end')), 60000))])"
)


@contextmanager
def lab_server(folder: Path, root: Path, *, app: str = "jupyterlab") -> Iterator[str]:
    """A server as long as the block lasts; gives its address.

    Args:
        folder: For its settings; empty.
        root: Folder of the notebooks.
        app: The module to start: `jupyterlab`, or `notebook` for the classic one.
    """
    port = _free_port()
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(_QUIET))
    own = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
    }  # fmt: skip
    command = [
        sys.executable, "-m", app, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=",
        f"--ServerApp.root_dir={root}", "--expose-app-in-browser", "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    environment = {**os.environ, **{name: str(folder / where) for name, where in own.items()}}
    with (folder / "server.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", process, folder / "server.txt")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(address, timeout=1).read()  # of this machine  # nosec B310
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    process.terminate()
    raise RuntimeError(f"the server did not come up: {log.read_text()[-2000:]}")
