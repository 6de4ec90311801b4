"""What is measured: a data set, how its samples become a batch, a model, one step, and the quality of it all.

`Workload` is the whole contract that a workload of one's own has to meet; the other protocols are optional, and asked
for with `isinstance`. `examples/toy_workload.py` is a small one, `workloads/ocr` the one that ships.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from workbench.records import Description, Score, TrainingFacts
from workbench.stages import Stage

if TYPE_CHECKING:
    import torch
    from pydantic import BaseModel

#: Arrays by name, as a trial leaves them in `samples.npz`.
Arrays = Mapping[str, npt.NDArray[np.generic]]


class Timed(Protocol):
    """A ``with`` block that is being timed, or not."""

    def __enter__(self) -> object:
        """Begin the block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """End the block."""


@dataclass(frozen=True)
class Timers:
    """What times the stages of a step: ``with timers.main("forward"): ...``.

    Attributes:
        main: For the thread that runs the loop.
        background: For one background thread of the workload's, whose work overlaps with the loop; it is given the
            number of the batch that it works on.
    """

    main: Callable[[str], Timed]
    background: Callable[[str, int], Timed]


class Batch(Protocol):
    """A batch as a step gets it.

    Attributes:
        data: What the collate function made, on the host.
        number: Counts the batches of a trial from 0, over all epochs.
        samples: Numbers of the samples in it.
    """

    @property
    def data(self) -> Any:
        """See above."""

    @property
    def number(self) -> int:
        """See above."""

    @property
    def samples(self) -> Sequence[int]:
        """See above."""


class Pending(Protocol):
    """Work that a device has accepted."""

    def result(self) -> torch.Tensor:
        """The result in host memory; waits until it is there.

        Raises:
            RuntimeError: For work that was submitted without `fetch`.
        """


class Device(Protocol):
    """Where the model runs, as a workload sees it.

    Attributes:
        simulated: Whether its times are not those of a device of this machine.
        torch_device: Where tensors and modules go.
    """

    simulated: bool
    torch_device: torch.device

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on the device.

        From pinned memory it is copied without waiting: the tensor must not be overwritten until the step is done.
        From pageable memory (a slot of the ring is pageable) it has left the host's memory when this returns.
        """

    def submit(self, stage: str, work: Callable[[], torch.Tensor], batch: Batch, *, fetch: bool = False) -> Pending:
        """Give the device work; returns as soon as the device has accepted it.

        Args:
            stage: Name of the work in the device lane.
            work: Does it, on the stream that is current, and gives its result on the device. The replay device does
                not call it.
            batch: The batch that it belongs to.
            fetch: The result will be asked for: its copy to the host is issued with the work.
        """


class Workload(Protocol):
    """A workload with one set of knobs: `Name(knobs)`.

    It is asked, in this order: `check`, `dataset` and `collate`, `build`, `step` for every batch, `quality`.

    Attributes:
        Knobs: A pydantic class of its own knobs, each with a default (see `knobs.knob.knob`); joined with those of
            measuring into one flat namespace, which the constructor gets. May be left out.
        stages: The stages that it times, beside those of the measured loop.
        item: What it calls a sample: "page", "image", "clip".
    """

    Knobs: ClassVar[type[BaseModel]]
    stages: ClassVar[Sequence[Stage]]
    item: ClassVar[str]

    def check(self) -> Description:
        """What the data set is like. Called before any trial too, so it should be quick.

        Raises:
            BadInput: With everything that is wrong with it.
        """

    def dataset(self) -> Any:
        """A map-style data set; its work is timed with `measure.timing.stages.stage`, where it asks for that.

        A trial asks twice (for its loader, and for the samples that are timed isolated): keep what is costly to make.
        """

    def collate(self) -> Callable[[list[Any]], Any] | None:
        """Samples to a batch; None: torch's way."""

    def build(self, device: Device) -> None:
        """Build the model and bring it to the device. Not called without a device."""

    def step(self, batch: Batch, timers: Timers, *, counted: bool) -> None:
        """Do one step in the main process.

        Args:
            batch: The batch.
            timers: Time the stages of the step.
            counted: Whether the step counts, or is a warm-up.
        """

    def quality(self) -> Mapping[str, Score]:
        """Figures of quality over the counted steps, every sample once; empty where there are none."""


@runtime_checkable
class LooksOver(Protocol):
    """A workload that may take long to look its data set over."""

    def look_over(self, on_sample: Callable[[int, int], None]) -> None:
        """Do it, right before `check`; `on_sample` gets the samples done and all samples.

        Raises:
            BadInput: As `check` does.
        """


@dataclass(frozen=True)
class CacheState:
    """A cache.

    Attributes:
        num_bytes: Bytes of samples in it, one copy.
        readings: Samples taken from it so far, by all processes.
        was_filled: Whether it was found filled by an earlier run.
    """

    num_bytes: int
    readings: int
    was_filled: bool


@runtime_checkable
class Cached(Protocol):
    """A workload that may keep its samples."""

    def fill_cache(self, on_sample: Callable[[int, int], None]) -> None:
        """Fill the cache that the knobs ask for, if they do; `on_sample` gets the samples done and all samples."""

    def cache_state(self) -> CacheState | None:
        """What the cache holds and how often it was read so far; None without a cache."""


@dataclass(frozen=True)
class InferenceModel:
    """A model that an engine is built of.

    Attributes:
        module: Takes the one tensor that the device was given and gives one float32 tensor; in evaluation mode, on its
            device.
        example: What it takes, [B, ...]; only B may differ later.
        calibration: Makes inputs of samples that are not scored, [1, ...] each, for 8-bit integers; None: there are
            none.
        calibrated_on: What these are, in words that are the same as long as they are.
    """

    module: torch.nn.Module
    example: torch.Tensor
    calibration: Callable[[], Sequence[torch.Tensor]] | None = None
    calibrated_on: str = ""


@runtime_checkable
class RunsEngines(Protocol):
    """A workload whose model another engine may run. Not asked in training, nor where no model is built."""

    def inference_model(self, batch: Batch) -> InferenceModel:
        """The model that `build` has built, with this batch as an example of what it gets; its memory is used again."""

    def use_engine(self, run: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """From now on, steps call this in place of the module: the same argument, the same result."""


@runtime_checkable
class Trains(Protocol):
    """A workload that may train."""

    def training_facts(self) -> TrainingFacts | None:
        """The counted steps by updates of the weights; None where it does not train."""


@runtime_checkable
class Placeholder(Protocol):
    """A workload that can run on the replay device, which computes nothing."""

    def placeholder(self, batch: Batch) -> torch.Tensor:
        """What the replay device gives as the result of a batch."""


@runtime_checkable
class AsyncSteps(Protocol):
    """A workload whose steps leave work running in a background thread.

    Attributes:
        max_pending: Pieces of work that may wait there before a step has to; 0 where none is left running.
    """

    max_pending: int

    def flush(self) -> None:
        """Wait for what earlier steps have left running.

        Raises:
            Exception: What that work raised.
        """


@runtime_checkable
class UsesProcesses(Protocol):
    """A workload that may work on results in processes of its own.

    Attributes:
        num_processes: How many it wants; 0: none.
    """

    num_processes: int

    def start_processes(self, timers: Sequence[Callable[[str, int], Timed]]) -> Sequence[int]:
        """Start them, by fork. Called before the device is made, which must not be forked.

        Args:
            timers: What times the stages of each, given the number of the batch (see `Timers.background`).

        Returns:
            Their numbers as processes (pid).
        """

    def stop_processes(self) -> Sequence[str]:
        """End them, however far they are; nothing happens where there are none. What is left is done without them.

        Returns:
            What went wrong meanwhile, a sentence each.
        """


@runtime_checkable
class Checked(Protocol):
    """A workload that keeps what its model was given, so that two trials can be compared by its own rules.

    Without it, values are compared as they arrive (`measure.trial.sample_recorder`).
    """

    def record(self, batch: Batch, *, whole_only: bool = False) -> None:
        """Keep what arrived. Called outside of what is measured: in the warm-up (`whole_only`) and after the end."""

    def recorded(self) -> Arrays | None:
        """What was kept, for `samples.npz`; None where two trials cannot be compared (random samples).

        In training, where no samples are kept, it is asked for what else two trials can be compared by.
        """


@dataclass(frozen=True)
class Picture:
    """An image with outlines on it, to be shown to a person.

    Attributes:
        pixels: uint8 [H, W, 3] RGB or [H, W].
        note: What it is.
        outlines: Closed outlines, each float32 [K, 2], x y in pixels.
        labels: A text for each outline; may be empty.
    """

    pixels: npt.NDArray[np.uint8]
    note: str
    outlines: Sequence[npt.NDArray[np.float32]] = ()
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class Preview:
    """A sample to be looked at before a run.

    Attributes:
        name: The sample.
        summary: The data set and this sample, in a line.
        pictures: From what lies in the data set to what the model gets.
        num_samples: Samples in the data set.
    """

    name: str
    summary: str
    pictures: Sequence[Picture]
    num_samples: int


@runtime_checkable
class ChecksModel(Protocol):
    """A workload that can say before any trial whether its model can be built. Not asked without a device."""

    def check_model(self) -> None:
        """See whether `build` would succeed.

        Raises:
            BadInput: With what is wrong with the knobs of the model.
        """


@runtime_checkable
class CompilesOnce(Protocol):
    """A workload with code that is compiled once a machine, and kept."""

    def compile_ahead(self) -> None:
        """Compile what isn't compiled yet. Called first, and not counted: no later trial has to do it again."""


@runtime_checkable
class Previews(Protocol):
    """A workload whose samples can be looked at."""

    def preview(self, number: int) -> Preview:
        """A sample, on its way to the model.

        Raises:
            BadInput: Where it cannot be read.
        """


@runtime_checkable
class UsesModules(Protocol):
    """A workload that names the modules whose versions belong to its figures."""

    modules: Sequence[str]


@runtime_checkable
class LineFunctions(Protocol):
    """A workload that knows which of its functions are worth a look line by line."""

    line_functions: Sequence[str]
