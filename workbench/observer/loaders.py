"""torch's DataLoader, seen from outside: who makes one, with what; where its batches are asked for."""

from __future__ import annotations

import functools
import os
import sys
import threading
from types import ModuleType
from typing import Any

from . import steps
from .fetch import COLLATE, Carried, Orders
from .imports import After
from .knobs import LoaderKnobs
from .lane import current
from .names import CallSite, call_site
from .session import Session
from .timed import timed


def hooks(session: Session) -> dict[str, After]:
    """What is done after which module was imported."""
    knobs = LoaderKnobs(session)
    return {
        "torch.utils.data.dataloader": functools.partial(_look_at_loaders, session, knobs),
        "torch.utils.data": functools.partial(_look_at_parts, session),
        "torch.utils.data._utils.fetch": functools.partial(_look_at_fetchers, session),
        "torch.utils.data._utils.pin_memory": functools.partial(_look_at_pinning, session, knobs),
        "fastai.data.load": lambda module: session.patch(module, "fa_collate", lambda call: timed(call, COLLATE)),
        "torchdata.stateful_dataloader.stateful_dataloader": functools.partial(_look_at_stateful, session, knobs),
    }


def _look_at_loaders(session: Session, knobs: LoaderKnobs, module: ModuleType) -> None:
    loader, iterator = module.DataLoader, module._BaseDataLoaderIter
    init = loader.__init__
    session.patch(loader, "__init__", functools.partial(_init_loader, session, knobs))
    session.patch(iterator, "__init__", functools.partial(_init_iterator, session, knobs))
    session.patch(iterator, "__next__", functools.partial(_next_batch, session, knobs))
    if hasattr(loader, "_get_iterator"):
        session.patch(loader, "_get_iterator", functools.partial(_made_again, session, knobs, init))
        without_workers = module._SingleProcessDataLoaderIter
        session.patch(loader, "_get_iterator", functools.partial(_knocked_out, session, knobs, without_workers))
    of_workers = module._MultiProcessingDataLoaderIter
    session.patch(of_workers, "__init__", functools.partial(_start_workers, session, knobs))
    session.patch(of_workers, "_reset", functools.partial(_start_workers, session, knobs))


def _made_again(session: Session, knobs: LoaderKnobs, init: Any, original: Any) -> Any:
    """A loader that knobs are meant for after all is made anew, in its place."""

    @functools.wraps(original)
    def _get_iterator(self: Any) -> Any:
        if not session.off and not session.is_worker:
            try:
                again = knobs.arguments_again(self)
                if again is not None:
                    self.__dict__["_DataLoader__initialized"] = False
                    init(self, *again[0], **again[1])
            except Exception as error:
                session.fault(error)
        return original(self)

    return _get_iterator


def _knocked_out(session: Session, knobs: LoaderKnobs, without_workers: Any, original: Any) -> Any:
    """A loader whose batches are given again needs no workers."""

    @functools.wraps(original)
    def _get_iterator(self: Any) -> Any:
        loop = None if session.off or session.is_worker else steps.running()
        if loop is not None and loop.is_knocked_out(knobs.name(self)):
            own = self.__dict__
            has, own["num_workers"] = own["num_workers"], 0
            try:
                return without_workers(self)
            finally:
                own["num_workers"] = has
        return original(self)

    return _get_iterator


def _look_at_stateful(session: Session, knobs: LoaderKnobs, module: ModuleType) -> None:
    # Its __init__ does not call that of torch's DataLoader.
    session.patch(module.StatefulDataLoader, "__init__", functools.partial(_init_loader, session, knobs))


def _init_loader(session: Session, knobs: LoaderKnobs, original: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        site: CallSite | None = None
        if not session.off and not session.is_worker:
            try:
                site = call_site()
                args, kwargs = knobs.applied(site, args, kwargs)
            except Exception as error:
                session.fault(error)
        original(self, *args, **kwargs)
        if site is not None and not session.off:
            try:
                knobs.made(site, self, args, kwargs)
            except Exception as error:
                session.fault(error)

    return __init__


def _init_iterator(session: Session, knobs: LoaderKnobs, original: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, loader: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(self, loader, *args, **kwargs)
        if session.off or session.is_worker:
            return
        try:
            knobs.found(loader)
            knobs.refuse(loader)
            number = steps.of(session, knobs).iterator_made(self, loader)
            self._collate_fn = Carried(self._collate_fn, number, knobs.name(loader), is_set=knobs.is_set(loader))
        except Exception as error:
            session.fault(error)

    return __init__


def _start_workers(session: Session, knobs: LoaderKnobs, original: Any) -> Any:
    """Where the workers of an iterator are started, or begin an epoch anew."""

    @functools.wraps(original)
    def start(self: Any, loader: Any, *args: Any, **kwargs: Any) -> Any:
        loop = None if session.off or session.is_worker else steps.running()
        if loop is None:
            return original(self, loader, *args, **kwargs)
        depth = loop.lane.depth
        try:
            loop.lane.enter(f"epoch of {knobs.name(loader)}")
        except Exception as error:
            session.fault(error)
        try:
            return original(self, loader, *args, **kwargs)
        finally:
            loop.lane.leave_to(depth)

    return start


def _next_batch(session: Session, knobs: LoaderKnobs, original: Any) -> Any:
    @functools.wraps(original)
    def __next__(self: Any) -> Any:  # noqa: N807
        if session.off or session.is_worker:
            return original(self)
        main = steps.of(session, knobs)
        if threading.current_thread() is not threading.main_thread():
            main.asked_in_thread(self)
            return original(self)
        try:
            main.asked(self)
        except Exception as error:
            session.fault(error)
            return original(self)
        try:
            replayed = main.replayed(self)
            batch = original(self) if replayed is None else replayed[0]
        except StopIteration:
            main.ended(self)
            raise
        except BaseException:
            main.failed()
            raise
        return main.given(self, batch)

    return __next__


def _look_at_parts(session: Session, module: ModuleType) -> None:
    """Whether a worker's data set asks which part of the samples is its own."""

    def asking(original: Any) -> Any:
        @functools.wraps(original)
        def get_worker_info() -> Any:
            if not sys._getframe(1).f_globals.get("__name__", "").startswith("torch."):  # which asks for itself
                session.knows_its_part = True
            return original()

        return get_worker_info

    session.patch(module, "get_worker_info", asking)


def _look_at_fetchers(session: Session, module: ModuleType) -> None:
    session.patch(module._BaseDatasetFetcher, "__init__", functools.partial(_init_fetcher, session))
    for name in ("_MapDatasetFetcher", "_IterableDatasetFetcher"):
        session.patch(getattr(module, name), "fetch", functools.partial(_fetch, session))


def _init_fetcher(session: Session, original: Any) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, dataset: Any, auto_collation: Any, collate_fn: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        carried = collate_fn if isinstance(collate_fn, Carried) else None
        original(self, dataset, auto_collation, collate_fn if carried is None else carried.collate, *args, **kwargs)
        if carried is None or session.off:
            return
        try:
            self._workbench = Orders(session, self, carried, in_worker=os.getpid() != carried.pid)
        except Exception as error:
            session.fault(error)

    return __init__


def _fetch(session: Session, original: Any) -> Any:
    @functools.wraps(original)
    def fetch(self: Any, index: Any) -> Any:
        orders = getattr(self, "_workbench", None)
        if orders is None or session.off:
            return original(self, index)
        try:
            orders.begin(index)
        except Exception as error:
            session.fault(error)
            return original(self, index)
        try:
            batch = original(self, index)
        finally:
            try:
                orders.end()
            except Exception as error:
                session.fault(error)
        return batch if session.off else orders.packed(batch)

    return fetch


def _look_at_pinning(session: Session, knobs: LoaderKnobs, module: ModuleType) -> None:
    session.patch(module, "pin_memory", functools.partial(_pin, session, knobs))


def _pin(session: Session, knobs: LoaderKnobs, original: Any) -> Any:
    depth = threading.local()

    @functools.wraps(original)
    def pin_memory(data: Any, *args: Any, **kwargs: Any) -> Any:
        if session.off or session.is_worker or getattr(depth, "now", False):
            return original(data, *args, **kwargs)
        lane = current.lane or session.lane("receiver")
        depth.now = True
        lane.enter("pin")
        try:
            pinned = original(data, *args, **kwargs)
        finally:
            lane.leave()
            depth.now = False
        steps.of(session, knobs).pinned(data, pinned)
        return pinned

    return pin_memory
