"""A block that has run: what a node sends back, and how it enters the journal of whoever has asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.measure.comparison.journal import Journal
from workbench.records import Node, Record, Stop, VariantTrial
from workbench.records.run_folder import KNOBS, RECORD, read_record, write_json


@dataclass(frozen=True)
class BlockResult:
    """A block that has run.

    Attributes:
        host: Name of the machine.
        trials: Its trials as the journal has them, as JSON, in the order they ran.
        warmup_run_id: Of the warm-up trial, where this block has begun with one.
        failed_run_id: Of a warm-up trial that failed: then there is no more.
        stop: Why the comparison ended on the node.
        whole_because: Why its trials took no turns, where they were to.
        notes: What a reader should know of how it went.
        folders: By run id, the files of its folder: content by name.
    """

    host: str
    trials: list[str]
    warmup_run_id: str | None
    failed_run_id: str | None
    stop: Stop | None
    whole_because: str
    notes: list[str]
    folders: dict[str, dict[str, bytes]] = field(repr=False)


def enter(journal: Journal, result: BlockResult, node: Node) -> list[tuple[VariantTrial, Record]]:
    """Write the folders of a block, each record with its node, and enter the trials in the journal together.

    Args:
        journal: Of the comparison.
        result: The block.
        node: Where it has run: blocks of one node are a stratum (`explain.verdicts.strata`).

    Returns:
        Its trials in the order they ran, repeated ones too.

    Raises:
        WorkbenchError: For files that are not of a run.
    """
    records = {}
    for run_id, files in result.folders.items():
        try:
            folder = unpack(journal.runs, run_id, files)
        except ValueError as error:
            raise WorkbenchError(f"node '{node.name}' has sent files that are not of a run: {error}") from None
        records[run_id] = read_record(folder).model_copy(update={"node": node})
        write_json(folder / RECORD, records[run_id])
    if result.whole_because and journal.state.policy.slicing is not None:
        journal.take_no_turns(f"on node '{node.name}' {result.whole_because}")
    if result.warmup_run_id is not None:
        journal.warmed_up(result.warmup_run_id)
    trials = [VariantTrial.model_validate_json(text).model_copy(update={"node": node}) for text in result.trials]
    journal.add_block(trials)
    return [(trial, records[trial.run_id]) for trial in trials]


def packed(folder: Path) -> dict[str, bytes]:
    """The files of a run folder, by their names in it. Only knobs and record stay here, by which its age is known."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = path.relative_to(folder).as_posix()
            found[name] = path.read_bytes()
            if name not in (KNOBS, RECORD):
                path.unlink()
    return found


def unpack(runs: Path, run_id: str, files: Mapping[str, bytes]) -> Path:
    """Write the folder of a run that has come back: the record last, for it says that the rest is there.

    Raises:
        ValueError: For a name that leads out of the folder.
        OSError: Where there is no room, or no leave.
    """
    folder = runs / run_id
    root = runs.resolve()
    for name in sorted(files, key=lambda name: name == RECORD):
        path = folder / name
        if not path.resolve().is_relative_to(root / run_id) or (root / run_id).parent != root:
            raise ValueError(f"'{name}' of '{run_id}' leads out of the folder of runs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
    return folder
