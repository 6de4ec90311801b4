"""A comparison whose blocks run on nodes: whoever begins it keeps the journal, and gives every node a block at a time.

All trials of a block run on one node, so that its ratios are of one machine. A node that is lost takes its block with
it: that is run anew, from its first trial, on another one.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.order import blocks
from workbench.measure.comparison.run import ComparisonRun, Records, run_comparison
from workbench.measure.nodes.address import SUBJECT, TLS_SUBJECT, Address, parse_nodes
from workbench.measure.nodes.block import BlockJob
from workbench.measure.nodes.cluster import Cluster, Lost, Running, open_cluster
from workbench.measure.nodes.identity import Identity, differences, identify, notes_of
from workbench.measure.nodes.result import BlockResult, enter
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.measure.trial.events import Event
from workbench.records import ComparisonState, Node, Record, Stop
from workbench.records.run_folder import read_record
from workbench.units import NS_PER_S, counted

_POLL_S = 0.2

#: How often it is looked which nodes are there.
_LOOK_NS = NS_PER_S

Open = Callable[[Address], AbstractContextManager[Cluster]]


def runner_for(nodes: str, tls: str | Path = "") -> Callable[..., ComparisonRun]:
    """What runs a comparison: here where no nodes are named, else on them. Both take a journal and the same callbacks.

    Args:
        nodes: As for `run_on_nodes`; empty: on this machine, and nothing of Dask is imported.
        tls: Likewise.

    Raises:
        BadInput: For nodes that cannot be, before anything runs.
    """
    if not nodes:
        if str(tls):
            problem = Problem(
                "there are certificates, and no nodes", TLS_SUBJECT, "Give --nodes tls://host:8786 as well"
            )
            raise BadInput("nodes", [problem])
        return run_comparison
    parse_nodes(nodes, tls)
    return partial(run_on_nodes, nodes=nodes, tls=tls)


def run_on_nodes(
    journal: Journal,
    nodes: str,
    *,
    tls: str | Path = "",
    is_clear: Callable[[Records], bool] = lambda records: False,
    on_trial: Callable[[int, int, str, Record], None] | None = None,
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    is_over: Callable[[Records], bool] = lambda records: False,
    losers: Callable[[Records], Collection[str]] = lambda records: (),
    clock: Clock = monotonic_ns,
    open_cluster: Open = open_cluster,
    poll_s: float = _POLL_S,
) -> ComparisonRun:
    """Run a comparison, or what is left of one, on nodes: blocks at once, the trials of a block as on one machine.

    Before any block, nodes are compared with this machine: one with another machine, code or data is refused.

    Args:
        journal: What is to run, and what has run already.
        nodes: ``local:2``, ``tcp://localhost:8786`` or ``tls://host:8786`` (see `address.parse_nodes`).
        tls: Folder of certificates.
        is_clear: As for `measure.comparison.run.run_comparison`; asked as each block ends. Blocks that still run then
            are ended, and don't count.
        on_trial: Likewise; called for the trials of a block when it has come back, with the name of the node first.
        on_event: Likewise; called from a thread of Dask.
        cancel: Likewise; the trials on the nodes are ended.
        is_over: Likewise; asked before every block.
        losers: Likewise; a block that was given to a node before has them yet.
        clock: Reads the time.
        open_cluster: Gives the nodes of an address.
        poll_s: How often it is looked what the nodes have done.

    Raises:
        BadInput: Where the nodes cannot be used, with everything that speaks against any of them.
        WorkbenchError: Where a block failed in a way that is no failure of a trial.
        KeyboardInterrupt: On an interrupt, after the trials on the nodes have been ended.
    """
    with open_cluster(parse_nodes(nodes, tls)) as cluster:
        found = cluster.nodes()
        notes = _checked(cluster, found, journal.state)
        runner = _NodesRunner(
            journal, cluster, found, is_clear, on_trial, on_event, cancel or threading.Event(), is_over, losers, clock,
            poll_s,
        )  # fmt: skip
        return runner.run(notes)


def check_nodes(nodes: str, variants: Mapping[str, Knobs], tls: str | Path = "") -> None:
    """Look at the nodes of a cluster before a comparison is begun; processes that are yet to start are none.

    Args:
        nodes: As for `run_on_nodes`; empty: there is nothing to look at.
        variants: What is to be compared.
        tls: Folder of certificates.

    Raises:
        BadInput: As `run_on_nodes` would.
    """
    address = parse_nodes(nodes, tls) if nodes else Address()
    if address.url:
        state = ComparisonState(variants=dict(variants), seed=0, most_blocks=1, runs="")
        with open_cluster(address) as cluster:
            _checked(cluster, cluster.nodes(), state)


def _checked(cluster: Cluster, nodes: Sequence[Node], comparison: ComparisonState) -> list[str]:
    """Compare the nodes with this machine; gives what a reader should know of it.

    Raises:
        BadInput: For settings that falsify a measurement, and for nodes that differ.
    """
    if problems := cluster.problems():
        raise BadInput("nodes", problems)
    state = comparison.model_dump_json()
    own = Identity.model_validate_json(identify(state))
    names = {node.address: node.name for node in nodes}
    said: dict[str, Identity] = {}
    for address, answer in cluster.ask(identify, state).items():
        name = names.get(address, address)
        if isinstance(answer, BaseException):
            remedy = "Start its worker with the Python in which the same workbench is installed"
            problems.append(Problem(f"cannot say what it is ({answer!r})", f"node '{name}'", remedy))
        else:
            said[name] = Identity.model_validate_json(answer)
    problems += differences(own, said)
    if problems:
        raise BadInput("nodes", problems)
    return notes_of(own, {node.name: node for node in nodes})


class _NodesRunner:
    def __init__(
        self,
        journal: Journal,
        cluster: Cluster,
        nodes: Sequence[Node],
        is_clear: Callable[[Records], bool],
        on_trial: Callable[[int, int, str, Record], None] | None,
        on_event: Callable[[Event], None] | None,
        cancel: threading.Event,
        is_over: Callable[[Records], bool],
        losers: Callable[[Records], Collection[str]],
        clock: Clock,
        poll_s: float,
    ) -> None:
        self._journal = journal
        self._cluster = cluster
        self._nodes = list(nodes)  # that are left, of those that have been looked at: one that comes later is unknown
        self._is_clear = is_clear
        self._on_trial = on_trial
        self._on_event = on_event
        self._cancel = cancel
        self._is_over = is_over
        self._losers = losers
        self._given = -1  # the last block that a node was given
        self._clock = clock
        self._poll_s = poll_s
        self._name = f"workbench-{secrets.token_hex(6)}"
        self._names = list(journal.state.variants)
        self._orders = list(islice(blocks(self._names, seed=journal.state.seed), journal.state.most_blocks))
        self._done: dict[int, dict[str, Record]] = {}
        self._to_run: list[int] = []
        self._running: dict[int, tuple[Node, Running, int]] = {}
        self._block_s: list[float] = []
        self._notes: list[str] = []
        self._began_ns = self._looked_ns = clock()

    def run(self, notes: Sequence[str]) -> ComparisonRun:
        self._notes += notes
        try:
            stop = self._run_blocks()
        finally:  # also on an interrupt
            for _, running, _ in self._running.values():
                running.cancel()
            self._cluster.end(self._name)
        self._journal.stopped(stop)
        numbers = sorted(self._done)
        return ComparisonRun(
            self._journal.state,
            order=[[name for name in self._orders[block] if name in self._done[block]] for block in numbers],
            records=self._records(),
            notes=self._notes,
        )

    def _run_blocks(self) -> Stop:
        self._find_done()
        if self._baseline_failed():
            return "failed"
        if self._done and self._to_run and self._is_clear(self._records()):
            return "clear"
        while True:
            if self._cancel.is_set():
                return "cancelled"
            stop = self._take_ended()
            if stop is not None:
                return stop
            if not self._to_run and not self._running:
                return "blocks"
            if self._no_time_left():
                if not self._running:
                    return "budget"
            else:
                self._give_out()
            if not self._nodes:
                return self._stop_without_nodes()
            time.sleep(self._poll_s)

    def _find_done(self) -> None:
        """Which blocks have run before; one of which a trial is missing is run anew, for it belongs on one node."""
        for block, order in enumerate(self._orders):
            found = {name: record for name in order if (record := self._kept(block, name)) is not None}
            expected = [name for name in order if self._runs_in(block, name)]
            if found and set(expected) <= found.keys():
                self._done[block] = found
            else:
                self._to_run.append(block)

    def _kept(self, block: int, name: str) -> Record | None:
        trial = self._journal.accepted(block, name)
        if trial is None:
            return None
        try:
            return read_record(self._journal.runs / trial.run_id)
        except BadInput as error:
            self._notes.append(f"A block was run anew, for the record of '{name}' was of no use: {error}")
            return None

    def _take_ended(self) -> Stop | None:
        """Enter the blocks that have ended; gives the reason where the comparison ends with one."""
        for block, (node, running, began_ns) in list(self._running.items()):
            try:
                result = running.result()
            except Lost:
                del self._running[block]
                self._lose(node, block)
                continue
            if result is None:
                continue
            del self._running[block]
            if result.stop == "cancelled":  # the node has ended it, as it does when it is closed
                self._lose(node, block)
                continue
            self._block_s.append((self._clock() - began_ns) / NS_PER_S)
            self._enter(node, block, result)
            if self._baseline_failed():
                return "failed"
            self._journal.drop(self._losers(self._records()), after=self._given)
            if (self._to_run or self._running) and self._is_clear(self._records()):
                return "clear"
        return None

    def _enter(self, node: Node, block: int, result: BlockResult) -> None:
        """Take in a block that has come back."""
        trials = enter(self._journal, result, node)
        self._notes += [f"On node '{node.name}': {note}" for note in result.notes]
        if result.warmup_run_id is not None:
            self._tell(node, "warm-up trial", read_record(self._journal.runs / result.warmup_run_id))
        if result.failed_run_id is not None:
            self._done[block] = {self._names[0]: read_record(self._journal.runs / result.failed_run_id)}
        elif trials:
            self._done[block] = {trial.variant: record for trial, record in trials if not trial.repeated}
        for trial, record in trials:
            self._tell(node, trial.variant, record)

    def _lose(self, node: Node, block: int) -> None:
        self._to_run = sorted([*self._to_run, block])
        if node in self._nodes:
            self._nodes.remove(node)
            rest = "is run anew on another node" if self._nodes else "has not run"
            self._notes.append(f"Node '{node.name}' was lost while it ran block {block + 1}, which {rest}.")

    def _give_out(self) -> None:
        """Give every node that has nothing to do the next block."""
        if self._clock() - self._looked_ns >= _LOOK_NS:
            self._looked_ns = self._clock()
            there = {node.address for node in self._cluster.nodes()}
            busy = [node for node, _, _ in self._running.values()]
            for node in [node for node in self._nodes if node.address not in there and node not in busy]:
                self._nodes.remove(node)
                self._notes.append(f"Node '{node.name}' was lost while it ran no block.")
        busy = [node for node, _, _ in self._running.values()]
        for node in [node for node in self._nodes if node not in busy]:
            if not self._to_run:
                return
            block = self._to_run.pop(0)
            self._given = max(self._given, block)
            running = self._cluster.submit(node, self._job(block), self._teller(node))
            self._running[block] = node, running, self._clock()

    def _job(self, block: int) -> BlockJob:
        order = [name for name in self._orders[block] if self._runs_in(block, name)]
        state = self._journal.state
        variants = {name: knobs for name, knobs in state.variants.items() if name in order}
        programs = {name: program for name, program in state.programs.items() if name in order}
        asked = state.model_copy(update={"variants": variants, "programs": programs, "trials": []})
        return BlockJob(self._name, asked.model_dump_json(), block, order)

    def _stop_without_nodes(self) -> Stop:
        left = counted(len(self._to_run), "block")
        self._notes.append(f"No node was left to run the other {left}: go on with --resume when there are nodes again.")
        if not self._done:
            raise BadInput("nodes", [Problem("all nodes were lost before a block was done", SUBJECT, self._notes[-1])])
        return "lost"

    def _no_time_left(self) -> bool:
        if not self._to_run:
            return False
        budget_s = self._journal.state.policy.budget_s
        if budget_s is not None and self._block_s:
            spent_s = (self._clock() - self._began_ns) / NS_PER_S
            if spent_s + float(np.median(self._block_s)) > budget_s:
                return True
        return self._is_over(self._records())

    def _records(self) -> dict[str, list[Record]]:
        """By variant, in the order of the blocks: up to the first that failed, so that blocks match by their place."""
        found: dict[str, list[Record]] = {name: [] for name in self._names}
        for block in sorted(self._done):
            for name, record in self._done[block].items():
                if not found[name] or found[name][-1].status == "ok":
                    found[name].append(record)
        return found

    def _runs_in(self, block: int, name: str) -> bool:
        """Whether a variant runs in a block: it has not failed, and was no loser before."""
        return not self._has_failed(name) and block <= self._journal.state.dropped.get(name, block)

    def _has_failed(self, name: str) -> bool:
        return any(name in found and found[name].status == "failed" for found in self._done.values())

    def _baseline_failed(self) -> bool:
        return self._has_failed(self._names[0])

    def _teller(self, node: Node) -> Callable[[Event], None] | None:
        tell = self._on_event
        if tell is None:
            return None
        return lambda event: tell(event.model_copy(update={"trial": _named(node, event.trial)}))

    def _tell(self, node: Node, name: str, record: Record) -> None:
        if self._on_trial is not None:
            kept = sum(not trial.repeated for trial in self._journal.state.trials)
            self._on_trial(kept, self._journal.state.most_blocks * len(self._names), _named(node, name), record)


def _named(node: Node, what: str) -> str:
    return f"{node.name}: {what}" if what else node.name
