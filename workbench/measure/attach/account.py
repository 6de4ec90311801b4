"""The whole run of a script, part by part: what came before its loops, each loader's loop, what came after."""

from __future__ import annotations

from collections.abc import Callable

from workbench.measure.attach.window import Loop, intervals
from workbench.records import ScriptPart
from workbench.units import NS_PER_S


def account_of(loop: Loop, started_ns: int, ended_ns: int, *, stopped: bool) -> list[ScriptPart]:
    """The parts of a run in the order of time; they follow one another, and add up to it.

    Args:
        loop: The loop of its (first) main process.
        started_ns: When the command was started.
        ended_ns: When it was over.
        stopped: Whether it was stopped before its end.
    """
    parts: list[ScriptPart] = []

    def add(name: str, begin_ns: int, end_ns: int, batches: int | None = None) -> None:
        if end_ns > begin_ns:
            parts.append(ScriptPart(name=name, wall_s=(end_ns - begin_ns) / NS_PER_S, batches=batches))

    hello = loop.process.first("hello")
    at = int(hello["at_ns"]) if hello else started_ns
    add("start of Python", started_ns, at)
    first_ask = int(loop.ask_ns[0])
    imports_ns = loop.process.imports_ns(first_ask)
    add("imports", at, at + imports_ns)
    add("building data sets and model", at + imports_ns, first_ask)
    called = _names(loop)
    runs: list[list[int]] = []
    for begin, end, loader, brought in intervals(loop):
        if runs and runs[-1][2] == loader:
            runs[-1][1] = end
            runs[-1][3] += brought
        else:
            runs.append([begin, end, loader, int(brought)])
    end, after = first_ask, "after the last batch"
    for begin, end, loader, batches in runs:
        add(called(loader, begin), begin, end, batches)
        if loader not in loop.in_step:  # whose last batch is worked on after it was asked for
            after = f"{called(loader, begin)}, and what came after"
    if not stopped:
        looked = loop.process.first("looked")
        looked_ns = int(looked["at_ns"]) - int(looked["begin_ns"]) if looked else 0
        add(after, end, ended_ns - looked_ns)
        add("samples looked at by the workbench", ended_ns - looked_ns, ended_ns)
    return parts


def _names(loop: Loop) -> Callable[[int, int], str]:
    """What the time of a loader is called, by its number and when it was asked."""
    first, last = int(loop.step_ns[0]), int(loop.step_ns[-1])

    def called(loader: int, at_ns: int) -> str:
        name = loop.loaders[loader]["name"]
        if loader in loop.in_step:
            return f"training ({name})" if loop.is_trained else f"the loop over {name}"
        if at_ns < first:
            return f"before training: {name}"
        return f"validation: {name}" if at_ns < last else f"after training: {name}"

    return called
