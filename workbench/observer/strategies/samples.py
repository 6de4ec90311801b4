"""`cache=sample`: what a data set's `__getitem__` gives is kept, and given again; one copy for all workers."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

from ..contents import equal
from ..session import Session

#: Samples of each process that are made twice, to see whether they may be kept.
_TRIED = 16


class KeptSamples:
    """Keeps the samples of one loader.

    Args:
        session: Its folder holds them.
        loader: Name of the loader.
    """

    def __init__(self, session: Session, loader: str) -> None:
        self._session = session
        self._folder = f"{session.folder}/samples-{loader.replace(os.sep, '_')}"
        self._tried = 0
        self._is_off = False
        os.makedirs(self._folder, exist_ok=True)

    def get(self, number: int, make: Callable[[], Any]) -> Any:
        """A sample: kept, or made and then kept."""
        if self._is_off:
            return make()
        path = f"{self._folder}/{number}"
        try:
            with open(path, "rb") as file:
                return pickle.load(file)  # written by this script, in a folder that is the user's alone  # nosec B301
        except FileNotFoundError:
            pass
        sample = make()
        if self._tried < _TRIED:
            self._tried += 1
            if not equal(sample, make()):
                self._is_off = True
                reason = f"sample {number} differs between two readings: random transforms"
                self._session.refuse("cache=sample", reason, "Take cache=decoded, which keeps what comes before them")
                return sample
        self._keep(path, sample)
        return sample

    def _keep(self, path: str, sample: Any) -> None:
        partial = f"{path}.{os.getpid()}"
        try:
            with open(partial, "wb") as file:
                pickle.dump(sample, file, protocol=pickle.HIGHEST_PROTOCOL)
            os.rename(partial, path)
        except OSError as error:
            self._is_off = True
            self._session.tell("note", text=f"cache=sample holds only part of the data set: {error.strerror}")
            if os.path.exists(partial):
                os.unlink(partial)
        except Exception as error:  # whatever cannot be pickled
            self._is_off = True
            reason = f"a sample cannot be kept: {type(error).__name__}: {error}"
            self._session.refuse("cache=sample", reason, "Take cache=decoded")
