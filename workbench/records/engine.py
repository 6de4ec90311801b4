"""What ran the model of a trial, and whether it was what the knobs say; and what came of training."""

from __future__ import annotations

from pydantic import Field

from workbench.records.parts import Part


class EngineFacts(Part):
    """The engine of a trial."""

    engine: str = Field(description="what was asked for")
    provider: str = Field(description="what ran it, as the engine itself says: 'inductor', 'CPUExecutionProvider'")
    precision: str = Field(description="in words, as it was in force")
    build_s: float = Field(description="seconds that building it took, whenever that was")
    load_s: float = Field(description="seconds that this trial took until it was ready: building it, or loading it")
    was_kept: bool = Field(description="it was found on disk, built by an earlier trial")
    artefact_bytes: int | None = Field(None, description="of its files on disk; None: it keeps none")
    num_nodes: int | None = Field(None, description="nodes of its graph; None: it does not say")
    int8_nodes: int | None = Field(None, description="of these, those that compute in 8-bit integers")
    batch_sizes: list[int] = Field(default_factory=list, description="sizes of batches that it was warmed up with")
    threads: int | None = Field(None, description="threads that it may use on the CPU; None: it runs on a GPU")
    spinning: bool | None = Field(None, description="whether its threads wait by turning in a loop; None: not said")
    calls: int = Field(0, description="how often it was called in the counted steps")
    compilations: int = Field(0, description="graphs that were compiled before the counted steps")
    late_compilations: int = Field(0, description="graphs that were compiled in the counted steps")
    graph_breaks: int = Field(0, description="places where torch.compile left the graph and went on without it")


class TrainingFacts(Part):
    """The counted steps of a trial that trains, by updates of its weights."""

    optimizer_steps: int = Field(description="updates of the weights, those that were skipped among them")
    skipped_steps: int = Field(
        0, description="updates left out because gradients had overflowed in half precision; such a step is faster"
    )
    samples_per_step: float = Field(description="samples of an update")
    parameters: str | None = Field(
        None, description="digest of the parameters' bytes after the last step; None: not looked at"
    )
