"""Engines on disk: a folder for everything that decides what is built, complete or not there."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from pydantic import BaseModel, Field

from workbench.files import ENGINES, cache_dir
from workbench.measure.inference.engine import Built, Engine, Order
from workbench.measure.trial.environment import cpu_name
from workbench.versions import package_of

#: Written last: its presence says that the folder is complete.
_LABEL = "engine.json"

#: Letters of a folder's name: enough that no two orders share it.
_LETTERS = 24


#: Suffixes of what compilers write again as they go along: locks, and what they have tried out so far.
_REWRITTEN = (".lock", ".best_config")


class Label(BaseModel):
    """What lies in a folder beside the engine's files.

    Attributes:
        order: What it was built of, part by part.
        build_s: Seconds that it took, with the first run of each size.
        files: SHA-256 by name, a path inside the folder, of the files that do not change.
        facts: See `engine.Built`.
        notes: Likewise.
    """

    order: dict[str, str]
    build_s: float
    files: dict[str, str] = Field(default_factory=dict)
    facts: dict[str, int] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)


class KeptEngine:
    """The folder of one order.

    Args:
        order: What is to be built.
        engine: By what.
        root: Folder of all engines; None: in the user's cache folder.

    Attributes:
        folder: Where its files lie.
    """

    def __init__(self, order: Order, engine: Engine, root: Path | None = None) -> None:
        self._parts = dict(_parts(order, engine))
        key = hashlib.sha256(json.dumps(self._parts, sort_keys=True).encode()).hexdigest()[:_LETTERS]
        self.folder = (root or cache_dir() / ENGINES) / f"{order.knobs.engine}-{key}"

    def read(self) -> tuple[Label | None, str]:
        """The label of a folder that is complete and unchanged; else None, and why it is of no use, if it is there."""
        path = self.folder / _LABEL
        if not self.folder.exists():
            return None, ""
        try:
            label = Label.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None, "was not finished"
        except (OSError, ValueError):  # a folder in its place, bytes that are no text, other fields
            return None, "has a damaged label"
        if label.order != self._parts:
            return None, "was built of something else"
        changed = [name for name, digest in label.files.items() if _digest(self.folder / name) != digest]
        return (None, f"has changed since ({', '.join(changed)})") if changed else (label, "")

    def clear(self) -> Path:
        """An empty folder."""
        self.remove()
        self.folder.mkdir(parents=True)
        return self.folder

    def remove(self) -> None:
        """No folder: nothing half-built stays, nor what lies in its place."""
        if self.folder.is_symlink() or self.folder.is_file():
            self.folder.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self, build_s: float, built: Built) -> Label:
        """Say that the folder is complete. Folders inside it are caches of compilers, which may add files later."""
        files = {str(path.relative_to(self.folder)): _digest(path) for path in _lasting(self.folder)}
        facts, notes = dict(built.facts), list(built.notes)
        label = Label(order=self._parts, build_s=build_s, files=files, facts=facts, notes=notes)
        partial = self.folder / f"{_LABEL}.partial"
        partial.write_text(label.model_dump_json(indent=1), encoding="utf-8")
        partial.replace(self.folder / _LABEL)
        return label

    def num_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def _parts(order: Order, engine: Engine) -> Iterator[tuple[str, str]]:
    """Everything that decides what is built."""
    model, knobs = order.model, order.knobs
    yield "engine", knobs.engine
    yield "precision", knobs.precision
    yield "module", _module_digest(model.module)
    yield "input", f"{tuple(model.example.shape[1:])} {model.example.dtype} {_layout(model.example)}"
    yield "batch sizes", ", ".join(map(str, order.batch_sizes))
    if knobs.precision == "int8":
        yield "calibrated on", model.calibrated_on
    yield "python", ".".join(map(str, sys.version_info[:2]))
    for name in engine.packages:
        package = package_of(name)
        yield name, package.version if package else "missing"
    yield "processor", f"{platform.machine()} {cpu_name()} {torch.backends.cpu.get_cpu_capability()}"
    if order.device.type == "cuda":
        yield "gpu", f"{torch.cuda.get_device_name()} {torch.cuda.get_device_capability()} CUDA {torch.version.cuda}"


def _module_digest(module: torch.nn.Module) -> str:
    """A digest of a module's structure, of its classes' source, and of all weights and buffers."""
    digest = hashlib.sha256(repr(module).encode())
    for kind in sorted({type(part) for part in module.modules()}, key=lambda kind: kind.__qualname__):
        digest.update(f"{kind.__module__}.{kind.__qualname__}".encode())
        if not kind.__module__.startswith("torch."):
            try:
                digest.update(inspect.getsource(kind).encode())
            except (OSError, TypeError):  # a class of a notebook, or of no file
                continue
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _lasting(folder: Path) -> list[Path]:
    """The files below a folder that nobody changes once they are written: what compilers look up by its content."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in _REWRITTEN)


def _layout(example: torch.Tensor) -> str:
    is_last = example.ndim == 4 and example.is_contiguous(memory_format=torch.channels_last)
    return "channels last" if is_last else "contiguous"


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
