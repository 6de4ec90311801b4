"""Transforms in their place: every one by the name of its class, whatever library or chain calls it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from .imports import After
from .session import Session
from .timed import is_timed, timed

#: Attributes within attributes of a dataset in which a chain of transforms is looked for.
_MOST_DEPTH = 4

#: Elements of a list that are looked at.
_MOST_ELEMENTS = 40

#: What a transform of these libraries calls within itself is no transform of its own.
_WHOLE = ("kornia.augmentation._",)

#: Chains of these libraries call each transform by itself, and are looked at where they do.
_ALBUMENTATIONS = ("albumentations.core.transforms_interface", "albumentations.core.composition")


def hooks(session: Session) -> dict[str, After]:
    """What is done after which module was imported."""
    chain = functools.partial(_look_at_chain_class, session)
    return {
        _ALBUMENTATIONS[0]: lambda module: watch_class(session, module.BasicTransform),
        _ALBUMENTATIONS[1]: functools.partial(_look_at_albumentations, session),
        "torchvision.transforms.transforms": lambda module: chain(module.Compose, "__call__"),
        "torchvision.transforms.v2._container": lambda module: chain(module.Compose, "forward"),
        "monai.transforms.compose": functools.partial(_look_at_monai, session),
        "fasttransform.transform": lambda module: watch_class(session, module.Transform),
        "kornia.augmentation": functools.partial(_look_at_kornia, session),
    }


def _look_at_albumentations(session: Session, module: ModuleType) -> None:
    for kind in list(vars(module).values()):
        if isinstance(kind, type) and issubclass(kind, module.BaseCompose) and "__call__" in vars(kind):
            watch_class(session, kind)


def _look_at_chain_class(session: Session, kind: type, method: str) -> None:
    """A chain that loops over `self.transforms`: its elements' classes are looked at when it is called first."""
    seen: set[int] = set()

    def name_of(chain: Any) -> str:
        if id(chain) not in seen:
            seen.add(id(chain))
            _watch_elements(session, chain)
        return type(chain).__name__

    session.patch(kind, method, lambda call: timed(call, name_of))


def _look_at_monai(session: Session, module: ModuleType) -> None:
    if hasattr(module, "apply_transform"):
        session.patch(module, "apply_transform", lambda apply: timed(apply, _name_of))


def _look_at_kornia(session: Session, module: ModuleType) -> None:
    """Every augmentation has a method of its own, which kornia copies into the class; so have the containers."""
    for kind in list(vars(module).values()):
        if isinstance(kind, type) and _is_torch_module(kind) and "forward" in vars(kind):
            watch_class(session, kind)


def _watch_elements(session: Session, chain: Any) -> None:
    try:
        for element in _elements(chain):
            _watch_callable(session, element)
    except Exception as error:
        session.fault(error)


def watch_chain_of(session: Session, dataset: Any) -> None:
    """Look for transforms among the attributes of a dataset, which is this process's own copy."""
    for holder, place, found in _callables(dataset, 0, set()):
        if isinstance(found, FunctionType):
            # A function has no class to look at: it is replaced where it lies.
            _replace(holder, place, timed(found, _name_of(found)))
        else:
            _watch_callable(session, found)


def _callables(value: Any, depth: int, seen: set[int]) -> Iterator[tuple[Any, Any, Any]]:
    """Callables below an object, each with what holds it and where."""
    if depth > _MOST_DEPTH or id(value) in seen:
        return
    seen.add(id(value))
    for place, part in _parts(value):
        if isinstance(part, FunctionType):
            yield value, place, part
        elif isinstance(part, (list, tuple, dict)) or _is_container(part):
            yield from _callables(part, depth + 1, seen)
        elif _is_transform(part):
            yield value, place, part
            if not type(part).__module__.startswith(_WHOLE):
                yield from _callables(part, depth + 1, seen)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from list(value.items())[:_MOST_ELEMENTS]
    elif isinstance(value, (list, tuple)):
        if len(value) <= _MOST_ELEMENTS:
            yield from enumerate(value)
    else:
        is_module = _is_torch_module(type(value))  # among whose own attributes are hooks, ours too
        for place, part in list(getattr(value, "__dict__", {}).items()):
            if not is_module or place == "_modules" or not place.startswith("_"):
                yield place, part


def _is_container(value: Any) -> bool:
    """Whether it is one of torch's own lists of modules, which is no transform itself."""
    return type(value).__module__ == "torch.nn.modules.container"


def _is_transform(value: Any) -> bool:
    kind = type(value)
    calls = [vars(base)["__call__"] for base in kind.__mro__ if "__call__" in vars(base)]
    return (
        bool(calls)
        and hasattr(calls[0], "__code__")
        and not isinstance(value, type)
        and not kind.__module__.startswith("torch.nn")
    )


def _elements(chain: Any) -> list[Any]:
    found = getattr(chain, "transforms", None)
    return [] if found is None or not hasattr(found, "__iter__") else list(found)[:_MOST_ELEMENTS]


def _watch_callable(session: Session, transform: Any) -> None:
    kind = type(transform)
    if not isinstance(transform, FunctionType) and not kind.__module__.startswith("albumentations"):
        watch_class(session, kind)


def watch_class(session: Session, kind: type) -> None:
    """Time the calls of a class's instances, wherever its method comes from."""
    name = "forward" if _is_torch_module(kind) else "__call__"
    owner = next((base for base in kind.__mro__ if name in vars(base)), None)
    if owner is None or owner.__module__.startswith("torch.nn") or is_timed(vars(owner)[name]):
        return
    if hasattr(vars(owner)[name], "__code__"):
        session.patch(owner, name, lambda call: timed(call, _name_of))


def _is_torch_module(kind: type) -> bool:
    return any(base.__module__ == "torch.nn.modules.module" for base in kind.__mro__)


def _replace(holder: Any, place: Any, by: Any) -> None:
    if isinstance(holder, (list, dict)):
        holder[place] = by
    elif not isinstance(holder, tuple):
        holder.__dict__[place] = by


def _name_of(transform: Any) -> str:
    if isinstance(transform, FunctionType):
        return transform.__qualname__.replace("<locals>.", "")
    if isinstance(transform, functools.partial):
        return _name_of(transform.func)
    return type(transform).__name__
