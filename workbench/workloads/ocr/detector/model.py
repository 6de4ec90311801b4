"""The text detector: encoder, neck and DB head."""

from __future__ import annotations

import torch
from torch import nn

from workbench.workloads.ocr.detector.encoder import Encoder
from workbench.workloads.ocr.detector.head import DBHead, DetectorOutput
from workbench.workloads.ocr.detector.necks.names import neck_named


class Detector(nn.Module):
    """A DBNet-like detector (Liao et al. 2020)."""

    def __init__(self, encoder: str, neck: str) -> None:
        """Build it with random weights.

        Raises:
            BadInput: For an encoder that timm doesn't know or that doesn't fit, or a neck that there isn't.
        """
        super().__init__()
        make_neck = neck_named(neck)
        self._encoder = Encoder(encoder)
        self._neck = make_neck(self._encoder.channels, self._encoder.strides)
        self._head = DBHead(self._neck.out_channels)

    @property
    def encoder(self) -> nn.Module:
        """Images to feature maps."""
        return self._encoder

    @property
    def neck(self) -> nn.Module:
        """Feature maps to one."""
        neck: nn.Module = self._neck
        return neck

    @property
    def head(self) -> DBHead:
        """That one to the output."""
        head: DBHead = self._head
        return head

    def forward(self, images: torch.Tensor) -> DetectorOutput:
        """The maps of images float32 [B, 3, H, W], normalized; H and W are multiples of 32.

        While it is training all three of them, else the shrink map alone.
        """
        output: DetectorOutput = self._head(self._neck(self._encoder(images)))
        return output


def build_detector(encoder: str, neck: str = "fpn", *, seed: int = 0) -> Detector:
    """A detector with random weights, the same for the same seed; the global random state is left as it is.

    Args:
        encoder: Any timm architecture with feature maps at several strides; nothing is fetched.
        neck: A name of `necks.names.NECKS`.
        seed: Seed of the weights.

    Raises:
        BadInput: For an encoder that timm doesn't know or that doesn't fit, or a neck that there isn't.
    """
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would seed the CUDA devices for good.
        torch.default_generator.manual_seed(seed)
        return Detector(encoder, neck)
