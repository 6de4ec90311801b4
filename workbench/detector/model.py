"""The text detector: encoder, neck and DB head."""

from __future__ import annotations

import torch
from torch import nn

from workbench.detector.encoder import Encoder
from workbench.detector.head import DBHead, DetectorOutput
from workbench.detector.neck import CHANNELS, NECKS


class Detector(nn.Module):
    """A DBNet-like detector (Liao et al. 2020)."""

    def __init__(self, encoder: str, neck: str) -> None:
        super().__init__()
        self._encoder = Encoder(encoder)
        self._neck = NECKS[neck](self._encoder.channels)
        self._head = DBHead(CHANNELS)

    def forward(self, images: torch.Tensor) -> DetectorOutput:
        """The maps of images float32 [B, 3, H, W], normalized; H and W multiples of 32."""
        output: DetectorOutput = self._head(self._neck(self._encoder(images)))
        return output


def build_detector(encoder: str, neck: str = "fpn", *, seed: int = 0) -> Detector:
    """A detector with random weights, the same for the same seed; the global random state is left as it is.

    Raises:
        BadInput: For an encoder that timm doesn't know or that doesn't fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Detector(encoder, neck)
