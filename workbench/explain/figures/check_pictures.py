"""Is the result still the same? A sample of the baseline, the variant's, and their difference, side by side."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from workbench.explain.figures.html_table import Html, paragraph
from workbench.explain.figures.template import FAINT, capital

_SIDE_PX = 300
_QUALITY = 80

#: Differences are shown enlarged, but not so far that rounding looks like a fault.
_MAX_GAIN = 64.0

#: Differences below this are written as such: they come from arithmetic in another order.
_SMALL_LEVELS = 0.01


class SamplePictures(Protocol):
    """What a workload shows of one sample of two trials."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def baseline(self) -> npt.NDArray[np.uint8]:
        """uint8 [H, W, 3], RGB: as the baseline's model receives it."""

    @property
    def variant(self) -> npt.NDArray[np.uint8]:
        """uint8 [H, W, 3], RGB: as the variant's model does."""

    @property
    def difference(self) -> npt.NDArray[np.float32]:
        """float32 [H, W]: how far they differ, in 8-bit levels."""


def check_pictures(samples: Sequence[SamplePictures], *, baseline: str, variant: str, item: str = "sample") -> Html:
    """HTML with pictures inside it, each described in words; a note where there are none.

    Args:
        samples: Samples of both trials.
        baseline: Name of the baseline.
        variant: Name of the variant.
        item: What one sample is called.
    """
    if not samples:
        return paragraph(f"No {item}s were kept to be looked at.")
    rows = "".join(_row(sample, baseline, variant, item) for sample in samples)
    return Html(f"<div class='wb-pictures'>{rows}</div>")


def _row(sample: SamplePictures, baseline: str, variant: str, item: str) -> str:
    largest = float(sample.difference.max())
    gain = min(max(255.0 / largest, 1.0), _MAX_GAIN) if largest > 0 else 1.0
    difference = np.clip(255.0 - sample.difference * gain, 0, 255).astype(np.uint8)
    levels = f"{largest:.2f}" if largest >= _SMALL_LEVELS else f"below {_SMALL_LEVELS}"
    text = f"largest difference {levels} levels of 255, shown {gain:.0f}x (white: none)"
    if largest == 0.0:
        text = "difference: none, the two are equal in every pixel"
    received = f"{item} '{sample.name}' as the model receives it"
    cells = (
        _figure(sample.baseline, f"{baseline}: {sample.name}", f"{received} from '{baseline}'"),
        _figure(sample.variant, f"{variant}: {sample.name}", f"{received} from '{variant}'"),
        _figure(difference, text, f"the difference of the two, {text}"),
    )
    return f"<div style='display:flex;flex-wrap:wrap;gap:12px;margin:8px 0'>{''.join(cells)}</div>"


def _figure(pixels: npt.NDArray[np.uint8], caption: str, alternative: str) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE_PX, _SIDE_PX))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    data = base64.b64encode(buffer.getvalue()).decode()
    style = f"border:1px solid {FAINT};display:block;max-width:100%;height:auto"
    return (
        f"<figure style='margin:0'><img src='data:image/jpeg;base64,{data}' alt='{html.escape(capital(alternative))}' "
        f"width='{image.width}' height='{image.height}' style='{style}'>"
        f"<figcaption style='font-size:12px;max-width:{_SIDE_PX}px;padding-top:4px;overflow-wrap:anywhere'>"
        f"{html.escape(caption)}</figcaption></figure>"
    )
