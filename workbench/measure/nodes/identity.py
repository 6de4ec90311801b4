"""What a node is: its machine, the code that it runs, the data that it has. Nodes that differ are not compared."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.nodes.fingerprint import Fingerprint, data_of, unreadable
from workbench.measure.trial.control_group import cores_by_quota
from workbench.measure.trial.environment import commit, cpu_name
from workbench.records import ComparisonState, Node
from workbench.units import counted, format_bytes
from workbench.versions import package_of

#: Packages without which no trial runs, or whose version changes how fast one is.
_MODULES = ("torch", "torchvision", "numpy", "cv2", "albumentations", "webdataset", "PIL", "onnxruntime", "distributed")

_PACKAGE = Path(__file__).resolve().parents[2]

_SAME_CODE = "Install the same revision there"
_REMEDIES = {
    "machine": "Leave the node out, and run workbench on a machine like the nodes (in a job on one of them)",
    "code": f"{_SAME_CODE}, with what constraints.txt pins, and start its worker anew",
    "data": "Copy the data set there anew, to the same path",
}


class Identity(BaseModel):
    """What a node is, by name of what is looked at.

    Attributes:
        host: Name of the machine.
        machine: Processor, cores, quota, GPUs and their driver.
        code: Revision and digest of the workbench, of workloads of one's own, versions of packages.
        data: Fingerprints of the data sets.
        problems: What could not be looked at, and why.
    """

    model_config = ConfigDict(extra="forbid")

    host: str
    machine: dict[str, str]
    code: dict[str, str] = {}
    data: dict[str, Fingerprint] = {}
    problems: list[str] = []


def identify(state: str) -> str:
    """The identity of this machine, as JSON: what is run on every node, and by whoever begins the comparison.

    Args:
        state: The comparison, as JSON; what it compares is looked for here.
    """
    found = Identity(host=socket.gethostname(), machine=_machine(), code=_code())
    try:
        comparison = ComparisonState.model_validate_json(state)
    except (BadInput, ValueError) as error:
        why = str(error).splitlines()[0]
        return found.model_copy(update={"problems": [f"cannot read what is compared: {why}"]}).model_dump_json()
    code, data, problems = dict(found.code), {}, []
    for knobs in comparison.variants.values():
        code |= _code_of(knobs)
    for name, program in comparison.programs.items():
        gone = [path for path in (program.python, program.source) if path and not Path(path).exists()]
        problems += [
            f"'{name}' is measured with {path}, which isn't there (it needs the same path there)" for path in gone
        ]
    try:
        data = data_of(list(comparison.variants.values()))
    except (OSError, BadInput) as error:
        problems.append(f"its data set cannot be read: {unreadable(error)}")
    return found.model_copy(update={"code": code, "data": data, "problems": problems}).model_dump_json()


def differences(own: Identity, nodes: Mapping[str, Identity]) -> list[Problem]:
    """What differs between this machine and nodes: a problem for each part of each node, with what to do.

    Args:
        own: Of whoever begins the comparison.
        nodes: By name.
    """
    problems = [Problem(what, "this machine", _REMEDIES["data"]) for what in own.problems]
    for name, other in nodes.items():
        where = f"node '{name}'"
        problems += [Problem(what, where, f"{_SAME_CODE}, and the same data") for what in other.problems]
        if other.problems:
            continue
        for part in ("machine", "code"):
            mine, its = getattr(own, part), getattr(other, part)
            what = [
                f"{key} is {its.get(key, 'not there')} (here {mine.get(key, 'not there')})"
                for key in dict.fromkeys([*mine, *its])
                if its.get(key) != mine.get(key)
            ]
            if what:
                problems.append(Problem(f"its {part} differs: {'; '.join(what)}", where, _REMEDIES[part]))
        for path in dict.fromkeys([*own.data, *other.data]):
            if own.data.get(path) != other.data.get(path):
                what_data = f"its data set '{path}' differs: {_files(other.data.get(path))} (here "
                what_data += f"{_files(own.data.get(path))})"
                problems.append(Problem(what_data, where, _REMEDIES["data"]))
    return problems


def notes_of(own: Identity, nodes: Mapping[str, Node]) -> list[str]:
    """What a reader should know of how nodes were compared: sentences."""
    listed = ", ".join(dict.fromkeys(nodes))
    notes = [f"Blocks were to run on {counted(len(nodes), 'node')} ({listed}), each block on one of them."]
    if not own.data:
        notes.append(
            "Which files its trials read is not known, so that nodes were compared by machine and code only: whether "
            "they have the same data is for you to see to."
        )
    for path, found in own.data.items():
        if found.num_read < found.num_files:
            notes.append(
                f"Of '{path}', names and sizes of all files were compared, and the content of {found.num_read}."
            )
    hosts = [node.host for node in nodes.values()]
    if shared := sorted({host for host in hosts if hosts.count(host) > 1}):
        notes.append(
            f"Several nodes are on one machine ({', '.join(shared)}): their trials run beside each other, and "
            "disturb each other."
        )
    return notes


def _files(found: Fingerprint | None) -> str:
    if found is None or not found.num_files:
        return "no files"
    return f"{counted(found.num_files, 'file')}, {format_bytes(found.num_bytes)}, digest {found.digest}"


def _machine() -> dict[str, str]:
    quota = cores_by_quota()
    driver = Path("/proc/driver/nvidia/version")
    return {
        "processor": cpu_name(),
        "number of cores": str(len(os.sched_getaffinity(0))),
        "quota of cores": "none" if quota is None else f"{quota:g}",
        "system": f"{platform.system()} {platform.machine()}",
        "GPUs": ", ".join(_gpus()) or "none",
        "driver": driver.read_text(encoding="utf-8").splitlines()[0] if driver.is_file() else "none",
    }


def _gpus() -> list[str]:
    """Models of the GPUs, without torch."""
    files = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model")]


def _code() -> dict[str, str]:
    packages = {module: package_of(module) for module in _MODULES}
    versions = {module: package.version for module, package in packages.items() if package is not None}
    return {
        "Python": platform.python_version(),
        "revision of workbench": commit() or "not known",
        "digest of workbench": _digest(sorted(_PACKAGE.rglob("*.py")), _PACKAGE),
        **versions,
    }


def _code_of(knobs: Knobs) -> dict[str, str]:
    """The digest of the module of a workload of one's own."""
    module, colon, _ = knobs.workload.partition(":")
    spec = importlib.util.find_spec(module) if colon else None
    if spec is None or spec.origin is None:
        return {}
    path = Path(spec.origin)
    return {f"digest of {module}": _digest([path], path.parent)} if path.is_file() else {}


def _digest(files: list[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
