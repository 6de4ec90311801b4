"""A container's limits are found wherever its control group stands, in both versions; and what they do is counted."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from workbench.measure.trial.control_group import Quota, Stopped, find_quota, usable_memory

BURN = """
import os, sys, time
from workbench.measure.trial.machine import MachineWatch
from workbench.measure.trial.control_group import cores_by_quota
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
watch = MachineWatch()
children = [os.fork() for _ in range(2)]
while 0 in children and time.process_time() < 0.1:
    pass
if 0 in children:
    os._exit(0)
[os.waitpid(child, 0) for child in children]
found = watch.describe()
print(cores_by_quota(), found.throttled_share, found.throttled_s)
"""


def made(root: Path, membership: str, files: dict[str, str]) -> Quota | None:
    """The quota found among files of control groups."""
    for name, text in files.items():
        (root / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "groups" / name).write_text(text)
    (root / "membership").write_text(membership)
    return find_quota(root / "groups", root / "membership")


@pytest.mark.parametrize(
    ("membership", "files", "cores", "group"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5, ""),  # in a container, which sees its own group as the root
        ("0::/\n", {"cpu.max": "max 100000\n"}, None, None),
        ("0::/app/job\n", {"app/cpu.max": "200000 100000\n", "app/job/cpu.max": "max 100000\n"}, 2.0, "app"),
        ("0::/app/job\n", {"app/cpu.max": "400000 100000\n", "app/job/cpu.max": "50000 50000\n"}, 1.0, "app/job"),
        ("0::/../other\n", {"cpu.max": "100000 100000\n"}, 1.0, ""),
        (
            "3:memory:/m\n2:cpu,cpuacct:/docker/x\n0::/\n",  # the path is the host's, the files are the container's
            {"cpu,cpuacct/cpu.cfs_quota_us": "300000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"},
            3.0,
            "cpu,cpuacct",
        ),
        ("1:cpu:/q\n", {"cpu/q/cpu.cfs_quota_us": "-1\n", "cpu/q/cpu.cfs_period_us": "100000\n"}, None, None),
        ("1:cpuset:/q\n", {"cpu/q/cpu.cfs_quota_us": "100000\n", "cpu/q/cpu.cfs_period_us": "100000\n"}, None, None),
        ("0::/\n", {"cpu.max": "nonsense\n"}, None, None),
    ],
)
def test_the_tightest_quota_around_a_process_is_found(tmp_path, membership, files, cores, group):
    found = made(tmp_path, membership, files)
    assert (found.cores if found else None) == cores
    assert group is None or found.group.resolve() == (tmp_path / "groups" / group).resolve()


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert find_quota(tmp_path / "none", tmp_path / "no_file") is None


@pytest.mark.parametrize("line", ["throttled_usec 2500000", "throttled_time 2500000000"])
def test_what_the_quota_did_is_read_in_both_versions(tmp_path, line):
    quota = Quota(1.0, tmp_path)
    assert quota.stopped() == Stopped(0, 0, 0.0)  # the kernel does not tell
    (tmp_path / "cpu.stat").write_text(f"usage_usec 1\nnr_periods 40\nnr_throttled 30\n{line}\n")
    assert quota.stopped() == Stopped(periods=40, used_up=30, stopped_s=2.5)


LIMITS = {
    "version 2": ("0::/\n", "memory.max", "memory.current", "inactive_file", ""),
    "version 1": ("4:memory:/\n", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory/"),
}


@pytest.mark.parametrize("version", LIMITS)
def test_the_memory_of_a_container_is_its_limit_and_files_in_it_can_be_taken_back(tmp_path, version):
    membership, limit, use, reclaimable, folder = LIMITS[version]
    files = {limit: "3000000\n", use: "2500000\n", "memory.stat": f"anon 1\n{reclaimable} 400000\n"}
    made(tmp_path, membership, {folder + name: text for name, text in files.items()})
    found = usable_memory(tmp_path / "groups", tmp_path / "membership")
    assert (found.total, found.free, found.is_limited) == (3_000_000, 900_000, True)


@pytest.mark.parametrize("text", ["max\n", "9223372036854771712\n"])
def test_without_a_limit_it_is_the_machines(tmp_path, text):
    made(tmp_path, "0::/\n", {"memory.max": text, "memory.current": "1\n", "memory.stat": "anon 1\n"})
    found = usable_memory(tmp_path / "groups", tmp_path / "membership")
    assert (found.total, found.is_limited) == (psutil.virtual_memory().total, False)


@pytest.fixture
def real_group():
    """A control group of a tenth of a core, of the kernel's own: less than any process gets on a busy machine."""
    name = f"workbench-test-{os.getpid()}"
    for mount, files in (
        ("/sys/fs/cgroup", {"cpu.max": "10000 100000"}),
        ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "10000"}),
    ):
        group = Path(mount, name)
        if not Path(mount, "cgroup.procs").exists():  # a plain folder
            continue
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                for file, text in files.items():
                    (group / file).write_text(text)
            except OSError:
                group.rmdir()
                continue
            yield group
            group.rmdir()
            return
    pytest.skip("no control group with a quota can be made here")


@pytest.mark.real
def test_a_process_in_a_real_group_knows_its_quota_and_that_it_was_stopped(real_group):
    done = subprocess.run(
        [sys.executable, "-c", BURN, str(real_group)], capture_output=True, text=True, timeout=120, check=True
    )
    cores, share, seconds = map(float, done.stdout.split())
    assert cores == 0.1
    assert share > 0.5
    assert seconds > 0.5
