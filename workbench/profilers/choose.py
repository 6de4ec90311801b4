"""The lenses that a set of knobs asks for, together."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import TracebackType

from workbench.errors import BadInput, Problem
from workbench.profilers.lens import Findings, Lens, Scene
from workbench.timing.stages import Timed

#: Module and class by name in the knob `profilers`; imported when it is chosen. A new lens is one file and one line.
LENSES: dict[str, tuple[str, str]] = {
    "torch": ("workbench.profilers.torch_trace", "TorchTrace"),
    "lines": ("workbench.profilers.line_times", "LineTimes"),
    "stacks": ("workbench.profilers.stack_samples", "StackSamples"),
    "memory": ("workbench.profilers.memory_over_time", "MemoryOverTime"),
}


class Lenses:
    """Several lenses as one (see `profilers.lens.Lens`). A lens that breaks leaves a note, and the trial goes on."""

    def __init__(self, lenses: dict[str, Lens]) -> None:
        self._lenses = lenses
        self._notes: list[str] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._lenses)

    def start(self) -> None:
        """See `Lens`.

        Raises:
            BadInput: With the first thing that a user can put right.
        """
        for lens in self._lenses.values():
            lens.start()

    def in_worker(self) -> list[Callable[[int], None]]:
        """What every loader worker is to call when it starts."""
        return [call for lens in self._lenses.values() if (call := lens.in_worker()) is not None]

    def phase(self, name: str) -> None:
        """See `Lens`."""
        for lens in self._lenses.values():
            lens.phase(name)

    def marked(self, timed: Callable[[str], Timed]) -> Callable[[str], Timed]:
        """What times the stages of the main process, with the lenses' marks inside."""
        marking = [lens for lens in self._lenses.values() if lens.mark("stage") is not None]
        if not marking:
            return timed
        return lambda name: _Marked([timed(name), *filter(None, (lens.mark(name) for lens in marking))])

    def steady(self) -> None:
        """See `Lens`."""
        self._each(lambda lens: lens.steady())

    def step(self) -> None:
        """See `Lens`."""
        for lens in self._lenses.values():
            lens.step()

    def stop(self) -> None:
        """See `Lens`."""
        self._each(lambda lens: lens.stop())

    def collect(self) -> Findings:
        """What all of them have left."""
        together = Findings()

        def add(lens: Lens) -> None:
            found = lens.collect()
            together.files.update(found.files)
            together.notes.extend(found.notes)

        self._each(add)
        together.notes.extend(self._notes)
        return together

    def _each(self, do: Callable[[Lens], None]) -> None:
        for name, lens in list(self._lenses.items()):
            try:
                do(lens)
            except Exception as error:  # the trial's figures are worth more than a lens
                self._notes.append(f"{name}: {type(error).__name__}: {error}")
                del self._lenses[name]


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


def open_lenses(scene: Scene) -> Lenses:
    """The lenses that the knobs ask for, in the order of `LENSES`.

    Raises:
        BadInput: Where what one of them needs isn't installed.
    """
    lenses: dict[str, Lens] = {}
    problems = []
    for name, (module, kind) in LENSES.items():
        if name in scene.knobs.lenses:
            scene.folder.mkdir(parents=True, exist_ok=True)
            try:
                lenses[name] = getattr(import_module(module), kind)(scene)
            except ImportError as error:
                remedy = f"pip install {error.name}, or leave it out"
                problems.append(Problem(f"the lens cannot be used ({error})", f"profilers={name}", remedy))
    if problems:
        raise BadInput("knobs", problems)
    return Lenses(lenses)
