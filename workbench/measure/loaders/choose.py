"""The loader that a set of knobs asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders.loader import Loader
from workbench.measure.timing.channel import Channel
from workbench.measure.timing.ranks import ALONE, Rank
from workbench.workload import Workload

#: Module by the knob `loader`, and the extra that installs what it needs. A new loader is one file and one line here.
LOADERS: dict[str, tuple[str, str]] = {
    "torch": ("workbench.measure.loaders.torch_loader", ""),
    "webdataset": ("workbench.measure.loaders.webdataset_loader", ""),
    "dali": ("workbench.measure.loaders.dali_loader", "dali"),
    "spdl": ("workbench.measure.loaders.spdl_loader", "spdl"),
}


def open_loader(
    workload: Workload,
    knobs: LoaderKnobs,
    *,
    on_gpu: bool,
    pin_memory: bool,
    channel: Channel | None,
    in_worker: Sequence[Callable[[int], None]] = (),
    rank: Rank = ALONE,
) -> Loader:
    """The loader.

    Args:
        workload: Gives the data set.
        knobs: The loader's knobs.
        on_gpu: Whether the model runs on the CUDA device of this machine.
        pin_memory: Whether batches go to page-locked memory.
        channel: Where the workers write their spans; None: nothing is timed.
        in_worker: Called in every worker when it starts, with its number.
        rank: Which of several processes this is, each of which loads a part.

    Raises:
        BadInput: Where what it needs isn't installed, or the data set isn't of its kind.
    """
    # Others than torch's loader are refused where there are several ranks.
    own: dict[str, dict[str, Any]] = {"dali": {"on_gpu": on_gpu}, "torch": {"rank": rank}}
    open_it = _module(knobs.loader).open_loader
    opened: Loader = open_it(
        workload, knobs, pin_memory=pin_memory, channel=channel, in_worker=in_worker, **own.get(knobs.loader, {})
    )
    return opened


def check_loader(workload: Workload, knobs: LoaderKnobs) -> None:
    """See, before any trial, whether the loader would take the workload with these knobs.

    Raises:
        BadInput: As `open_loader`.
    """
    if knobs.loader != "torch":  # which takes any data set
        _module(knobs.loader).feed_of(workload, knobs)


def _module(loader: str) -> ModuleType:
    module, extra = LOADERS[loader]
    try:
        return import_module(module)
    except ImportError as error:
        how = f"pip install '.[{extra}]' in the checkout" if extra else "make setup"
        remedy = f"Install it ({how}), or take loader=torch"
        raise BadInput("knobs", [Problem(f"is not installed ({error})", f"loader={loader}", remedy)]) from None
