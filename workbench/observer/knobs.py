"""Knobs of a DataLoader, set from outside where a script makes one; and what arrived of them."""

from __future__ import annotations

import os
import weakref
from typing import Any

from .names import CallSite
from .session import Session

#: Torch takes these only where there are workers.
_FOR_WORKERS = ("prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout")


class LoaderKnobs:
    """Knows the loaders of this process, and sets the knobs of those that they are meant for.

    Args:
        session: Its settings hold `loader_knobs` by name, and `loader`: `auto`, `all`, or the name of one.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._wanted: dict[str, Any] = session.settings.get("loader_knobs", {})
        self._which: str = session.settings.get("loader", "auto")
        self._sites: dict[tuple[str, ...], list[tuple[Any, str]]] = {}
        self._ended: set[str] = set()
        self._names: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    def applied(self, site: CallSite, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """The arguments of a DataLoader with the knobs that are asked for."""
        if not self._wanted or not self._is_meant(site, args, kwargs):
            return args, kwargs
        own = dict(kwargs)
        names = ("dataset", "batch_size", "shuffle", "sampler", "batch_sampler", "num_workers", "collate_fn")
        positional = dict(zip(names, args))
        own.update({name: value for name, value in positional.items() if name != "dataset"})
        wanted = dict(self._wanted)
        if own.get("batch_sampler") is not None:
            wanted.pop("batch_size", None)
        own.update(wanted)
        if own.get("num_workers", 0) == 0:
            for name in _FOR_WORKERS:
                own.pop(name, None)
        dataset = (args[0],) if args else ()
        return dataset, own

    def _is_meant(self, site: CallSite, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if self._which == "all":
            return True
        if self._which != "auto":
            return site.name == self._which
        shuffle = kwargs.get("shuffle", args[2] if len(args) > 2 else None)
        if shuffle:
            return True
        samplers = [kwargs.get("sampler"), kwargs.get("batch_sampler"), *args[3:5]]
        named = [type(sampler).__name__ for sampler in samplers if sampler is not None]
        return any("Sequential" not in name and name not in ("BatchSampler",) for name in named)

    def made(self, site: CallSite, loader: Any) -> None:
        """A loader was made."""
        self._names[loader] = self._name_of(site, getattr(loader, "dataset", None))

    def name(self, loader: Any) -> str:
        """The name of a loader that was made."""
        return self._names.get(loader, "<unnamed>")

    def _name_of(self, site: CallSite, dataset: Any) -> str:
        """The name of a loader: its line, with a number where that line makes loaders of several data sets.

        A framework may make a second loader of a data set (Accelerate does): that is the script's own still.
        """
        if not site.is_direct:
            for known in self._sites.values():
                for held, name in known:
                    if held() is dataset:
                        return name
        known = self._sites.setdefault(site.chain, [])
        form = type(dataset), _length(dataset)
        for number, (held, name) in enumerate(known):
            alive = held()
            if alive is dataset:
                return name
            # A loader of the same line, made anew for another epoch, with a data set of its own.
            if alive is None or (name in self._ended and form == (type(alive), _length(alive))):
                known[number] = (_reference(dataset), name)
                return name
        names = {name for chain in self._sites.values() for _, name in chain}
        name, number = site.name, 1
        while name in names:
            number += 1
            name = f"{site.name}#{number}"
        known.append((_reference(dataset), name))
        return name

    def ended(self, name: str) -> None:
        """An epoch of a loader is over."""
        self._ended.add(name)

    def facts_of(self, loader: Any, iterator: Any) -> dict[str, Any]:
        """What a loader is, as it stands when it is iterated."""
        dataset, sampler = loader.dataset, getattr(loader, "sampler", None)
        context = getattr(loader, "multiprocessing_context", None)
        return {
            "name": self.name(loader),
            "dataset_class": type(dataset).__name__,
            "num_samples": _length(dataset),
            "num_batches": _length(loader),
            "batch_size": getattr(loader, "batch_size", None) or getattr(loader.batch_sampler, "batch_size", None),
            "shuffles": "Random" in type(sampler).__name__ or "Distributed" in type(sampler).__name__,
            "num_workers": iterator._num_workers,
            "prefetch_factor": getattr(loader, "prefetch_factor", None),
            "persistent_workers": bool(getattr(loader, "persistent_workers", False)),
            "pin_memory": bool(iterator._pin_memory),
            "start_method": _start_method(context) if iterator._num_workers else None,
            "in_order": bool(getattr(loader, "in_order", True)),
            "rank": _rank(),
            "collate": getattr(loader.collate_fn, "__qualname__", type(loader.collate_fn).__name__),
        }


def _rank() -> int | None:
    """The rank of this process; None where there are none."""
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return int(torch.distributed.get_rank())
    rank = os.environ.get("RANK")
    return int(rank) if rank else None


def _reference(dataset: Any) -> Any:
    try:
        return weakref.ref(dataset)
    except TypeError:  # a list, say
        return lambda: dataset


def _length(value: Any) -> int | None:
    try:
        return len(value)
    except Exception:  # of an iterable it may be whatever the user's code raises
        return None


def _start_method(context: Any) -> str:
    import multiprocessing

    if context is None:
        return multiprocessing.get_start_method()
    if isinstance(context, str):
        return context
    name = getattr(context, "_name", None) or context.get_start_method()
    return str(name)
