"""A cluster that is none: its blocks run here, with fake trials."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeTrials

from workbench.errors import Problem
from workbench.measure.nodes.address import Address
from workbench.measure.nodes.block import BlockJob, forget, run_block
from workbench.measure.nodes.cluster import Lost
from workbench.measure.nodes.identity import Identity
from workbench.measure.nodes.result import BlockResult
from workbench.measure.trial.events import Event
from workbench.records import Node


class FakeRunning:
    """A block that has run, and is over when it was asked about for some time."""

    def __init__(self, result: BlockResult | None, waits: int) -> None:
        self._result = result
        self._waits = waits
        self.cancelled = False

    def result(self) -> BlockResult | None:
        self._waits -= 1
        if self._waits >= 0:
            return None
        if self._result is None:
            raise Lost
        return self._result

    def cancel(self) -> None:
        self.cancelled = True


class FakeCluster:
    """Nodes `alpha` and `beta`.

    Attributes:
        trials: What runs their trials.
        there: The nodes that are there.
        loses: Whether a node is lost with its block, by its name and the number of the block.
        waits: How often a block is asked about before it is over, by its number.
        changes: By name of a node, how its identity differs.
        given: Names of nodes and numbers of blocks, in the order they were given out.
    """

    def __init__(self) -> None:
        self.trials = FakeTrials()
        self.there = [Node(name=name, host=name, address=f"tcp://{name}:1") for name in ("alpha", "beta")]
        self.loses: Callable[[str, int], bool] = lambda name, block: False
        self.waits: Callable[[int], int] = lambda block: 1
        self.changes: dict[str, Callable[[Identity], Identity]] = {}
        self.wrong: list[Problem] = []
        self.given: list[tuple[str, int]] = []
        self.running: list[FakeRunning] = []
        self.ended: list[str] = []

    def nodes(self) -> list[Node]:
        return list(self.there)

    def problems(self) -> list[Problem]:
        return list(self.wrong)

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        found = {}
        for node in self.there:
            said = Identity.model_validate_json(function(*arguments)).model_copy(update={"host": node.host})
            found[node.address] = self.changes.get(node.name, lambda same: same)(said).model_dump_json()
        return found

    def submit(self, node: Node, job: BlockJob, on_event: Callable[[Event], None] | None) -> FakeRunning:
        self.given.append((node.name, job.block))
        if self.loses(node.name, job.block):
            self.there.remove(node)
            result = None
        else:
            result = run_block(job, on_event=on_event, launch=self.trials)
        self.running.append(FakeRunning(result, self.waits(job.block)))
        return self.running[-1]

    def end(self, comparison: str) -> None:
        self.ended.append(comparison)
        forget(comparison)

    @contextlib.contextmanager
    def open(self, address: Address) -> Iterator[FakeCluster]:
        yield self


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder with a few files that pass for a data set."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(bytes([number]) * 100)
    return folder
