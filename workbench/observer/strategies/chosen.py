"""The strategies that are asked for in this process: ways to make loading cheaper, on somebody else's data set.

No line of the script is changed. Each strategy looks whether it is right here, and is refused with the reason where it
isn't: a trial whose strategy was refused has failed.
"""

from __future__ import annotations

from ..session import Session
from .decoded import Decoded
from .knocked_loader import KnockedLoader
from .normalize import Normalization
from .samples import KeptSamples


class Strategies:
    """What is tried on the script's data set.

    Attributes:
        decoded: Keeps what decoders give.
        normalization: Normalizes what the model gets.
        knocked_loader: Gives the first batches again; None where the loader isn't knocked out.

    Args:
        session: The session of this process; its settings say what is asked for.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.decoded = Decoded(session)
        self.normalization = Normalization(session)
        self.knocked_loader = KnockedLoader() if "loader" in (session.settings.get("knock_out") or ()) else None

    def samples_of(self, loader: str) -> KeptSamples | None:
        """What keeps the samples of a loader; None where nobody asks for it."""
        return KeptSamples(self._session, loader) if self._session.settings.get("cache") == "sample" else None


_chosen: Strategies | None = None


def choose(session: Session) -> Strategies:
    """Take down what is asked for."""
    global _chosen
    _chosen = Strategies(session)
    return _chosen


def chosen() -> Strategies:
    """What is asked for in this process."""
    assert _chosen is not None
    return _chosen
