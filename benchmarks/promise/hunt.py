"""A property that must hold for every input, and the hunt for inputs for which it does not."""

from __future__ import annotations

import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy
from promise.figure import Figure

import workbench
from workbench.files import cache_dir

# Else it keeps what it knows of Unicode in the current folder.
set_hypothesis_home_dir(cache_dir() / "hypothesis")

_PACKAGE = Path(workbench.__file__).parent

#: Characters that are shown of what an error says, and of a counterexample.
_SHOWN = 300

_MOST_FAULTS = 20


@dataclass(frozen=True)
class Property:
    """What must hold.

    Attributes:
        name: Of what it is ("labelme, read").
        inputs: Draws the inputs.
        holds: Raises where it does not hold for an input. It may write into the folder, which is kept between inputs.
    """

    name: str
    inputs: SearchStrategy[Any]
    holds: Callable[[Any, Path], None]


@dataclass
class Hunt:
    """What was found.

    Attributes:
        tried: Inputs that were tried; those in which a counterexample was made smaller are not among them.
        faults: By the error and the place where it was raised: what it says, and the smallest input that leads there.
        crashes: Inputs for which the property did not hold, those on the way to a smaller one not among them.
    """

    tried: int = 0
    crashes: int = 0
    faults: dict[str, str] = field(default_factory=dict)


def hunt(what: Property, count: int, *, start: int = 0, smallest: bool = True, most_faults: int = _MOST_FAULTS) -> Hunt:
    """Try inputs.

    Args:
        what: The property.
        count: How many inputs.
        start: Decides which; the same number gives the same ones.
        smallest: Whether to make a counterexample as small as can be.
        most_faults: After as many different ones the hunt ends: who has not mended these needs no others.
    """
    found = Hunt()
    with tempfile.TemporaryDirectory(prefix="property-") as folder:
        for number in range(start, start + most_faults):
            if found.tried >= count:
                break
            before = len(found.faults)
            _go_on(what, Path(folder), count - found.tried, found, number, smallest)
            if len(found.faults) == before:  # there were enough inputs, or there are no more
                break
    return found


def _go_on(what: Property, folder: Path, count: int, found: Hunt, number: int, smallest: bool) -> None:
    """Try inputs until a fault shows up that has not been found before, or there were enough."""
    new: dict[str, str] = {}

    def check(given_input: Any) -> None:
        found.tried += not new
        try:
            what.holds(given_input, folder)
        except Exception as error:
            place = _place_of(error)
            found.crashes += not new
            if place in found.faults or (new and place not in new):
                return
            new[place] = f"{' '.join(str(error).split())[:_SHOWN]}; of {given_input!r}"
            raise

    how = settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if smallest else [])],
        print_blob=False,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)  # of NumPy's: nobody can tell from it what is wrong where
            seed(number)(how(given(what.inputs)(check)))()
    except InvalidArgument:
        raise
    except Exception:
        if not new:
            raise
    found.faults |= new


def _place_of(error: BaseException) -> str:
    """``"ValueError at reading.py:120"``: where the package was when it was raised, or else where that was."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((each for each in reversed(frames) if f"{_PACKAGE}/" in each.filename), frames[-1])
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def as_figure(what: Property, found: Hunt, count: int) -> Figure:
    """The figure of a hunt: the inputs for which the property did not hold, and the smallest of them."""
    shown = "; ".join(f"{place}: {example[: 2 * _SHOWN]}" for place, example in found.faults.items())
    detail = f"{found.tried} inputs tried{': ' if shown else ''}{shown}"
    return Figure(
        what.name, float(found.crashes), "inputs", "= 0", not found.faults and found.tried >= count, None, detail
    )
