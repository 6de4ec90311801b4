"""The chain that a set of knobs asks for."""

from __future__ import annotations

from workbench.workloads.ocr.direct_chain import DirectChain
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.transforms import AlbumentationsChain, Chain


def choose_chain(knobs: OcrKnobs, seed: int) -> Chain:
    """The chain of a set of knobs, its random state seeded."""
    return DirectChain(knobs) if knobs.transforms == "direct" else AlbumentationsChain(knobs, seed)
