"""Parts share their time, and none loses what another has found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from promise.figure import Figure
from promise.parts import Part, take_parts


class Clock:
    """Time that moves only where a part uses it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.budgets: list[float] = []

    def __call__(self) -> float:
        return self.now

    def part(self, name: str, uses: float, weight: float = 1.0, fails: bool = False) -> Part:
        def take(budget_s: float) -> Iterator[Figure]:
            self.budgets.append(budget_s)
            self.now += uses
            yield Figure(name, 1.0, "", "shown", True)
            if fails:
                raise OSError("the GPU has fallen off the bus")

        return Part(name, weight, take)


def taken(clock: Clock, parts: Sequence[Part], seconds: float) -> list[Figure]:
    return take_parts(parts, seconds, write=lambda figures: None, clock=clock)


def test_time_is_shared_by_weight_and_what_is_left_is_passed_on() -> None:
    clock = Clock()
    taken(clock, [clock.part("a", 5.0, 1.0), clock.part("b", 5.0, 2.0), clock.part("c", 5.0, 1.0)], 40.0)

    assert clock.budgets == [10.0, 35.0 * 2 / 3, 30.0]


def test_an_error_ends_its_part_and_nothing_else() -> None:
    clock = Clock()
    figures = taken(clock, [clock.part("a", 1.0, fails=True), clock.part("b", 1.0)], 40.0)

    assert [(figure.name, figure.met) for figure in figures] == [("a", True), ("a", False), ("b", True)]
    assert "the GPU has fallen off the bus" in figures[1].detail


def test_a_part_without_time_is_left_out_by_name() -> None:
    clock = Clock()
    figures = taken(clock, [clock.part("a", 61.0), clock.part("b", 1.0)], 60.0)

    assert [(figure.name, figure.value) for figure in figures] == [("a", 1.0), ("b", None)]
    assert "no time was left of 1 minutes" in figures[1].detail


def test_figures_are_written_after_every_part() -> None:
    clock, written = Clock(), []
    write: Callable[[Sequence[Figure]], None] = lambda figures: written.append(len(figures))  # noqa: E731
    take_parts([clock.part("a", 1.0), clock.part("b", 1.0, fails=True)], 60.0, write=write, clock=clock)

    assert written == [1, 3]
