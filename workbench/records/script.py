"""What a record says of somebody's own training script, beside the figures that every trial has."""

from __future__ import annotations

from pydantic import Field

from workbench.records.parts import Part
from workbench.records.stage_times import RankStats


class ScriptLoader(Part):
    """A DataLoader of an observed script, as it stood when it was iterated last."""

    name: str = Field(description="the line that makes it")
    dataset: str = Field(description="class of its data set")
    num_samples: int | None = Field(description="None: it does not say")
    batch_size: int | None
    num_workers: int
    collate: str = Field(description="its collate function")
    batches: int = Field(description="that it has given")
    in_step: bool = Field(False, description="every counted step takes a batch of it")
    takes_knobs: bool = Field(True, description="it is torch's own class; false: a library's, which no knob reaches")
    work_s: dict[str, float] = Field(
        default_factory=dict, description="seconds in which its batches were made, by stage, the longest first"
    )

    @property
    def most_work(self) -> str | None:
        """The stage that takes most, with its share of what is named; None where nothing was timed."""
        name = max(self.work_s, key=self.work_s.__getitem__, default=None)
        return None if name is None else f"{name} ({self.work_s[name] / sum(self.work_s.values()):.0%})"


class ScriptPart(Part):
    """A part of the whole run of an observed script; the parts follow one another."""

    name: str
    wall_s: float
    batches: int | None = Field(None, description="batches that were asked for in it; None: it is no loop")


class ImageKind(Part):
    """The samples whose files are of one kind, among those whose files were looked at."""

    kind: str = Field(description="how the files are coded: 'progressive JPEG', or 'PNG and baseline JPEG'")
    samples: int = Field(description="samples of this kind among those looked at: the first of each process")
    pixels: float = Field(description="pixels of a sample's files, on the average")
    decode_s: float = Field(description="seconds that decoding a sample's files took, on the average, warm-up included")


class Script(Part):
    """What an observed trial knows beside its figures."""

    command: str
    training_loader: str = Field(description="name of the loader whose steps were counted")
    is_trained: bool = Field(description="whether a backward pass followed its batches")
    loaders: list[ScriptLoader] = Field(default_factory=list)
    parts: list[ScriptPart] = Field(default_factory=list, description="the whole run, as far as it was seen")
    ranks: list[RankStats] = Field(default_factory=list, description="empty where there is one only")
    varying_samples: int | None = Field(
        None, description="of a few samples, those that were others when they were made again; None: not looked at"
    )
    returncode: int | None = Field(None, description="of the command; None where it was stopped")
    torch_threads: int | None = Field(None, description="threads of torch in the main process")
    opencv_threads: int | None = Field(None, description="threads of OpenCV in each worker; None: it was not loaded")
    start_imports: dict[str, float] = Field(
        default_factory=dict, description="seconds of imports in the start of a worker, on the average, by module"
    )

    @property
    def takes_knobs(self) -> bool:
        """Whether knobs reach the loader that trains."""
        return all(loader.takes_knobs for loader in self.loaders if loader.name == self.training_loader)
