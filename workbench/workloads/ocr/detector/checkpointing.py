"""Gradient checkpointing: activations are made again in the backward pass, and not kept (Chen et al. 2016).

Made again, a batch normalization would see every batch twice, and its running statistics would move twice
(pytorch/pytorch#96136); here they stand still while it is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

_Normalization = nn.modules.batchnorm._NormBase


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Let the running statistics of a module's normalizations stand still; they normalize by the batch as before."""
    layers = [layer for layer in module.modules() if isinstance(layer, _Normalization)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            if layer.num_batches_tracked is not None:
                layer.num_batches_tracked.sub_(1)  # it counts a batch whatever its momentum is


def checkpointed(module: nn.Module) -> Callable[..., Any]:
    """A module that keeps what goes in and comes out of it, and nothing between, for the backward pass."""

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), frozen_statistics(module)

    def run(*inputs: Any) -> Any:
        return checkpoint(module, *inputs, use_reentrant=False, context_fn=contexts)

    return run


class CheckpointedDetector(nn.Module):
    """A detector whose encoder, and whose neck with the head, are made again in the backward pass.

    Args:
        detector: The detector: its weights are this module's.
    """

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.detector = detector
        self._encode = checkpointed(detector.encoder)
        self._decode = checkpointed(nn.Sequential(detector.neck, detector.head))

    def forward(self, images: torch.Tensor) -> Any:
        """What the detector gives."""
        return self._decode(self._encode(images))
