"""What a control group allows, as a container's limits do: core time and memory, which no count of the machine's shows.

The kernel lets the processes of a group run until the time of a period (mostly 100 ms) is used up, and stops them all
until the next one. In a group that asks for more memory than its limit it kills a process. Source:
Documentation/admin-guide/cgroup-v2.rst (`cpu.max`, `cpu.stat`, `memory.max`) and, for version 1,
Documentation/scheduler/sched-bwc.rst and Documentation/admin-guide/cgroup-v1/memory.rst of Linux.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from workbench.units import NS_PER_S

#: Where control groups are by default, and which ones this process is in.
_ROOT, _MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")

#: Where groups of version 2 are, and those of version 1 by what they share out.
_MOUNTS_2 = ("", "unified")
_MOUNTS_1 = {"cpu": ("cpu", "cpu,cpuacct"), "memory": ("memory",)}

#: Limit, use, and the line of `memory.stat` that tells how much of it the kernel can take back: version 2, version 1.
_MEMORY = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


@dataclass(frozen=True)
class Stopped:
    """How often processes were stopped because their quota was used up, since the group was made.

    Attributes:
        periods: Periods in which a process of the group ran.
        used_up: Those of them in which the quota was used up.
        stopped_s: Seconds for which the group was kept from a core, summed over the cores.
    """

    periods: int
    used_up: int
    stopped_s: float


@dataclass(frozen=True)
class Quota:
    """The tightest quota of the groups that a process is in.

    Attributes:
        cores: Seconds of core time that it allows in each second.
        group: The folder of the group that has it.
    """

    cores: float
    group: Path

    def stopped(self) -> Stopped:
        """What it has done so far; nothing where the kernel does not tell."""
        try:
            lines = (self.group / "cpu.stat").read_text(encoding="ascii").splitlines()
        except OSError:
            return Stopped(0, 0, 0.0)
        told = {name: int(value) for name, value in (line.split() for line in lines)}
        ns = told.get("throttled_time", 1000 * told.get("throttled_usec", 0))  # version 1, or 2
        return Stopped(told.get("nr_periods", 0), told.get("nr_throttled", 0), ns / NS_PER_S)


def find_quota(root: Path = _ROOT, membership: Path = _MEMBERSHIP) -> Quota | None:
    """The quota that this process is under; None without one."""
    quotas = (
        Quota(cores, group) for group in _groups(root, membership, "cpu") if (cores := _cores_of(group)) is not None
    )
    return min(quotas, key=lambda quota: quota.cores, default=None)


def cores_by_quota() -> float | None:
    """Cores' worth of time that this process may have; None: as many as there are."""
    quota = find_quota()
    return quota.cores if quota is not None else None


@dataclass(frozen=True)
class Memory:
    """Memory that this process may use.

    Attributes:
        total: Bytes in all: the machine's, or the limit where that is less.
        free: Bytes that are free, or can be freed.
        is_limited: Whether it is a limit.
    """

    total: int
    free: int
    is_limited: bool


def usable_memory(root: Path = _ROOT, membership: Path = _MEMBERSHIP) -> Memory:
    """The machine's memory, or what the control groups of this process leave of it."""
    machine = psutil.virtual_memory()
    found = Memory(machine.total, machine.available, is_limited=False)
    for group in _groups(root, membership, "memory"):
        total, free = _memory_of(group) or (found.total, found.free)
        found = Memory(min(found.total, total), min(found.free, free), found.is_limited or total < found.total)
    return found


def _memory_of(group: Path) -> tuple[int, int] | None:
    """Bytes that one group allows, and those of them that are free; None without a limit."""
    for limit, use, reclaimable in _MEMORY:
        try:
            total = int((group / limit).read_text(encoding="ascii"))  # "max" is no number
            used = int((group / use).read_text(encoding="ascii"))
            rows = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
            return total, max(0, total - used + int(rows.get(reclaimable, 0)))
        except (OSError, ValueError):
            continue
    return None


def _groups(root: Path, membership: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups that a process is in, and of all around them.

    Args:
        root: Where groups are.
        membership: Which ones the process is in, as the kernel tells it.
        controller: What they share out: `cpu` or `memory`.

    In a container, the path may be the one on the host: then only the container's own group is seen, as the root.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for mount in _MOUNTS_1[controller] if controllers else _MOUNTS_2:
            inside = root / mount / path.lstrip("/")
            while True:
                yield inside
                if inside == root / mount:
                    break
                inside = inside.parent


def _cores_of(group: Path) -> float | None:
    """Cores' worth of time that one group allows; None without a limit."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
        return int(quota) / int(period) if quota != "max" and int(quota) > 0 else None
    except (OSError, ValueError):  # no such group here
        return None
