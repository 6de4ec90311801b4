"""A process that has imported what trials import, from which trials are forked: they begin in a moment.

It is started once a comparison. A trial that is forked from it spares the imports, and nothing else: data set, cache,
workers and warm-up are its own. What its start-up takes, and what memory it shares with the template, says nothing of a
trial by itself: the record says that it was forked, and such figures come from trials that were not.

Protocol, over a socket: JSON lines. The template says `ready`; then for each request (folder, variables, and the three
standard streams as descriptors) `began` with a process number, and later `ended` with its exit code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from workbench.files import child_environment
from workbench.measure.trial.variables import without_deciding
from workbench.observer import clock

_MODULE = "workbench.measure.trial.template"

#: In a run folder: the names of the modules that a trial had imported at its end, one a line.
MODULES = "modules.txt"

_NO_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h


class Template:
    """Starts the process; trials are forked from it.

    Args:
        modules: Names of what is to be imported; what cannot be is left out.

    Attributes:
        cpu_s: Seconds on cores that it and those of its trials that have ended have taken.
    """

    def __init__(self, modules: Iterable[str]) -> None:
        own, other = socket.socketpair()
        given, _ = without_deciding(child_environment({clock.VARIABLE: os.devnull}))
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(other.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a trial of its own has said what imports have to say
                pass_fds=[other.fileno()],
                env=given,
                start_new_session=True,
            )
        self._socket = own
        self._answers = own.makefile("r", encoding="utf-8")
        self._began: list[int] = []
        self._trials: dict[int, Forked] = {}
        assert self._process.stdin is not None
        self._process.stdin.write("\n".join(modules).encode())
        self._process.stdin.close()
        ready = self._answers.readline()  # nobody measures meanwhile
        self._is_ready = bool(ready)
        self.cpu_s: float = json.loads(ready)["cpu_s"] if ready else 0.0
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen, name="template", daemon=True)
        self._listener.start()

    @property
    def is_alive(self) -> bool:
        """Whether trials can be forked from it."""
        return self._is_ready and self._process.poll() is None

    def fork(self, arguments: list[str], environment: dict[str, str], stderr: IO[Any]) -> Forked:
        """A trial in a process of its own, which leads a session.

        Args:
            arguments: Of `trial.worker`.
            environment: All of its variables.
            stderr: Where its standard error goes.

        Raises:
            OSError: Where the template is gone.
        """
        inputs, outputs = os.pipe(), os.pipe()
        request = json.dumps({"arguments": arguments, "environment": environment}).encode()
        with self._changed:
            try:
                head = len(request).to_bytes(8, "big")
                socket.send_fds(self._socket, [head], [inputs[0], outputs[1], stderr.fileno()])
                self._socket.sendall(request)
            finally:
                os.close(inputs[0])
                os.close(outputs[1])
            if not self._changed.wait_for(lambda: self._began or not self._is_ready, timeout=60.0) or not self._began:
                raise OSError("the template of the trials is gone")
            forked = Forked(self._began.pop(), os.fdopen(inputs[1], "w"), os.fdopen(outputs[0], "r"), self._changed)
            self._trials[forked.pid] = forked
        return forked

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._listener.join()  # which ends with it
        self._answers.close()
        self._socket.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._answers:
                answer = json.loads(line)
                with self._changed:
                    self.cpu_s = answer.get("cpu_s", self.cpu_s)
                    if "began" in answer:
                        self._began.append(answer["began"])
                    elif answer["ended"] in self._trials:
                        self._trials.pop(answer["ended"]).returncode = answer["code"]
                    self._changed.notify_all()
        with self._changed:
            self._is_ready = False
            for trial in self._trials.values():
                trial.returncode = -signal.SIGKILL
            self._changed.notify_all()


class Forked:
    """A trial's process, as `subprocess.Popen` would give it.

    Attributes:
        pid: Its number.
        stdin: Its leash.
        stdout: Its events.
        returncode: None as long as it lives.
    """

    def __init__(self, pid: int, stdin: IO[str], stdout: IO[str], changed: threading.Condition) -> None:
        self.pid = pid
        self.stdin: IO[str] | None = stdin
        self.stdout: IO[str] | None = stdout
        self.returncode: int | None = None
        self._changed = changed

    def poll(self) -> int | None:
        """The exit code; None as long as it lives."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: Where it has not ended in time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.returncode is not None, timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("trial", timeout or 0.0)
        return self.returncode


def template_of(folders: Iterable[Path]) -> Template | None:
    """A template with all that some trials had imported; None where they have not left that, or it does not start."""
    names: dict[str, None] = {}
    for folder in folders:
        with contextlib.suppress(OSError):
            names |= dict.fromkeys((folder / MODULES).read_text(encoding="utf-8").split())
    if not names:
        return None
    template = Template(names)
    if template.is_alive:
        return template
    template.close()
    return None


def leave_modules(folder: Path) -> None:
    """Write down, in a run folder, what this process has imported."""
    with contextlib.suppress(OSError):
        (folder / MODULES).write_text("\n".join(list(sys.modules)), encoding="utf-8")


def main() -> None:
    """The template's own process."""
    answers = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.stdin.read().split():
        if name != "__main__" and not name.startswith("__mp_"):
            with contextlib.suppress(Exception, SystemExit):
                importlib.import_module(name)
    from workbench.measure.trial import worker

    gc.collect()
    gc.freeze()  # what is here already is no garbage of any trial's
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    _answer(answers, ready=os.getpid(), cpu_s=_cpu_s())
    while True:
        readable, _, _ = select.select([answers.fileno(), woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            _bury(answers)
        if answers.fileno() in readable:
            head, streams, _, _ = socket.recv_fds(answers, 8, 3)
            if not head:
                return
            request = json.loads(_exactly(answers, int.from_bytes(head, "big")))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answers.close()
                os.close(woken)
                os.close(wake)
                _be_trial(request, streams, worker)
            for stream in streams:
                os.close(stream)
            _answer(answers, began=pid)


def _exactly(source: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = source.recv(size - len(found))
        if not piece:
            raise EOFError("the request ends too soon")
        found += piece
    return bytes(found)


def _be_trial(request: dict[str, Any], streams: list[int], worker: Any) -> None:
    """Become a trial; does not return."""
    code = _NO_EXIT_CODE
    try:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(request["environment"])
        clock.begin_anew()
        sys.argv = [_MODULE, *request["arguments"]]
        code = worker.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else _NO_EXIT_CODE
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        worker.leave(code)


def _bury(answers: socket.socket) -> None:
    """Say which trials have ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _answer(answers, ended=pid, code=os.waitstatus_to_exitcode(status), cpu_s=_cpu_s())


def _cpu_s() -> float:
    """Seconds on cores of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _answer(answers: socket.socket, **values: Any) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more, which is seen at the next request
        answers.sendall(json.dumps(values).encode() + b"\n")


if __name__ == "__main__":
    main()
