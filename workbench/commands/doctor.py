"""`workbench doctor`: what this machine has, what that limits, and how to get the rest."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.measure.inference.compiler import missing_compiler
from workbench.measure.trial.control_group import cores_by_quota, usable_memory
from workbench.visible import say

State = Literal["ok", "limited", "missing"]

#: Less room than this in shared memory is soon used up: a batch of 16 float32 images of 640x640 is 79 MB.
_SMALL_SHM_BYTES = 1_000_000_000
#: Several worker processes with torch in each of them hold about this much.
_SMALL_MEMORY_BYTES = 4_000_000_000
_CAP_SYS_PTRACE = 19

#: Optional packages: name on the index, what is not to be had without it.
_OPTIONAL = {
    "py-spy": "no stack samples of a running trial",
    "line_profiler": "no times per source line",
    "torch-tb-profiler": "no view of torch traces in TensorBoard",
    "nvidia-dali-cuda130": "no loader=dali",
    "spdl-core": "no loader=spdl",
    "onnxruntime": "no engine=onnx",
    "onnxscript": "no engine=onnx: models cannot be exported to ONNX",
    "torchao": "no precision=int8 with engine=compiled",
    "nvidia-ml-py": "the memory of a whole process on the GPU is not recorded",
    "playwright": "the tests that open reports in a browser are skipped",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        state: Whether it is there.
        found: What was found.
        limits: What is limited by that; empty where nothing is.
        remedy: How to get it.
    """

    name: str
    state: State
    found: str
    limits: str = ""
    remedy: str = ""


def doctor() -> None:
    """Say what this machine lacks, what that limits, how to get it.

    Example: workbench doctor
    """
    from workbench.commands.console import print_table
    from workbench.explain.table import make_table

    findings = list(examine())
    rows = [(f.name, f.state, f.found, f.limits, f.remedy) for f in findings]
    print_table(make_table(("", "state", "found", "what it limits", "how to get it"), rows))
    lacking = [finding.name for finding in findings if finding.state != "ok"]
    say(f"Everything is there ({len(findings)} checks)." if not lacking else f"Look at: {', '.join(lacking)}.")


def examine() -> Iterator[Finding]:
    """Look at everything."""
    checks: tuple[Callable[[], Finding], ...] = (
        check_python, check_torch, check_gpu, check_cores,
        check_memory, check_shared_memory, check_ptrace, check_browser, check_compiler, check_tensorrt,
    )  # fmt: skip
    for check in checks:
        yield check()
    for package, limits in _OPTIONAL.items():
        yield check_package(package, limits)


def check_python() -> Finding:
    """The interpreter."""
    return Finding("Python", "ok", f"{platform.python_version()} at {sys.executable}")


def check_torch() -> Finding:
    """PyTorch."""
    try:
        import torch
    except ImportError as error:
        return Finding("PyTorch", "missing", str(error), "no trial can run; reports can be opened", "pip install torch")
    return Finding("PyTorch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")


def check_gpu() -> Finding:
    """A CUDA device that torch can use."""
    limits = "device=auto means the replay device: what rests on it is simulated"
    try:
        import torch
    except ImportError:
        return Finding("GPU", "missing", "PyTorch is missing", limits, "Install PyTorch first")
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        memory = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free"
        return Finding("GPU", "ok", f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, {memory}")
    if torch.version.cuda is None:
        remedy = "On a machine with an NVIDIA GPU: install a CUDA build of PyTorch"
        return Finding("GPU", "missing", "this PyTorch is built without CUDA", limits, remedy)
    remedy = "On a machine with an NVIDIA GPU: check that nvidia-smi runs, and in a container that it sees the GPU"
    return Finding("GPU", "missing", f"PyTorch for CUDA {torch.version.cuda} finds no device", limits, remedy)


def check_cores() -> Finding:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    usable, all_cores = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    quota = cores_by_quota()
    found = f"{usable} of {all_cores} usable" + (f", {quota:g} by the control group's quota" if quota else "")
    if quota and quota < usable:
        limits = (
            f"of {usable} cores that are seen, processes get the time of {quota:g}, and are all stopped when it is "
            "used up: more workers, or a thread for each core, gain nothing"
        )
        remedy = "Raise the container's CPU limit, or keep num_workers and the libraries' threads below it"
        return Finding("Cores", "limited", found, limits, remedy)
    if usable < 2:
        limits = "loader workers and the main process share one core: num_workers > 0 gains nothing"
        return Finding("Cores", "limited", found, limits, "Give the process more cores")
    return Finding("Cores", "ok", found)


def check_memory() -> Finding:
    """Memory that is free."""
    memory = usable_memory()
    by_limit = ", by the control group's limit" if memory.is_limited else ""
    found = f"{memory.free / 1e9:.1f} of {memory.total / 1e9:.1f} GB free{by_limit}"
    if memory.free < _SMALL_MEMORY_BYTES:
        limits = "caches and several workers may not fit; a trial that the kernel kills leaves a failed record"
        return Finding("Memory", "limited", found, limits, "Lower num_workers, or take cache_store=shared")
    return Finding("Memory", "ok", found)


def check_shared_memory(folder: Path = Path("/dev/shm")) -> Finding:
    """Room in shared memory, through which loader workers send their batches."""
    if not folder.is_dir():
        limits = "loader workers and cache_store=shared need it; num_workers=0 does without"
        return Finding("Shared memory", "missing", f"there is no {folder}", limits, f"Mount a tmpfs at {folder}")
    usage = shutil.disk_usage(folder)
    found = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free at {folder}"
    if usage.free < _SMALL_SHM_BYTES:
        limits = "workers die with a bus error when it is full"
        remedy = "docker run --shm-size=8g (or --ipc=host); until then a small batch_size and prefetch_factor"
        return Finding("Shared memory", "limited", found, limits, remedy)
    return Finding("Shared memory", "ok", found)


def check_ptrace(
    scope_file: Path = Path("/proc/sys/kernel/yama/ptrace_scope"), status_file: Path = Path("/proc/self/status")
) -> Finding:
    """Whether py-spy may look into a running process."""
    status = status_file.read_text(encoding="utf-8").splitlines()
    effective = next((line.split()[1] for line in status if line.startswith("CapEff:")), "0")
    if int(effective, 16) >> _CAP_SYS_PTRACE & 1:
        return Finding("ptrace", "ok", "this process may look into others (CAP_SYS_PTRACE)")
    scope = int(scope_file.read_text(encoding="ascii")) if scope_file.is_file() else 0
    if scope == 0:
        return Finding("ptrace", "ok", "processes of the same user may be looked into")
    limits = {
        1: "py-spy can sample only what it has started itself",
        2: "py-spy can sample nothing without root",
    }.get(scope, "py-spy can sample nothing, and no setting changes that until a restart")
    remedy = "sudo sysctl kernel.yama.ptrace_scope=0; in a container: docker run --cap-add=SYS_PTRACE"
    return Finding("ptrace", "limited", f"ptrace_scope is {scope}", limits, remedy)


def check_browser() -> Finding:
    """A Chromium, which the tests of the reports use."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, (shutil.which(name) for name in names)), None)
    if path is None:
        limits = "the tests that open reports in a browser are skipped; reports open in any browser"
        return Finding("Chromium", "missing", "none on the PATH", limits, "apt-get install chromium")
    return Finding("Chromium", "ok", path)


def check_compiler() -> Finding:
    """A compiler of C++, which torch.compile and AOTInductor call on the CPU."""
    found = [problem.what for problem in missing_compiler("compiled")]
    if found:
        limits = "no engine=compiled, no engine=aoti; engine=onnx does without"
        return Finding("C++ compiler", "missing", found[0], limits, "apt-get install g++")
    return Finding("C++ compiler", "ok", os.environ.get("CXX", "on the PATH"))


def check_tensorrt() -> Finding:
    """TensorRT, whose engine has never been run by this project."""
    if importlib.util.find_spec("tensorrt") is None:
        limits = "no engine=tensorrt (which this project has never run on a GPU: it is tested against a stand-in)"
        remedy = "pip install tensorrt, which fetches its libraries from NVIDIA; engine=compiled does without"
        return Finding("TensorRT", "missing", "not installed", limits, remedy)
    limits = "engine=tensorrt has never been run on a GPU by this project: it is tested against a stand-in"
    return Finding("TensorRT", "limited", "installed", limits, "Compare its results before you trust its figures")


def check_package(name: str, limits: str) -> Finding:
    """An optional package."""
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", "not installed", limits, f"pip install {name}")
