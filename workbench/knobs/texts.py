"""Knobs that are texts with a grammar of their own: lists of names, and delays by stage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def names_in(value: Any) -> list[str] | None:
    """The names in a text with commas between them, or in a list; None where the value is neither."""
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    if not isinstance(value, str):
        return None
    return [name.strip() for name in value.split(",") if name.strip()]


def known_names(value: Any, known: Iterable[str], kind: str) -> Any:
    """The names of a text in the order in which they are known; what is no text is left to be refused elsewhere.

    Raises:
        ValueError: For names that aren't known.
    """
    names = names_in(value)
    if names is None:
        return value
    order = tuple(known)
    if strangers := [name for name in names if name not in order]:
        raise ValueError(f"there is no {kind} {', '.join(map(repr, strangers))}; there are: {', '.join(order)}")
    return ",".join(name for name in order if name in names)


#: Stages that wait for somebody, or whose work is to move things: there is nothing in memory to replay.
_NOT_REPLAYED = (
    "idle", "start", "wait", "fetch", "backlog", "drain", "epoch", "progress", "profilers",
    "collate", "send", "receive", "release", "transfer", "pin", "forward", "loss", "backward", "optimizer",
    "polygons", "keypoints", "cache", "metric",
)  # fmt: skip


def replayed_stages(value: Any) -> Any:
    """Stages to be replayed from memory; what is no text is left to be refused elsewhere.

    Raises:
        ValueError: For stages that cannot be replayed.
    """
    names = names_in(value)
    if names is None:
        return value
    if wrong := [name for name in names if name in _NOT_REPLAYED]:
        raise ValueError(
            f"{', '.join(wrong)} cannot be replayed from memory; read, decode, orient, a transform, targets and "
            "postprocess can"
        )
    return ",".join(names)


def delay_text(value: Any) -> Any:
    """Delays by stage (``"decode:1.5, collate:20"``) in one form; what is no text is left to be refused elsewhere.

    Raises:
        ValueError: Where it says something else.
    """
    if not isinstance(value, str):
        return value
    delays = [item.rpartition(":") for item in value.split(",") if item.strip()]
    for stage, _, text in delays:
        try:
            is_time = 0.0 < float(text) < float("inf")
        except ValueError:
            is_time = False
        if not (stage.strip() and is_time):
            raise ValueError("write stage:ms, as in decode:1.5, with commas between")
    return ",".join(f"{stage.strip()}:{float(text):g}" for stage, _, text in delays)


def delays_in(text: str) -> dict[str, float]:
    """Milliseconds by stage, of a text that `delay_text` has made."""
    items = (item.rpartition(":") for item in text.split(",") if item)
    return {stage: float(number) for stage, _, number in items}
