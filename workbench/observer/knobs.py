"""Knobs of a DataLoader, set from outside where a script makes one; and what arrived of them."""

from __future__ import annotations

import os
import weakref
from typing import Any

from .names import CallSite, behind, call_site
from .refusals import is_iterable, refuse_batch_size, refuse_unpicklable
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
        self._set: set[tuple[str, ...]] = set()
        self._set_names: set[str] = set()
        self._ended: set[str] = set()
        self._foreign: set[str] = set()
        self._made_of: weakref.WeakKeyDictionary[Any, tuple[CallSite, Any, Any]] = weakref.WeakKeyDictionary()
        self._names: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    def applied(self, site: CallSite, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """The arguments of a DataLoader with the knobs that are asked for."""
        if not self._wanted or not self._is_meant(site, args, kwargs):
            return args, kwargs
        return self._with_wanted(site, args, kwargs)

    def _with_wanted(self, site: CallSite, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        own = dict(kwargs)
        names = ("dataset", "batch_size", "shuffle", "sampler", "batch_sampler", "num_workers", "collate_fn")
        positional = dict(zip(names, args))
        own.update({name: value for name, value in positional.items() if name != "dataset"})
        wanted = dict(self._wanted)
        if "batch_size" in wanted and refuse_batch_size(self._session, own, wanted["batch_size"]):
            del wanted["batch_size"]
        own.update(wanted)
        self._set.add(site.chain)
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
        dataset = kwargs.get("dataset", args[0] if args else None)
        if is_iterable(dataset):
            return True  # it shuffles itself, if anybody does
        samplers = [kwargs.get("sampler"), kwargs.get("batch_sampler"), *args[3:5]]
        named = [type(sampler).__name__ for sampler in samplers if sampler is not None]
        return any("Sequential" not in name and name not in ("BatchSampler",) for name in named)

    def arguments_again(self, loader: Any) -> Any:
        """The arguments with which to make a loader anew that is about to be iterated; None where it may stay.

        Where no loader shuffles, the one that trains cannot be told when it is made: it is the first that is iterated
        with gradients.
        """
        import torch

        if not self._wanted or self._which != "auto" or self._set or loader not in self._made_of:
            return None
        if not torch.is_grad_enabled():
            return None
        self._set_names.add(self.name(loader))
        return self._with_wanted(*self._made_of[loader])

    def made(self, site: CallSite, loader: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A loader was made."""
        self._made_of[loader] = site, args, kwargs
        name = self._names[loader] = self._name_of(site, getattr(loader, "dataset", None))
        if site.chain in self._set:
            self._set_names.add(name)

    def is_set(self, loader: Any) -> bool:
        """Whether knobs of a loader are set from outside."""
        return self.name(loader) in self._set_names

    def refuse(self, loader: Any) -> None:
        """Say so where a loader that is about to be iterated cannot take a knob that is set."""
        context = self._wanted.get("multiprocessing_context")
        if context not in (None, "fork") and self.is_set(loader):
            refuse_unpicklable(self._session, loader, context)

    def found(self, loader: Any) -> None:
        """A loader is about to be iterated; it may be of a class that is not torch's, so that nobody saw it made."""
        if loader in self._names:
            return
        known = behind(loader)
        name = self._names[loader] = self._name_of(call_site(), known.dataset)
        self._foreign.add(name)
        if self._wanted and (self._which in ("all", name) or getattr(known, "shuffle", None) is True):
            library = type(known).__module__.partition(".")[0]
            asked = " ".join(f"{knob}={value}" for knob, value in self._wanted.items())
            reason = f"the loader of {name} is one of {library}'s own, which takes no knobs from outside"
            self._session.refuse(asked, reason, "Set it where the script makes the loader, or by its arguments: args:")

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
        known = behind(loader)
        dataset, sampler = known.dataset, getattr(loader, "sampler", None)
        context = getattr(loader, "multiprocessing_context", None)
        batches = getattr(loader, "batch_sampler", None)
        sizes = [getattr(one, "batch_size", None) for one in (known, batches)]
        return {
            "name": self.name(loader),
            "takes_knobs": self.name(loader) not in self._foreign,
            "dataset_class": type(dataset).__name__,
            "num_samples": _length(dataset),
            "num_batches": _length(known),
            "batch_size": next(filter(None, (*sizes, getattr(known, "bs", None))), None),
            "shuffles": getattr(known, "shuffle", None) is True or _is_random(sampler),
            "num_workers": iterator._num_workers,
            "prefetch_factor": getattr(loader, "prefetch_factor", None),
            "persistent_workers": bool(getattr(loader, "persistent_workers", False)),
            "pin_memory": bool(iterator._pin_memory),
            "start_method": _start_method(context) if iterator._num_workers else None,
            "in_order": bool(getattr(loader, "in_order", True)),
            "rank": _rank(),
            "collate": getattr(loader.collate_fn, "__qualname__", type(loader.collate_fn).__name__),
        }


def _is_random(sampler: Any) -> bool:
    return "Random" in type(sampler).__name__ or "Distributed" in type(sampler).__name__


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
