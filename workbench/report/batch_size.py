"""Finds a batch size by measuring: memory at small sizes first, then each size against half of it.

No size is tried whose memory, by the line through those that were, might not be there: on a CPU what is too large is
ended by the kernel, and with it whatever else it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.explain.batch_size import Doubling, MemoryLine, answer, memory_line
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import Launch, run_comparison
from workbench.measure.trial.control_group import usable_memory
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.report.outcome import new_comparison_folder, save_comparison
from workbench.report.verdicts import compare_run, stopping_rule
from workbench.units import counted

#: Sizes at which memory is measured.
SMALL_SIZES = (2, 4, 8)

#: Counted steps of a trial for memory, after as many that are not.
_MEMORY_STEPS = 2

#: Counted steps of a trial at least, however large its batches are.
_LEAST_STEPS = 3


@dataclass(frozen=True)
class FoundSize:
    """What was found.

    Attributes:
        size: The size to take.
        line: Memory by size.
        free_bytes: What was free before.
        doublings: What was compared, in this order.
        folders: Of the comparisons.
    """

    size: int
    line: MemoryLine
    free_bytes: int
    doublings: list[Doubling]
    folders: list[Path]

    @property
    def sentence(self) -> str:
        """The answer."""
        return answer(self.doublings, SMALL_SIZES[0])


def find_batch_size(
    knobs: Knobs,
    results: Path,
    *,
    samples: int,
    blocks: int,
    num_samples: int | None,
    on_line: Callable[[str], None],
    free_bytes: Callable[[Knobs], int] | None = None,
    launch: Launch = run_trial,
) -> FoundSize:
    """Find the size from which on a larger batch is no faster, or would not fit.

    Args:
        knobs: All else.
        results: Folder for what is measured.
        samples: Samples that each trial counts, about; every size as many.
        blocks: How often two sizes are compared at most.
        num_samples: Samples in the data set; None: not known.
        on_line: Called with what was found so far, a sentence each.
        free_bytes: Gives the memory that is free for trials; None: this machine's, or its GPU's.
        launch: Runs a trial: knobs in, record out.

    Raises:
        BadInput: Where a trial at a small size fails.
    """
    free = (free_bytes or free_memory)(knobs)
    measured = {size: _memory_at(knobs, size, results, launch) for size in SMALL_SIZES}
    line = memory_line(measured)
    on_line(line.sentence(free))
    doublings: list[Doubling] = []
    folders: list[Path] = []
    half = SMALL_SIZES[0]
    while True:
        size = 2 * half
        if why_not := _why_not(size, samples, num_samples, line, free):
            doublings.append(Doubling(size, half, None, why_not))
            break
        step, folder, records = _compared(knobs, half, size, results, samples=samples, blocks=blocks, launch=launch)
        folders.append(folder)
        doublings.append(step)
        on_line(f"{step.sentence}.")
        if not step.gains:
            break
        measured[size] = max((_bytes_of(record) or 0 for record in records), default=measured[half])
        line, half = memory_line(measured), size
    return FoundSize(half, line, free, doublings, folders)


def free_memory(knobs: Knobs) -> int:
    """Bytes that are free for a trial: on the GPU where there is one, else of the machine or its control group."""
    if knobs.device in ("auto", "cuda"):
        import torch

        if torch.cuda.is_available():
            return int(torch.cuda.mem_get_info()[0])
    return usable_memory().free


def _why_not(size: int, samples: int, num_samples: int | None, line: MemoryLine, free_bytes: int) -> str:
    """Why a size is not tried; empty where it may be."""
    if num_samples is not None and size > num_samples:
        return f"the data set has {counted(num_samples, 'sample')} only"
    largest = line.largest(free_bytes)
    if largest is not None and size > largest:
        return f"it might not fit; {largest} would be the largest that does"
    if size * _LEAST_STEPS > samples:
        return f"{counted(samples, 'sample')} are fewer than {_LEAST_STEPS} batches; --samples N counts more"
    return ""


def _memory_at(knobs: Knobs, size: int, results: Path, launch: Launch) -> int:
    steps = {"num_steps": _MEMORY_STEPS, "warmup_steps": _MEMORY_STEPS}
    record = launch(knobs.changed(batch_size=size, checked_samples=0, isolated_samples=0, **steps), results / "runs")
    taken = _bytes_of(record)
    if taken is None:
        why = record.failure.message if record.failure else "its memory could not be read"
        raise BadInput("batch size", [Problem(f"a trial of batches of {size} failed: {why}")])
    return taken


def _bytes_of(record: Record) -> int | None:
    """What a trial took at most: on a device of its own memory there."""
    if record.failure is not None:
        return None
    memory = record.memory
    return memory.device_process_bytes or memory.peak_device_bytes or memory.peak_tree_bytes


def _compared(
    knobs: Knobs, half: int, size: int, results: Path, *, samples: int, blocks: int, launch: Launch
) -> tuple[Doubling, Path, list[Record]]:
    variants = {
        f"batch_size={number}": knobs.changed(
            batch_size=number, num_steps=max(_LEAST_STEPS, samples // number), checked_samples=0, isolated_samples=0
        )
        for number in (half, size)
    }
    folder = new_comparison_folder(results)
    journal = Journal.begin(folder, variants, runs=results / "runs", seed=knobs.seed, num_blocks=blocks)
    compared = run_comparison(journal, is_clear=stopping_rule(journal), launch=launch)
    comparison = compare_run(compared)
    path = save_comparison(comparison, folder)
    name = f"batch_size={size}"
    (result,) = [variant for variant in comparison.variants if variant.name == name]
    return Doubling(size, half, result), path, list(compared.records[name])
