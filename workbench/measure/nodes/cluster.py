"""A cluster of Dask as a comparison needs it: nodes, what they say of themselves, and a block on one of them."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from workbench.errors import BadInput, Problem
from workbench.measure.nodes.address import SUBJECT, Address
from workbench.measure.nodes.block import BlockJob, forget, num_running, run_block
from workbench.measure.nodes.local import local_cluster
from workbench.measure.nodes.result import BlockResult
from workbench.measure.nodes.settings import scheduler_problems, worker_problems
from workbench.measure.trial.events import Event, parse_event
from workbench.records import Node

_CONNECT_S = 15.0
_WORKERS_S = 60.0
_ANSWER_S = 60.0
_POLL_S = 0.1


class Lost(Exception):
    """A node is gone, with the block that it was running."""


class Running(Protocol):
    """A block that runs on a node."""

    def result(self) -> BlockResult | None:
        """What it has come to; None as long as it runs. Raises `Lost`, or what it has raised there."""

    def cancel(self) -> None:
        """End it: its trials are ended."""


class Cluster(Protocol):
    """Nodes that run blocks."""

    def nodes(self) -> list[Node]:
        """Those that are there now; none where the scheduler is gone."""

    def problems(self) -> list[Problem]:
        """What is set so that it would falsify a measurement."""

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """What a function says on each node, by the address of the node; an exception where it was raised."""

    def submit(self, node: Node, job: BlockJob, on_event: Callable[[Event], None] | None) -> Running:
        """Run a block on a node, there and nowhere else."""

    def end(self, comparison: str) -> None:
        """Wait until no node runs a block any more, and let nodes forget the comparison."""


@contextlib.contextmanager
def open_cluster(address: Address) -> Iterator[Cluster]:
    """The nodes of an address, as long as the ``with`` block lasts. Imports Dask.

    Raises:
        BadInput: Where there is no cluster, or it has no workers.
    """
    import distributed
    from distributed import security as dask_security

    make_client: Callable[..., Any] = distributed.Client
    make_security: Callable[..., Any] = dask_security.Security
    with contextlib.ExitStack() as stack:
        security = None
        if address.certificates is not None:
            files = address.certificates
            security = make_security(
                require_encryption=True,
                tls_ca_file=str(files.ca),
                tls_client_cert=str(files.certificate),
                tls_client_key=str(files.key),
            )
        url, num_nodes = address.url, 1
        if not url:
            url, num_nodes = stack.enter_context(local_cluster(address.num_local))[0], address.num_local
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what it says of lost nodes, notes say
        try:
            client = make_client(url, timeout=_CONNECT_S, set_as_default=False, security=security, name="workbench")
        except (OSError, TypeError, ValueError) as error:
            remedy = "Start a scheduler there, or check address and certificates (docs/nodes.md)"
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BadInput("nodes", [Problem(f"no scheduler answers at {url} ({why})", SUBJECT, remedy)]) from None
        stack.callback(_close, client)
        cluster = DaskCluster(client, is_local=not address.url)
        until_s = time.monotonic() + (_WORKERS_S if not address.url else _CONNECT_S)
        while len(cluster.nodes()) < num_nodes:
            if time.monotonic() > until_s:
                what = f"the scheduler at {url} has no workers" if address.url else "the processes have not started"
                raise BadInput("nodes", [Problem(what, SUBJECT, "Start a worker on each node (docs/nodes.md)")])
            time.sleep(_POLL_S)
        yield cluster


class DaskCluster:
    """See `Cluster`.

    Args:
        client: Of Dask.
        is_local: Whether its workers are processes of this machine that were started for this comparison.
    """

    def __init__(self, client: Any, *, is_local: bool = False) -> None:
        self._client = client
        self._is_local = is_local
        self._hosts: dict[str, str] = {}  # by address

    def nodes(self) -> list[Node]:
        """See `Cluster`."""
        try:
            workers = self._client.run_on_scheduler(_workers)
        except Exception:  # of many kinds: the connection is gone, or is being made anew
            return []
        if any(address not in self._hosts for address, _ in workers):
            answers = self.ask(socket.gethostname)
            self._hosts |= {address: host for address, host in answers.items() if isinstance(host, str)}
        hosts = Counter(self._hosts.get(address, address) for address, _ in workers)
        named = []
        for address, name in workers:
            host = self._hosts.get(address, address)
            own = name if self._is_local else host if hosts[host] == 1 else f"{host}/{name}"
            named.append(Node(name=own, host=host, address=address))
        return sorted(named, key=lambda node: node.name)

    def problems(self) -> list[Problem]:
        """See `Cluster`."""
        try:
            found = scheduler_problems(self._client.run_on_scheduler(_scheduler_settings))
        except Exception as error:
            found = [_cannot_import("the scheduler", error)]
        names = {node.address: node.name for node in self.nodes()}
        for address, said in self.ask(_worker_settings).items():
            where = f"node '{names.get(address, address)}'"
            found += [_cannot_import(where, said)] if isinstance(said, BaseException) else worker_problems(where, said)
        return found

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """See `Cluster`."""
        try:
            answers: dict[str, Any] = self._client.run(function, *arguments, on_error="return")
        except Exception as error:
            return dict.fromkeys(self._hosts, error)
        return answers

    def submit(self, node: Node, job: BlockJob, on_event: Callable[[Event], None] | None) -> Running:
        """See `Cluster`."""
        topic = f"{job.comparison}-{job.block}-{time.monotonic_ns()}"
        if on_event is not None:
            self._client.subscribe_topic(topic, _reader(on_event))
        future = self._client.submit(
            run_on_worker,
            job,
            topic if on_event is not None else "",
            key=topic,
            workers=[node.address],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )
        return _DaskBlock(self, future, node)

    def end(self, comparison: str) -> None:
        """See `Cluster`."""
        until_s = time.monotonic() + _ANSWER_S
        while time.monotonic() < until_s:
            answers = self.ask(num_running)
            if not any(answer for answer in answers.values() if isinstance(answer, int)):
                break
            time.sleep(_POLL_S)
        self.ask(forget, comparison)


class _DaskBlock:
    def __init__(self, cluster: DaskCluster, future: Any, node: Node) -> None:
        self._cluster = cluster
        self._future = future
        self._node = node

    def result(self) -> BlockResult | None:
        from distributed.scheduler import KilledWorker

        status = self._future.status
        if status == "finished":
            try:
                result: BlockResult = self._future.result(timeout=_ANSWER_S)
            except (OSError, TimeoutError) as error:  # it went with its node before it was here
                raise Lost from error
            self._future.release()
            return result
        if status == "error":
            why = self._future.exception(timeout=_ANSWER_S)
            if isinstance(why, KilledWorker):
                raise Lost
            raise why
        if status in ("cancelled", "lost") or self._node.address not in {n.address for n in self._cluster.nodes()}:
            self.cancel()  # else it would run when a worker of the same address comes
            raise Lost
        return None

    def cancel(self) -> None:
        with contextlib.suppress(Exception):
            self._future.cancel(reason="the comparison has ended it", force=True)


def run_on_worker(job: BlockJob, topic: str) -> BlockResult:
    """Run a block as a task of Dask. It is ended where the task is not wanted any more, or its worker closes."""
    from distributed import get_worker
    from distributed.core import Status

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state in ("executing", "long-running") and worker.status == Status.running

    def tell(event: Event) -> None:
        worker.log_event(topic, event.model_dump_json(exclude_defaults=True))

    scratch = Path(worker.local_directory)
    return run_block(job, on_event=tell if topic else None, is_wanted=is_wanted, scratch=scratch)


def _reader(on_event: Callable[[Event], None]) -> Callable[[Any], None]:
    def read(told: Any) -> None:
        event = parse_event(told[1]) if isinstance(told, Sequence) and len(told) > 1 else None
        if event is not None:
            on_event(event)

    return read


def _workers(dask_scheduler: Any) -> list[tuple[str, str]]:
    """Address and name of every worker: run on the scheduler."""
    return [(worker.address, str(worker.name)) for worker in dask_scheduler.workers.values()]


def _scheduler_settings(dask_scheduler: Any) -> dict[str, Any]:
    """Run on the scheduler."""
    return {
        "work-stealing": "stealing" in dask_scheduler.extensions,  # it is taken out where it is set off
        "allowed-failures": dask_scheduler.allowed_failures,
    }


def _worker_settings(dask_worker: Any) -> dict[str, Any]:
    """Run on a worker."""
    import dask

    return {
        "threads": dask_worker.state.nthreads,
        "profile": bool(dask.config.get("distributed.worker.profile.enabled")),
        "memory-limit": dask_worker.memory_manager.memory_limit,
    }


def _cannot_import(where: str, error: BaseException) -> Problem:
    why = json.dumps(str(error).splitlines()[-1]) if str(error) else type(error).__name__
    remedy = "Start it with the Python in which the same workbench is installed, with its extra [nodes]"
    return Problem(f"does not know the workbench ({why})", where, remedy)


def _close(client: Any) -> None:
    with contextlib.suppress(Exception):
        client.close(timeout=5)
