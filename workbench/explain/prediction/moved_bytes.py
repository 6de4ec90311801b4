"""How many bytes a page is on its way from worker to device."""

from __future__ import annotations

from workbench.knobs.knobs import Knobs

#: Bytes for each pixel of the input: three channels of uint8 or float32.
_UINT8_IMAGE, _FLOAT_IMAGE = 3, 12

#: Shrink map, threshold map and their masks in float32; or packed into a byte for the threshold and one for the rest.
_MAPS = {"compute": 16, "fast": 2, "cached": 2, "none": 0}


def bytes_per_page(knobs: Knobs) -> int:
    """Bytes of a page's image and target maps in a batch."""
    image = _UINT8_IMAGE if knobs.normalize in ("device", "folded") else _FLOAT_IMAGE
    return (image + _MAPS[knobs.targets]) * knobs.image_size**2


def bytes_factor(before: Knobs, after: Knobs) -> float:
    """How many times as many bytes a page is after a change of knobs."""
    return bytes_per_page(after) / bytes_per_page(before)
