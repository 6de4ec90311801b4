"""Code that numba compiles and keeps beside its source, compiled ahead: it takes longer than all the rest of a start.

``python -m workbench.workloads.ocr.compiled`` compiles what is not compiled yet. A trial that finds nothing compiled
has it done by such a process before its start-up is counted.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from workbench.files import COMPILED, cache_dir, child_environment

_MODULE = "workbench.workloads.ocr.compiled"

#: The sources, in this folder. Some are compiled as they are imported, some with the first call.
_SOURCES = ("quads.py", "fast_targets.py", "detector/overlap.py")


def compile_ahead() -> None:
    """Compile what isn't compiled yet, in a process of its own. Where that fails, a trial does so as it goes along."""
    if not _stamp().exists():
        command, quiet = [sys.executable, "-m", _MODULE], subprocess.DEVNULL
        subprocess.run(command, env=child_environment(), stdin=quiet, stdout=quiet, stderr=quiet, check=False)


def main() -> None:
    """Compile it here, and leave a stamp that says so."""
    from workbench.workloads.ocr import fast_targets  # noqa: F401  (compiled as it is imported)
    from workbench.workloads.ocr.detector.metric import load_compiled

    load_compiled()
    stamp = _stamp()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()


def _stamp() -> Path:
    """The file that says that the sources, as they are, have been compiled by this Python with this numba."""
    digest = hashlib.sha256(f"{sys.version} numba {version('numba')}".encode())
    for source in _SOURCES:
        path = Path(__file__).parent / source
        state = path.stat()
        digest.update(f"{path} {state.st_mtime_ns} {state.st_size}".encode())  # as numba's own index has it
    return cache_dir() / COMPILED / digest.hexdigest()[:32]


if __name__ == "__main__":
    main()
