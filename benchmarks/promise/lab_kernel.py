"""A JupyterLab server with a kernel in which the panel is open, and no browser: cells are run as a notebook's are."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from promise.lab_server import lab_server

_CELL_S = 300.0


class LabKernel:
    """The kernel.

    Attributes:
        pid: Number of its process.
    """

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client
        self.pid = int(self.run("import os; print(os.getpid())"))

    def run(self, code: str) -> str:
        """What a cell prints.

        Raises:
            RuntimeError: Where it fails.
        """
        printed: list[str] = []

        def keep(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        answer = self._client.execute_interactive(code, timeout=_CELL_S, output_hook=keep, store_history=False)
        if answer["content"]["status"] != "ok":
            raise RuntimeError("\n".join(answer["content"].get("traceback", [str(answer["content"])])))
        return "".join(printed)


@contextmanager
def lab_kernel(folder: Path) -> Iterator[LabKernel]:
    """A server and a kernel as long as the block lasts.

    Args:
        folder: For the server's own files; new.
    """
    (folder / "notebooks").mkdir(parents=True)
    with lab_server(folder / "server", folder / "notebooks") as address:
        name = _start_kernel(address)
        client = BlockingKernelClient(connection_file=str(_written(folder / "server" / "runtime", name)))
        client.load_connection_file()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            yield LabKernel(client)
        finally:
            client.stop_channels()


def _start_kernel(address: str) -> str:
    """Ask the server for a kernel, as its page does; gives its name."""
    cookies = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    opener.open(f"{address}/lab", timeout=60).read()
    token = next(cookie.value for cookie in cookies if cookie.name == "_xsrf")
    headers = {"Content-Type": "application/json", "X-XSRFToken": str(token)}
    request = urllib.request.Request(f"{address}/api/kernels", b'{"name": "python3"}', headers)
    return str(json.loads(opener.open(request, timeout=60).read())["id"])


def _written(folder: Path, name: str) -> Path:
    path = folder / f"kernel-{name}.json"
    until = time.monotonic() + 60.0
    while not (path.is_file() and path.stat().st_size):
        if time.monotonic() > until:
            raise RuntimeError("the kernel did not come up")
        time.sleep(0.1)
    return path
