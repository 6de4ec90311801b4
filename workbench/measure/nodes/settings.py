"""Settings of Dask that would falsify a measurement, each with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import Problem

_SCHEDULER = "the scheduler"


def scheduler_problems(settings: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the settings of somebody else's scheduler.

    Args:
        settings: ``work-stealing`` and ``allowed-failures``.
    """
    problems = []
    if settings["work-stealing"]:
        what = "it moves work between workers (work-stealing), and a block has to stay where it is"
        problems.append(Problem(what, _SCHEDULER, _set("scheduler", "DISTRIBUTED__SCHEDULER__WORK_STEALING=False")))
    if settings["allowed-failures"]:
        what = f"it runs lost work again by itself (allowed-failures is {settings['allowed-failures']})"
        problems.append(Problem(what, _SCHEDULER, _set("scheduler", "DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0")))
    return problems


def worker_problems(where: str, settings: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the settings of somebody else's worker.

    Args:
        where: Its node, for the message.
        settings: ``threads``, ``profile``, ``memory-limit``.
    """
    problems = []
    if settings["threads"] != 1:
        what = f"it takes {settings['threads']} tasks at once, and two trials at once disturb each other"
        problems.append(Problem(what, where, "Start its worker with --nthreads 1"))
    if settings["profile"]:
        what = "it looks at its threads every 10 ms (worker.profile), beside the trials"
        problems.append(Problem(what, where, _set("worker", "DISTRIBUTED__WORKER__PROFILE__ENABLED=False")))
    if settings["memory-limit"]:
        what = "it has a limit of memory, at which it stops work or ends"
        problems.append(Problem(what, where, "Start its worker with --memory-limit 0"))
    return problems


def _set(process: str, variable: str) -> str:
    return f"Start the {process} with DASK_{variable} in its environment"
