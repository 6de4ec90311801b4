"""The machine and the software that a trial's figures belong to."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench.files import checkout_dir
from workbench.measure.trial.control_group import cores_by_quota, usable_memory
from workbench.measure.trial.variables import deciding_variables
from workbench.records import Environment
from workbench.versions import package_of

#: What every trial rests on; a workload names what else it uses (`workload.UsesModules`).
_MODULES = ("workbench", "torch", "torchvision", "numpy", "webdataset", "nvidia.dali")


def describe_environment(modules: Sequence[str] = ()) -> Environment:
    """The environment of this process. Imports torch.

    Args:
        modules: Further modules whose versions belong to the figures.
    """
    import torch

    has_cuda = torch.cuda.is_available()
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        quota=cores_by_quota(),
        memory_bytes=usable_memory().total,
        torch=torch.__version__,
        cuda=torch.version.cuda if has_cuda else None,
        gpu=torch.cuda.get_device_name() if has_cuda else None,
        packages=_versions(dict.fromkeys([*_MODULES, *modules])),
        variables=deciding_variables(os.environ),
        git=commit(),
    )


def _versions(modules: Iterable[str]) -> dict[str, str]:
    packages = (package_of(module) for module in modules)
    return {package.name: package.version for package in packages if package is not None}


def cpu_name() -> str:
    """What the processor calls itself."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str | None:
    """Commit of the checkout, with '+' where the tree was changed; None where there is none."""
    checkout = checkout_dir()
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
