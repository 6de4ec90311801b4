"""The model's part of a step: forward, loss, backward, optimizer, timed in the main process, root modules only."""

from __future__ import annotations

import functools
import gc
import sys
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import steps
from .imports import After
from .lane import Lane
from .session import Session
from .strategies.chosen import chosen

#: A root whose children are more than this is timed as a whole or not at all.
_MOST_CHILDREN = 64


def hooks(session: Session) -> dict[str, After]:
    """What is done after which module was imported."""
    return {
        "torch.autograd": functools.partial(_look_at_backward, session),
        "torch.optim.optimizer": functools.partial(_look_at_optimizers, session),
        # Its optimizers are none of torch's.
        "fastai.optimizer": lambda module: session.patch(
            module.Optimizer, "step", functools.partial(_in_loop, session, "optimizer")
        ),
    }


def _look_at_backward(session: Session, module: ModuleType) -> None:
    session.patch(module, "backward", functools.partial(_in_loop, session, "backward"))


def _in_loop(session: Session, stage: str, original: Any) -> Any:
    """A function of the loop, as a stage of it."""

    @functools.wraps(original)
    def timed_call(*args: Any, **kwargs: Any) -> Any:
        loop = None if session.off else steps.running()
        if loop is None:
            return original(*args, **kwargs)
        depth = loop.lane.depth
        try:
            if stage == "backward":
                loop.backward()
            loop.lane.enter(stage)
        except Exception as error:
            session.fault(error)
        try:
            return original(*args, **kwargs)
        finally:
            loop.lane.leave_to(depth)

    return timed_call


def _look_at_optimizers(session: Session, module: ModuleType) -> None:
    def init(original: Any) -> Any:
        @functools.wraps(original)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            Model.optimizers += 1
            original(self, *args, **kwargs)

        return __init__

    session.patch(module.Optimizer, "__init__", init)
    depths: list[int] = []

    def before(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        loop = None if session.off else steps.running()
        if loop is None:
            return None
        try:
            depths[:] = [loop.lane.depth]
            loop.lane.enter("optimizer")
            return _with_closure(session, loop.lane, args, kwargs)
        except Exception as error:
            session.fault(error)
            return None

    def after(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        loop = None if session.off else steps.running()
        if loop is not None and depths:
            loop.lane.leave_to(depths.pop())

    module.register_optimizer_step_pre_hook(before)
    module.register_optimizer_step_post_hook(after)


def _with_closure(session: Session, lane: Lane, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The arguments of an optimizer's step, whose closure (forward, loss, backward) is the script's own code."""
    closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
    if not callable(closure):
        return None

    @functools.wraps(closure)
    def own(*inner: Any, **named: Any) -> Any:
        if session.off:
            return closure(*inner, **named)
        depth = lane.depth
        lane.enter(steps.YOUR_CODE)
        try:
            return closure(*inner, **named)
        finally:
            lane.leave_to(depth)

    if "closure" in kwargs:
        return args, {**kwargs, "closure": own}
    return (args[0], own, *args[2:]), kwargs


class Hook:
    """What a module calls before or after its forward pass.

    A model may be pickled whole, hooks and all, and loaded where nobody looks on: then it is a call that does nothing.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> Any:
        """The module's inputs, and its output, are left alone."""
        self._call()

    def __reduce__(self) -> tuple[Any, ...]:
        """Takes whatever arguments there are, and gives None."""
        return functools.partial, (sys.audit, "workbench")

    def __deepcopy__(self, memo: Any) -> Hook:
        """A copy of the model is looked at as the model is."""
        return self


class InputHook(Hook):
    """What changes a module's inputs before its forward pass."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        self._change = change

    def __call__(self, *args: Any) -> Any:
        """The inputs, positional and named, as they are to be."""
        _, inputs, named = args
        return self._change(inputs), self._change(named)


class _CompiledCall:
    """Looks on where a module that was compiled in place is called, from outside of what is compiled.

    Args:
        module: Has `_compiled_call_impl`, as ``module.compile()`` leaves it.
        begin: Called before.
        end: Called after.
    """

    def __init__(self, module: Any, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._module = module
        self._original = original = module._compiled_call_impl

        def call(*args: Any, **kwargs: Any) -> Any:
            begin()
            try:
                return original(*args, **kwargs)
            finally:
                end()

        module._compiled_call_impl = call

    def remove(self) -> None:
        """As it was."""
        self._module._compiled_call_impl = self._original


class Model:
    """Finds the modules that the loop calls, and times them.

    Args:
        session: The session of this process.
        lane: The main process's.
    """

    #: Optimizers that were made in this process.
    optimizers = 0

    def __init__(self, session: Session, lane: Lane) -> None:
        self._session = session
        self._lane = lane
        self._handles: list[Any] = []
        self._watched: weakref.WeakSet[Any] = weakref.WeakSet()
        self._largest_called = 0

    @property
    def has_optimizer(self) -> bool:
        """Whether an optimizer was made in this process: it is going to train."""
        return Model.optimizers > 0

    def remove(self) -> None:
        """Take all hooks off again."""
        for handle in self._handles:
            handle.remove()

    def find_roots(self) -> None:
        """Look for modules that are part of no other one; must be called when the model is there. Never raises."""
        torch = sys.modules.get("torch")
        if torch is None:
            return
        try:
            module_class = torch.nn.Module
            modules = [found for found in gc.get_objects() if issubclass(type(found), module_class)]
            inner = {id(child) for module in modules for child in _children(module)}
            roots = [module for module in modules if id(module) not in inner]
            self._watch(roots)
        except Exception as error:
            self._session.fault(error)

    def _watch(self, roots: list[Any]) -> None:
        for root in roots:
            if not _is_plain(root):
                continue
            size = sum(parameters.numel() for parameters in root.parameters())
            if size == 0:
                if (stage := _stage_without_parameters(root)) is not None:
                    self._time(root, stage, 0)
                continue
            stage = f"forward {type(root).__name__}"
            self._time(root, stage, size)
            # Where a root is called around its `__call__`, as Lightning's is, its children tell.
            children = list(_children(root))
            if len(children) <= _MOST_CHILDREN and not _is_compiled(root):
                for child in children:
                    if _is_plain(child):
                        self._time(child, *(("loss", 0) if _is_loss(child) else (stage, size)))

    def _called(self, stage: str, size: int) -> str:
        """The stage of a model that is called now: the largest one that the loop calls is its model.

        A process may hold larger ones, that the loop has nothing to do with.

        Args:
            stage: What it is called where it is not the largest one.
            size: Its parameters; 0: it is no model.
        """
        self._largest_called = max(self._largest_called, size)
        return "forward" if size and size == self._largest_called else stage

    def _time(self, module: Any, stage: str, size: int) -> None:
        if module in self._watched:
            return
        self._watched.add(module)
        lane, session = self._lane, self._session
        depths: list[int] = []

        def begin() -> None:
            if not session.off and steps.running() is not None:
                depths.append(lane.depth)
                lane.enter(self._called(stage, size))

        def end() -> None:
            if depths:
                lane.leave_to(depths.pop())

        if module.__dict__.get("_compiled_call_impl") is not None:
            self._handles.append(_CompiledCall(module, begin, end))
            return
        normalization = chosen().normalization
        if normalization.is_wanted:
            call = InputHook(normalization.applied)
            self._handles.append(module.register_forward_pre_hook(call, prepend=True, with_kwargs=True))
        self._handles.append(module.register_forward_pre_hook(Hook(begin), prepend=True))
        self._handles.append(module.register_forward_hook(Hook(end), always_call=True))


def _stage_without_parameters(root: Any) -> str | None:
    """What a module that has nothing to train is called: a loss, or, of somebody else than torch, its class."""
    if _is_loss(root):
        return "loss"
    return None if type(root).__module__.startswith("torch.") else type(root).__name__


def _is_loss(module: Any) -> bool:
    name = type(module).__name__.lower()
    return any(word in name for word in ("loss", "criterion", "crossentropy"))


def _children(module: Any) -> list[Any]:
    return [child for child in module.__dict__.get("_modules", {}).values() if child is not None]


def _is_compiled(module: Any) -> bool:
    """Whether torch.compile would trace what is hung on its parts."""
    return type(module).__name__ == "OptimizedModule" or module.__dict__.get("_compiled_call_impl") is not None


def _is_plain(module: Any) -> bool:
    """Whether it is Python still."""
    return "ScriptModule" not in type(module).__name__
