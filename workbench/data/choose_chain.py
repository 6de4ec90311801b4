"""The chain that a set of knobs asks for."""

from __future__ import annotations

from workbench.data.direct_chain import DirectChain
from workbench.data.transforms import AlbumentationsChain, Chain
from workbench.knobs import Knobs


def choose_chain(knobs: Knobs, seed: int) -> Chain:
    """The chain of a set of knobs, its random state seeded."""
    return DirectChain(knobs) if knobs.transforms == "direct" else AlbumentationsChain(knobs, seed)
