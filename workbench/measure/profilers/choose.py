"""The profilers that a set of knobs asks for, together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType, TracebackType

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.profilers.profiler import Findings, Profiler, ProfilerContext
from workbench.workload import Timed

#: Module and class by name in the knob `profilers`; imported when chosen. A new profiler is one file and one line.
#: They begin in this order and end in the other: stack samples are those of the counted steps and of nothing else.
PROFILERS: dict[str, tuple[str, str]] = {
    "torch": ("workbench.measure.profilers.torch_trace", "TorchTrace"),
    "lines": ("workbench.measure.profilers.line_times", "LineTimes"),
    "memory": ("workbench.measure.profilers.memory_over_time", "MemoryOverTime"),
    "stacks": ("workbench.measure.profilers.stack_samples", "StackSamples"),
}

#: The stage of the main process in which the profilers themselves are at work.
OWN_STAGE = "profilers"


class Profilers:
    """Several profilers as one (see `profilers.profiler.Profiler`).

    A profiler that breaks leaves a note, and the trial goes on.
    """

    def __init__(self, profilers: dict[str, Profiler]) -> None:
        self._profilers = profilers
        self._notes: list[str] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._profilers)

    def start(self) -> None:
        """See `Profiler`.

        Raises:
            BadInput: With the first thing that a user can put right.
        """
        for profiler in self._profilers.values():
            profiler.start()

    def in_worker(self) -> list[Callable[[int], None]]:
        """What every loader worker is to call when it starts."""
        return [call for profiler in self._profilers.values() if (call := profiler.in_worker()) is not None]

    def phase(self, name: str) -> None:
        """See `Profiler`."""
        self._each(lambda profiler: profiler.phase(name))

    def marked(self, timed: Callable[[str], Timed]) -> Callable[[str], Timed]:
        """What times the stages of the main process, with the profilers' marks inside.

        What the profilers do themselves is not marked: a profiler's own step ends in the midst of it, and viewers drop
        what neither contains the other nor lies beside it.
        """
        marking = [profiler for profiler in self._profilers.values() if profiler.mark("stage") is not None]
        if not marking:
            return timed

        def timed_and_marked(name: str) -> Timed:
            if name == OWN_STAGE:
                return timed(name)
            return _Marked([timed(name), *filter(None, (profiler.mark(name) for profiler in marking))])

        return timed_and_marked

    def steady(self) -> None:
        """See `Profiler`."""
        self._each(lambda profiler: profiler.steady())

    def step(self) -> None:
        """See `Profiler`."""
        self._each(lambda profiler: profiler.step())

    def stop(self) -> None:
        """See `Profiler`."""
        self._each(lambda profiler: profiler.stop(), last_first=True)

    def collect(self) -> Findings:
        """What all of them have left."""
        together = Findings()

        def add(profiler: Profiler) -> None:
            found = profiler.collect()
            together.files.update(found.files)
            together.notes.extend(found.notes)

        self._each(add)
        together.notes.extend(self._notes)
        return together

    def _each(self, do: Callable[[Profiler], None], *, last_first: bool = False) -> None:
        profilers = list(self._profilers.items())
        for name, profiler in reversed(profilers) if last_first else profilers:
            try:
                do(profiler)
            except Exception as error:  # the trial's figures are worth more than a profiler
                self._notes.append(f"{name}: {type(error).__name__}: {error}")
                del self._profilers[name]


class _Marked:
    """Several blocks as one."""

    def __init__(self, blocks: list[Timed]) -> None:
        self._blocks = blocks

    def __enter__(self) -> None:
        for block in self._blocks:
            block.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for block in reversed(self._blocks):
            block.__exit__(kind, error, tb)


def check_profilers(knobs: Knobs) -> None:
    """See, before any trial, whether the profilers that the knobs ask for can be used.

    Raises:
        BadInput: As `open_profilers`, and for functions that there are not.
    """
    modules = _modules(knobs.profilers)
    if "lines" in modules:
        modules["lines"].find_functions(knobs.line_functions)


def open_profilers(context: ProfilerContext) -> Profilers:
    """The profilers that the knobs ask for, in the order of `PROFILERS`.

    Raises:
        BadInput: Where what one of them needs isn't installed.
    """
    modules = _modules(context.knobs.profilers)
    if modules:
        context.folder.mkdir(parents=True, exist_ok=True)
    return Profilers({name: getattr(module, PROFILERS[name][1])(context) for name, module in modules.items()})


def _modules(names: Sequence[str]) -> dict[str, ModuleType]:
    """The modules of profilers, in the order of `PROFILERS`.

    Raises:
        BadInput: With all that cannot be imported.
    """
    found: dict[str, ModuleType] = {}
    problems = []
    for name, (module, _) in PROFILERS.items():
        if name in names:
            try:
                found[name] = import_module(module)
            except ImportError as error:
                remedy = f"pip install {error.name}, or leave it out"
                problems.append(Problem(f"the profiler cannot be used ({error})", f"profilers={name}", remedy))
    if problems:
        raise BadInput("knobs", problems)
    return found
