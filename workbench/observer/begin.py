"""The first thing that is done in every Python process of an observed script.

This package runs inside somebody else's program: it is the Python standard library alone, Python 3.9 and later.
`injected/sitecustomize.py` loads it from its own folder, under the name `workbench_observer`, so that neither the
workbench nor anything that it needs has to be installed there. All that it leaves are files in one folder (`session`);
`measure.attach` reads them.

A script must never be harmed by being looked at: nothing here raises into its code, and the first fault of ours takes
everything away again (`session.Session.fault`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from . import decoders, garbage, loaders, model, sockets, transforms
from .imports import After, Imports
from .session import VARIABLE, Session, open_session
from .strategies.chosen import choose


def begin() -> None:
    """Say hello, and wait for the modules that are looked at; nothing else happens until a loader is iterated."""
    folder = os.environ[VARIABLE]
    _begin(folder, sockets.hooks(folder))


def begin_in(folder: str) -> Session:
    """Likewise, in a process that runs already.

    Args:
        folder: Where the observer leaves its files, with its settings in it.

    Raises:
        OSError: Where the settings cannot be read.
    """
    return _begin(folder, {})  # its sockets stay where they are: it goes on when this folder is gone


def _begin(folder: str, also: Mapping[str, After]) -> Session:
    session = open_session(folder)
    session.tell(
        "hello",
        python=sys.version.split()[0],
        executable=sys.executable,
        arguments=sys.orig_argv if hasattr(sys, "orig_argv") else sys.argv,
        parent=os.getppid(),
        rank=os.environ.get("RANK"),
    )
    imports = Imports(session)
    strategies = choose(session)
    rooms = [room.hooks(session) for room in (loaders, model, transforms, decoders)]
    for hooks in (also, strategies.normalization.hooks(), *rooms):
        for module, look_at in hooks.items():
            imports.after(module, look_at)
    imports.install()
    garbage.watch(session)
    return session
