"""Memory of a tree counts every process, and what they share once."""

from __future__ import annotations

import os
import subprocess
import sys

from workbench.measure.profilers.memory_over_time import tree_pss_bytes

MB = 1_000_000

_HOLDS = """
import mmap, os, sys
block = mmap.mmap(-1, {size})       # shared with children
block.write(b"x" * {size})
child = os.fork()
if child == 0:
    block.seek(0); block.read()
    sys.stdin.read(); os._exit(0)
print("ready", flush=True)
sys.stdin.read()
os.waitpid(child, 0)
"""


def test_shared_pages_count_once():
    size = 200 * MB
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDS.format(size=size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    try:
        held = tree_pss_bytes(holder.pid)
    finally:
        holder.communicate()
    assert size < held < 1.5 * size


def test_a_process_that_is_gone_holds_nothing():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert tree_pss_bytes(gone.pid) == 0


def test_children_count():
    before = tree_pss_bytes(os.getpid())
    child = subprocess.Popen(
        [sys.executable, "-c", "x = bytearray(100_000_000); print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    try:
        assert tree_pss_bytes(os.getpid()) - before > 90 * MB
    finally:
        child.communicate("\n")
