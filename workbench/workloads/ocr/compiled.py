"""Code that numba compiles and keeps beside its source, compiled ahead: it takes longer than all the rest of a start.

``python -m workbench.workloads.ocr.compiled`` compiles what is not compiled yet. A trial that finds nothing compiled
has it done by such a process before its start-up is counted. numba believes what it finds, and a damaged file ends the
process that loads it: so the digests of all files are kept, and a file that has another one is removed before that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.errors import CannotWrite
from workbench.files import COMPILED, cache_dir, child_environment
from workbench.records.run_folder import write_text

_PACKAGE = "workbench.workloads.ocr"
_MODULE = f"{_PACKAGE}.compiled"

#: The variable that says where numba keeps what it has compiled, where that is not beside the sources.
_FOLDER = "NUMBA_CACHE_DIR"

#: The sources, in this folder. Some are compiled as they are imported, some with the first call.
_SOURCES = ("quads.py", "fast_targets.py", "detector/overlap.py")


def compile_ahead() -> None:
    """Compile what isn't compiled yet, in a process of its own. Where that fails, a trial does so as it goes along."""
    digests = _read(_stamp())
    damaged = [path for path, digest in (digests or {}).items() if _digest(path) != digest]
    _remove(damaged)
    if (damaged or digests is None) and not _compile():
        _remove(_likely_files())  # there is no digest of them: they may be damaged as well
        _compile()


def main() -> None:
    """Compile it here, and leave a stamp that says so, where that can be written."""
    from workbench.workloads.ocr import fast_targets  # noqa: F401  (compiled as it is imported)
    from workbench.workloads.ocr.detector.metric import load_compiled

    load_compiled()
    kept = [value for module in _modules() for value in vars(module).values() if _is_kept(value)]
    folders = {Path(value.stats.cache_path) for value in kept}
    digests = {str(path): _digest(path) for path in _files_in(folders)}
    with contextlib.suppress(CannotWrite, OSError):  # it is compiled all the same
        write_text(_stamp(), json.dumps(digests, indent=1))


def _compile() -> bool:
    """Compile in a process of its own; whether that went well."""
    command, quiet = [sys.executable, "-m", _MODULE], subprocess.DEVNULL
    done = subprocess.run(command, env=child_environment(), stdin=quiet, stdout=quiet, stderr=quiet, check=False)
    return done.returncode == 0


def _modules() -> list[ModuleType]:
    """The modules of the sources, as far as they are loaded."""
    names = (source.removesuffix(".py").replace("/", ".") for source in _SOURCES)
    found = [sys.modules.get(f"{_PACKAGE}.{name}") for name in names]
    return [module for module in found if module is not None]


def _is_kept(value: Any) -> bool:
    """Whether this is a function of which numba keeps what it has compiled."""
    return hasattr(value, "py_func") and bool(getattr(getattr(value, "stats", None), "cache_path", None))


def _files_in(folders: Iterable[Path]) -> list[Path]:
    """What numba keeps of the sources in some folders: an index of each function, and machine code."""
    stems = [Path(source).stem for source in _SOURCES]
    return sorted(path for folder in folders for stem in stems for path in folder.glob(f"{stem}.*.nb[ic]"))


def _likely_files() -> list[Path]:
    """Those in the folders where numba keeps them if it may: beside the sources, or where the user says."""
    folders = {(Path(__file__).parent / source).parent / "__pycache__" for source in _SOURCES}
    if named := os.environ.get(_FOLDER):
        folders |= {path for path in Path(named).glob("*") if path.is_dir()}
    return _files_in(folders)


def _remove(paths: Iterable[str | Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink()


def _digest(path: str | Path) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def _read(stamp: Path) -> dict[str, str] | None:
    """The digests by file that a stamp holds; None where it isn't there, or of no use."""
    try:
        digests = json.loads(stamp.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return digests if isinstance(digests, dict) else None


def _stamp() -> Path:
    """The file that says what the sources, as they are, have been compiled to by this Python with this numba."""
    digest = hashlib.sha256(f"{sys.version} numba {version('numba')} {os.environ.get(_FOLDER, '')}".encode())
    for source in _SOURCES:
        path = Path(__file__).parent / source
        state = path.stat()
        digest.update(f"{path} {state.st_mtime_ns} {state.st_size}".encode())  # as numba's own index has it
    return cache_dir() / COMPILED / digest.hexdigest()[:32]


if __name__ == "__main__":
    main()
