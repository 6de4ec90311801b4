"""The catalogue of stages: what a named piece of work is, written once.

A workload adds its own stages to those of the measured loop. Whoever times, sums up, draws, explains or predicts asks
the catalogue for a stage's role, and keeps no table of names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Lane = Literal["worker", "main", "device"]

#: What a stage does for the pipeline:
#: `work` makes samples and batches (or, in the device lane, runs the model); `wait` does nothing until another lane is
#: through; `start` brings a process up; `send` and `receive` move a batch between processes; `submit` gives a batch to
#: the device; `collect` works on what the device has made of it; `end` is all else in the main process; `epoch` begins
#: the next epoch.
Role = Literal["work", "wait", "start", "send", "receive", "submit", "collect", "end", "epoch"]

Per = Literal["sample", "batch"]

#: The parts of a backward pass that are none of a rank's own work.
RANK_WAIT, EXCHANGE = "rank wait", "exchange"


@dataclass(frozen=True)
class Stage:
    """A named piece of work.

    Attributes:
        name: As it is timed.
        lane: Where it runs.
        role: What it does for the pipeline.
        per: What it is done for: a single sample, or a batch as a whole.
        colour: As it is drawn everywhere, ``"#RRGGBB"``; empty: one is given to its name.
        replayable: Whether its output can be kept and given again (the knob `knock_out`).
        moves_bytes: Whether its cost is in proportion to the bytes of a batch.
        meaning: What a reader of a breakdown needs to know of it, as a sentence; empty where the name says it.
    """

    name: str
    lane: Lane
    role: Role
    per: Per = "batch"
    colour: str = ""
    replayable: bool = False
    moves_bytes: bool = False
    meaning: str = ""


#: The stages of the measured loop and its loaders.
MEASURED: tuple[Stage, ...] = (
    Stage(
        "idle", "worker", "wait", colour="#E4E7EB",
        meaning="a worker has nothing to do: it is as far ahead as prefetch_factor allows, or the epoch has no more.",
    ),
    Stage("start", "worker", "start", colour="#9AA5B1", meaning="worker processes start where an epoch begins."),
    Stage("read", "worker", "work", "sample", colour="#8C6D46", replayable=True),
    Stage("collate", "worker", "work", colour="#E69F00", moves_bytes=True),
    Stage("send", "worker", "send", colour="#F0C674", moves_bytes=True),
    Stage("wait", "main", "wait", colour="#E4E7EB", meaning="the main process waits for a batch."),
    Stage("receive", "main", "receive", colour="#56B4E9", moves_bytes=True),
    Stage("epoch", "main", "epoch", colour="#9AA5B1"),
    Stage("pin", "main", "submit", colour="#6AA7A0", moves_bytes=True),
    Stage("transfer", "main", "submit", colour="#2A9DC7", moves_bytes=True),
    Stage("forward", "main", "submit", colour="#3D5A80"),
    Stage("loss", "main", "submit", colour="#6B8CAE"),
    Stage("backward", "main", "submit", colour="#293F5E"),
    Stage("optimizer", "main", "submit", colour="#98A9BF"),
    Stage(
        RANK_WAIT, "main", "wait", colour="#CBD2D9",
        meaning="a rank has its gradients, and waits for the slowest rank to have its own.",
    ),
    Stage(
        EXCHANGE, "main", "submit", colour="#8A7FA8",
        meaning="ranks exchange gradients, and do nothing else meanwhile: what the backward pass hides is not in it.",
    ),
    Stage("fetch", "main", "wait", colour="#CBD2D9", meaning="the main process waits for the device."),
    Stage(
        "backlog", "main", "wait", colour="#CBD2D9",
        meaning="the main process waits for its background thread to make room.",
    ),
    Stage(
        "drain", "main", "wait", colour="#CBD2D9",
        meaning="the main process waits for the device to finish, after the last step.",
    ),
    Stage("release", "main", "end", colour="#B8A99A", moves_bytes=True),
    Stage("progress", "main", "end", colour="#C4B7CB"),
    Stage("profilers", "main", "end", colour="#A89F91"),
    Stage("forward", "device", "work", colour="#3D5A80"),
    Stage("loss", "device", "work", colour="#6B8CAE"),
    Stage("backward", "device", "work", colour="#293F5E"),
    Stage("optimizer", "device", "work", colour="#98A9BF"),
    Stage(RANK_WAIT, "device", "wait", colour="#CBD2D9"),
    Stage(EXCHANGE, "device", "work", colour="#8A7FA8"),
)  # fmt: skip

#: What is left of a lane's time where none of its stages ran.
UNATTRIBUTED = "unattributed"

_UNKNOWN_ROLE: dict[Lane, Role] = {"worker": "work", "main": "end", "device": "work"}


class Catalogue:
    """Knows the stages of the measured loop and of one workload.

    Args:
        own: The workload's stages; one that the loop has as well takes its place.
    """

    def __init__(self, own: Iterable[Stage] = ()) -> None:
        self._stages = {(stage.lane, stage.name): stage for stage in (*MEASURED, *own)}

    def __iter__(self) -> Iterator[Stage]:
        """All stages, those of the loop first."""
        return iter(self._stages.values())

    def find(self, lane: Lane, name: str) -> Stage:
        """The stage of a name. One that nobody has declared is work of its lane (in the main process: all else)."""
        return self._stages.get((lane, name)) or Stage(name, lane, _UNKNOWN_ROLE[lane])

    def names(self, *roles: Role, lane: Lane | None = None) -> tuple[str, ...]:
        """Names of the stages of some roles, in one lane or in all, each once."""
        wanted = (stage for stage in self if stage.role in roles and lane in (None, stage.lane))
        return tuple(dict.fromkeys(stage.name for stage in wanted))

    def replayable(self) -> tuple[str, ...]:
        """Names of the stages that can be replayed from memory."""
        return tuple(dict.fromkeys(stage.name for stage in self if stage.replayable))

    def is_declared(self, name: str) -> bool:
        """Whether any lane has a stage of this name."""
        return any(stage.name == name for stage in self)
