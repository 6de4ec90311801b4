"""A few samples, made once more when all steps have been counted: so that two trials can be compared by them.

They are made in the main process, by the script's own data set and collate function, with all seeds set before each of
them: so a transform that draws from Python's, NumPy's or torch's generator gives the same twice. One that gives
another sample all the same has a generator of its own.
"""

from __future__ import annotations

import ctypes
import json
import random
import sys
from collections.abc import Iterator
from typing import Any

from .session import Session

#: Arrays of more bytes than this altogether are not kept.
_MOST_BYTES = 256 << 20


def look(session: Session, dataset: Any, collate: Any) -> None:
    """Write samples down: `look.json` and `look.bin` in the session's folder.

    Args:
        session: The session of this process.
        dataset: That of the loader that trained.
        collate: The script's own collate function.
    """
    count = int(session.settings.get("checked_samples") or 0)
    if not count or not hasattr(type(dataset), "__getitem__"):
        return
    numbers = list(range(min(count, len(dataset))))
    first, again = ([_sample(dataset, number) for number in numbers] for _ in range(2))
    is_random = [number for number, one, two in zip(numbers, first, again) if _bytes_of(one) != _bytes_of(two)]
    arrays = dict(_arrays(collate(first), len(numbers), "batch"))
    if not arrays:  # it gives no array with a row for each sample
        arrays = {f"sample-{number}": part for number in numbers for _, part in _leaves(first[number], "sample")}
    index, place = [], 0
    with open(f"{session.folder}/look.bin", "wb") as file:
        for name, tensor in arrays.items():
            content = _content(tensor)
            if place + len(content) > _MOST_BYTES:
                break
            file.write(content)
            index.append({"name": name, "dtype": _dtype(tensor), "shape": list(tensor.shape), "at": place})
            place += len(content)
    told = {"numbers": numbers, "random": is_random, "arrays": index, "num_samples": len(dataset)}
    with open(f"{session.folder}/look.json", "w", encoding="utf-8") as file:
        json.dump(told, file)


def same_twice(dataset: Any, number: int) -> bool:
    """Whether a sample is the same when it is made twice, whatever has been drawn meanwhile."""
    return _bytes_of(dataset[number]) == _bytes_of(dataset[number])


def _sample(dataset: Any, number: int) -> Any:
    """A sample, with every generator that is everybody's set to its number before."""
    random.seed(number)
    torch, numpy = sys.modules["torch"], sys.modules.get("numpy")
    torch.manual_seed(number)
    if numpy is not None:
        numpy.random.seed(number)
    return dataset[number]


def _bytes_of(value: Any) -> bytes:
    """All that a sample holds, as bytes that two equal ones share."""
    return b"".join(name.encode() + content for name, content in _contents(value, ""))


def _contents(value: Any, name: str) -> Iterator[tuple[str, bytes]]:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        yield f"{name}{value.dtype}{tuple(value.shape)}", _content(value)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _contents(part, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from _contents(part, f"{name}.{number}")
    elif hasattr(value, "tobytes"):  # an image
        yield name, value.tobytes()
    else:
        yield name, repr(value).encode() if isinstance(value, (str, bytes, int, float, bool, type(None))) else b""


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{name}.{number}")
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        for key, part in list(vars(value).items())[:20]:
            if hasattr(part, "dtype"):
                yield from _leaves(part, f"{name}.{key}")


def _arrays(batch: Any, count: int, name: str) -> Iterator[tuple[str, Any]]:
    """Tensors and arrays that have a row for each sample."""
    for where, leaf in _leaves(batch, name):
        if len(leaf.shape) and int(leaf.shape[0]) == count and _dtype(leaf) != "object":
            yield where, leaf


def _dtype(value: Any) -> str:
    return str(value.dtype).replace("torch.", "")


def _content(value: Any) -> bytes:
    if hasattr(value, "detach"):
        tensor = value.detach().cpu().contiguous()
        return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size()) if tensor.numel() else b""
    return bytes(value.tobytes())
