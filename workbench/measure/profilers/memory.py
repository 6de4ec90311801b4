"""Memory of a whole process tree, shared pages counted once."""

from __future__ import annotations

import psutil


def tree_pss_bytes(pid: int) -> int:
    """Proportional set size of a process and all its descendants.

    PSS divides every shared page among those that map it, so the sum over the tree counts it once. Reading it makes the
    kernel walk the page tables (milliseconds a process): not to be done while anything is timed.

    Returns:
        Bytes; processes that end meanwhile count nothing.
    """
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total
