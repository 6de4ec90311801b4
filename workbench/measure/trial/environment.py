"""The machine and the software that a trial's figures belong to."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import psutil

from workbench.records import Environment
from workbench.versions import package_of

#: What is measured, or does the measuring.
_MODULES = (
    "workbench", "torch", "torchvision", "timm", "albumentations", "albucore", "cv2", "PIL", "numpy", "pyclipper",
    "shapely", "numba", "simplejpeg", "webdataset", "nvidia.dali",
)  # fmt: skip


def describe_environment() -> Environment:
    """The environment of this process. Imports torch."""
    import torch

    has_cuda = torch.cuda.is_available()
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        torch=torch.__version__,
        cuda=torch.version.cuda if has_cuda else None,
        gpu=torch.cuda.get_device_name() if has_cuda else None,
        packages=_versions(),
        git=_commit(),
    )


def _versions() -> dict[str, str]:
    packages = (package_of(module) for module in _MODULES)
    return {package.name: package.version for package in packages if package is not None}


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str | None:
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    commands = (["git", "rev-parse", "--short", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"])
    try:
        commit, changes = (
            subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
            for command in commands
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}+" if changes else commit
