"""The detector as engines take it: images in, shrink maps out; and the pages on which 8-bit integers are calibrated."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from workbench.files import expanded, files_below
from workbench.workloads.ocr.chain.normalize import MEAN, STD
from workbench.workloads.ocr.detector.model import Detector
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.dataset import PageDataset
from workbench.workloads.ocr.pages.survey import survey_pages
from workbench.workloads.ocr.sample import collate
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

#: Pages that are calibrated on, at most; facts of runtimes ask for 32 to 128.
_NUM_CALIBRATION = 32

#: Seed of the drawn ones: of none that are drawn for anything else.
_CALIBRATION_SEED = 7_401


class ShrinkMaps(nn.Module):
    """A detector in evaluation mode that gives nothing but its shrink maps.

    Args:
        detector: The detector, on its device.
        knobs: They decide whether levels arrive, to be normalized first, and the memory format.
    """

    def __init__(self, detector: Detector, knobs: OcrKnobs) -> None:
        super().__init__()
        self._detector = detector.eval()
        self._normalizes = knobs.normalize == "device"
        self._format = torch.channels_last if knobs.channels_last else None
        device = next(detector.parameters()).device
        # No buffers: a cast of the weights leaves these as they are.
        self._mean, self._std = (torch.tensor(v, device=device).mul(255.0).view(1, 3, 1, 1) for v in (MEAN, STD))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Shrink maps float32 [B, S, S] of images [B, 3, S, S]: uint8 levels or normalized floats, as the knobs say."""
        if self._normalizes:
            images = images.to(torch.float32).sub(self._mean).div(self._std)
            images = images.to(next(self._detector.parameters()).dtype)
        if self._format is not None:
            images = images.contiguous(memory_format=self._format)
        shrink: torch.Tensor = self._detector(images).shrink
        return shrink


def calibration_inputs(knobs: OcrKnobs) -> Sequence[torch.Tensor]:
    """Images of pages that are not scored, one by one, as the model gets them: [1, 3, S, S].

    Raises:
        BadInput: For a folder that is no data set.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-calibration-") as drawn:
        folder = knobs.calibration
        if folder is None:
            folder = drawn
            draw_pages(Path(drawn), count=_NUM_CALIBRATION, seed=_CALIBRATION_SEED)
        own = knobs.changed(
            dataset=folder,
            annotations=None,
            annotation_format="auto",
            num_pages=_NUM_CALIBRATION,
            loader="torch",
            transport="torch",
            cache="none",
            cache_store="memory",
            targets="none",
            normalize="albumentations" if knobs.normalize == "cached" else knobs.normalize,
        )
        pages = PageDataset(survey_pages(own)[0], own)
        return [collate([pages[number]]).images for number in range(len(pages))]


def calibrated_on(knobs: OcrKnobs) -> str:
    """What these pages are, in words that are the same as long as they are."""
    chain = f"{knobs.image_size} px, {knobs.normalize}, {knobs.image_decoder}, {knobs.scaled_decode}"
    if knobs.calibration is None:
        return f"{_NUM_CALIBRATION} drawn pages (drawing {VERSION}), {chain}"
    files = files_below(expanded(knobs.calibration))
    stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return f"{stamps}, {chain}"
