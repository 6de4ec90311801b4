"""The frame of the annotated points: the pixels as stored, or upright after the EXIF turn.

The annotator's tool decides, and no format says which it was. An image size given beside the points is compared with
both sizes first; else the frame is the one that the points fit into; where both fit, it is taken as stored.
"""

from __future__ import annotations

import numpy as np

from workbench.workloads.ocr.pages.image_header import ImageHeader
from workbench.workloads.ocr.pages.page import AnnotatedPage, Frame, Polygon

#: Points may lie this many pixels beyond the image (annotators overshoot).
_TOLERANCE_PX = 3.0


def decide_frame(page: AnnotatedPage, header: ImageHeader) -> Frame:
    """The frame of a page's points."""
    if page.frame is not None:
        return page.frame
    stored, upright = (header.width, header.height), header.upright_size
    if stored != upright and (page.width, page.height) in (stored, upright):
        return "stored" if (page.width, page.height) == stored else "upright"
    if page.unit == "share":
        return "upright"
    if not page.words or _fits(page, stored):
        return "stored"
    return "upright" if _fits(page, upright) else "stored"


def turn_upright(polygon: Polygon, header: ImageHeader) -> Polygon:
    """A polygon of the stored frame in the upright one, float32 [K, 2]."""
    x, y = polygon[:, 0], polygon[:, 1]
    width, height = np.float32(header.width), np.float32(header.height)
    turned = {
        1: (x, y),
        2: (width - x, y),
        3: (width - x, height - y),
        4: (x, height - y),
        5: (y, x),
        6: (height - y, x),
        7: (height - y, width - x),
        8: (y, width - x),
    }[header.orientation]
    return np.stack(turned, axis=1)


def _fits(page: AnnotatedPage, size: tuple[int, int]) -> bool:
    points = np.concatenate([word.polygon for word in page.words])
    return bool((points >= -_TOLERANCE_PX).all() and (points <= np.array(size) + _TOLERANCE_PX).all())
