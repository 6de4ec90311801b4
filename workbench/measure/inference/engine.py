"""What an engine is: something made of a model once, kept on disk where it can be, and loaded by every trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from workbench.errors import BadInput, Problem
from workbench.knobs.inference import InferenceKnobs
from workbench.workload import InferenceModel

#: A model, ready: what the device was given to what the workload reads.
Run = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Order:
    """What is to be built.

    Attributes:
        model: The workload's model.
        module: It in the precision that was asked for, on its device; takes and gives the same tensors.
        knobs: Engine, precision, threads.
        batch_sizes: Samples of the batches that will come, the usual size first.
    """

    model: InferenceModel
    module: torch.nn.Module
    knobs: InferenceKnobs
    batch_sizes: Sequence[int]

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.example.device

    @property
    def threads(self) -> int:
        """Threads on the CPU."""
        return self.knobs.model_threads or torch.get_num_threads()

    def input(self, batch_size: int) -> torch.Tensor:
        """An input of that many samples: the example's, over and over. Never zeros, which some kernels do faster."""
        example = self.model.example
        return example[torch.arange(batch_size, device=example.device) % len(example)]


@dataclass
class Loaded:
    """An engine that is ready.

    Attributes:
        run: Runs it.
        provider: What runs it, as it says of itself.
        num_nodes: Nodes of its graph; None: it does not say.
        int8_nodes: Of these, those that compute in 8-bit integers; None likewise.
    """

    run: Run
    provider: str
    num_nodes: int | None = None
    int8_nodes: int | None = None


@dataclass(frozen=True)
class Built:
    """What building has to say.

    Attributes:
        notes: What a reader of the figures should know.
        facts: Whatever `load` needs to know again.
    """

    notes: Sequence[str] = ()
    facts: Mapping[str, int] = field(default_factory=dict)


class Engine(Protocol):
    """A way to run a model.

    Attributes:
        keeps: Whether what `build` makes is kept: files in its folder.
        packages: Modules whose versions decide what is built.
    """

    keeps: bool
    packages: Sequence[str]

    def problems(self, knobs: InferenceKnobs, *, on_gpu: bool) -> list[Problem]:
        """What is missing on this machine, for a model on its GPU or on the CPU."""

    def build(self, order: Order, folder: Path) -> Built:
        """Make the files of the engine. Nothing is done by an engine that keeps none.

        Raises:
            BadInput: For a model that it cannot take.
        """

    def load(self, order: Order, folder: Path, built: Built) -> Loaded:
        """Make it ready to run; it is called once with each size of batch after that, before anything counts.

        Raises:
            BadInput: For a file that is of no use, and where it would not run as it was asked to.
        """


def refusal(engine: str, what: str, remedy: str = "") -> BadInput:
    """An error about an engine.

    Args:
        engine: Its name.
        what: What is wrong.
        remedy: What to do about it.
    """
    return BadInput("the engine", [Problem(what, f"engine={engine}", remedy)])
