"""Knobs that a script's loader cannot take, found out before time is spent on them: what, where, and what to do.

Each is asked only of a loader whose knobs are set from outside: what a script does by itself is its own matter.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

from .session import Session

#: Parts of parts that are looked at for the one that cannot be sent.
_MOST_DEPTH = 5


def refuse_batch_size(session: Session, arguments: dict[str, Any], size: int) -> bool:
    """Whether a loader's batches are made by somebody else than torch, which is then said.

    Args:
        session: The session of this process.
        arguments: The loader's, by name.
        size: What is asked for.
    """
    sampler = arguments.get("batch_sampler")
    if sampler is not None:
        reason = f"`{type(sampler).__name__}` makes the batches"
    elif "batch_size" in arguments and arguments["batch_size"] is None:
        reason = "the data set gives whole batches itself (batch_size=None)"
    else:
        return False
    session.refuse(f"batch_size={size}", reason, "Set it by the script's own argument: args:")
    return True


def refuse_unpicklable(session: Session, loader: Any, method: str) -> None:
    """Say so where what a new process must be sent cannot be sent.

    Args:
        session: The session of this process.
        loader: torch's.
        method: How its workers are started.
    """
    for name in ("dataset", "collate_fn", "worker_init_fn"):
        value = getattr(loader, name, None)
        if error := _why_not_sent(value):
            where, part = _culprit(value, name, 0)
            reason = f"`{where}` is {_described(part, error)}, which cannot be sent to a worker"
            session.refuse(f"start_method={method}", reason, "Name a function of a module instead, or keep fork")
            return


def refuse_copies(session: Session, dataset: Any, num_workers: int) -> None:
    """Say so where every worker has read all of an iterable data set, as one does that was never told its part.

    Args:
        session: The session of this process, a worker.
        dataset: Its data set, of which a batch was made.
        num_workers: Workers that do the same.
    """
    is_piped = type(dataset).__module__.startswith("torch.utils.data.datapipes")  # torch itself gives each its part
    if num_workers > 1 and is_iterable(dataset) and not is_piped and not session.knows_its_part:
        name = type(dataset).__name__
        reason = f"the iterable data set `{name}` does not look at get_worker_info(), so each worker gives all of it"
        session.refuse(f"num_workers={num_workers}", reason, "Let each worker give its part, or take one worker")


def is_iterable(dataset: Any) -> bool:
    """Whether a data set is one that is iterated, and has no samples by number."""
    from torch.utils.data import IterableDataset

    return isinstance(dataset, IterableDataset)


def _why_not_sent(value: Any) -> str:
    """What pickling it says; empty where it can be sent, or where it can while a process is being started."""
    try:
        pickle.Pickler(_Nowhere(), pickle.HIGHEST_PROTOCOL).dump(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        return str(error) or type(error).__name__
    except Exception:  # locks and queues of multiprocessing can be sent to a process that is being started
        return ""
    return ""


class _Nowhere:
    def write(self, content: bytes) -> int:
        return len(content)


def _culprit(value: Any, where: str, depth: int) -> tuple[str, Any]:
    """The innermost part that cannot be sent, and where it lies."""
    if depth < _MOST_DEPTH:
        for name, part in _parts(value):
            if _why_not_sent(part):
                return _culprit(part, f"{where}{name}", depth + 1)
    return where, value


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{number}]", part) for number, part in enumerate(value))
    else:
        yield from ((f".{name}", part) for name, part in getattr(value, "__dict__", {}).items())


def _described(part: Any, error: str) -> str:
    name = getattr(part, "__qualname__", "")
    if "<lambda>" in name:
        return "a lambda"
    if "<locals>" in name:
        return f"a function within a function ({name})"
    return f"of type {type(part).__name__} ({error})"
