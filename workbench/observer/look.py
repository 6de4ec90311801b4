"""A few samples, made once more when all steps have been counted: so that two trials can be compared by them.

They are made in the main process, by the script's own data set and collate function, with all seeds set before each of
them: so a transform that draws from Python's, NumPy's or torch's generator gives the same twice. One that gives
another sample all the same has a generator of its own.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from .contents import content_of, equal, is_array, leaves
from .fetch import in_order, samples_of, watch_datasets
from .lane import current
from .refusals import is_iterable
from .session import Session
from .strategies.chosen import chosen

#: Arrays of more bytes than this altogether are not kept.
_MOST_BYTES = 256 << 20

#: How often they are drawn anew, at most, to see whether they are random, and seconds after which it is enough.
_DRAWS, _DRAWING_S = 6, 2.0


def look(session: Session, dataset: Any, collate: Any, loader: str) -> None:
    """Write samples down: `look.json` and `look.bin` in the session's folder.

    Args:
        session: The session of this process.
        dataset: That of the loader that trained.
        collate: The script's own collate function.
        loader: Name of that loader.
    """
    count = int(session.settings.get("checked_samples") or 0)
    if not count or session.settings.get("knock_out"):
        return
    watch_datasets(session, dataset)
    lane = current.lane = session.lane("look")  # so that what is tried on the data set is tried here as well
    lane.kept = samples_of(session, dataset, loader)
    try:
        first, again = (list(_samples(dataset, count)) for _ in range(2))
        is_random = _differing(first, again)
        varying = is_random or _varying(dataset, first)
    finally:
        current.lane = None
    numbers = list(range(len(first)))
    batch = chosen().normalization.applied(collate(first))  # as the model gets it
    arrays = dict(_arrays(batch, len(numbers), "batch"))
    is_batch = bool(arrays)
    if not is_batch:  # it gives no array with a row for each sample: each sample's own are a row by themselves
        parts = [entry for number, one in zip(numbers, first) for entry in leaves(one, f"sample-{number}")]
        arrays = {where: part for where, part in parts if is_array(part)}
    index, place = [], 0
    with open(f"{session.folder}/look.bin", "wb") as file:
        for name, tensor in arrays.items():
            content = content_of(tensor)
            if place + len(content) > _MOST_BYTES:
                break
            file.write(content)
            shape = list(tensor.shape) if is_batch else [1, *tensor.shape]
            index.append({"name": name, "dtype": _dtype(tensor), "shape": shape, "at": place})
            place += len(content)
    size = -1 if is_iterable(dataset) else len(dataset)
    session.tell("varied", samples=len(first), varying=len(varying))
    told = {"numbers": numbers, "random": is_random, "arrays": index, "num_samples": size}
    with open(f"{session.folder}/look.json", "w", encoding="utf-8") as file:
        json.dump(told, file)


def _varying(dataset: Any, first: list[Any]) -> list[int]:
    """Numbers of samples that are others where the generators draw anew.

    What is done to one sample in ten, or to every second one by a generator of its own, is not seen in one draw.
    """
    until = time.perf_counter() + _DRAWING_S
    for draw in range(1, _DRAWS + 1):
        found = _differing(first, _samples(dataset, len(first), since=draw * len(first)))
        if found or time.perf_counter() > until:
            return found
    return []


def _differing(samples: list[Any], others: Iterable[Any]) -> list[int]:
    return [number for number, (one, other) in enumerate(zip(samples, others)) if not equal(one, other)]


def _samples(dataset: Any, count: int, since: int = 0) -> Iterator[Any]:
    """The first samples, each with every generator that is everybody's set to its number (from `since` on) before.

    Those of an iterable data set are the first that it gives to a process that is no worker.
    """
    iterator = in_order(dataset)
    for number in range(count):
        _seed(since + number)
        try:
            yield next(iterator)
        except StopIteration:
            return


def _seed(number: int) -> None:
    random.seed(number)
    torch, numpy = sys.modules["torch"], sys.modules.get("numpy")
    torch.manual_seed(number)
    if numpy is not None:
        numpy.random.seed(number)


def _arrays(batch: Any, count: int, name: str) -> Iterator[tuple[str, Any]]:
    """Tensors and arrays that have a row for each sample."""
    for where, leaf in leaves(batch, name):
        if is_array(leaf) and len(leaf.shape) and int(leaf.shape[0]) == count and _dtype(leaf) != "object":
            yield where, leaf


def _dtype(value: Any) -> str:
    return str(value.dtype).replace("torch.", "")
