"""The loader that a set of knobs asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from workbench.errors import BadInput, Problem
from workbench.knobs.knobs import Knobs
from workbench.measure.loaders.loader import Loader
from workbench.measure.loaders.source import Source
from workbench.measure.timing.channel import Channel

#: Module by the knob `loader`, and the extra that installs what it needs. A new loader is one file and one line here.
LOADERS: dict[str, tuple[str, str]] = {
    "torch": ("workbench.measure.loaders.torch_loader", ""),
    "webdataset": ("workbench.measure.loaders.webdataset_loader", ""),
    "dali": ("workbench.measure.loaders.dali_loader", "dali"),
}


def open_loader(
    source: Source,
    knobs: Knobs,
    *,
    pin_memory: bool,
    channel: Channel | None,
    in_worker: Sequence[Callable[[int], None]] = (),
) -> Loader:
    """The loader.

    Args:
        source: Gives the pages.
        knobs: The trial's knobs.
        pin_memory: Whether batches go to page-locked memory.
        channel: Where the workers write their spans; None: nothing is timed.
        in_worker: Called in every worker when it starts, with its number.

    Raises:
        BadInput: Where what it needs isn't installed, or the data set isn't of its kind.
    """
    module, extra = LOADERS[knobs.loader]
    try:
        open_it = import_module(module).open_loader
        opened: Loader = open_it(source, knobs, pin_memory=pin_memory, channel=channel, in_worker=in_worker)
    except ImportError as error:
        how = f"pip install '.[{extra}]' in the checkout" if extra else "make setup"
        remedy = f"Install it ({how}), or take loader=torch"
        raise BadInput("knobs", [Problem(f"is not installed ({error})", f"loader={knobs.loader}", remedy)]) from None
    return opened
