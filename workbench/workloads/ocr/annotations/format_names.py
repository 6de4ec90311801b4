"""The names of the annotation formats, for the knob `annotation_format`; without their readers, which take long.

A test holds them to the formats that there are (`annotations.formats`).
"""

from __future__ import annotations

from typing import Literal

AnnotationFormat = Literal[
    "auto",  # recognised by what the files hold
    "ufo",  # competitions of Upstage and boostcamp
    "icdar2015",  # and SROIE, MLT, RCTW, VinText
    "icdar2013",
    "totaltext",  # and flat polygons, SCUT-CTW1500
    "paddleocr",  # and PPOCRLabel
    "labelme",  # and X-AnyLabeling
    "label_studio",
    "via",
    "cvat",
    "doctr",
    "mmocr",
    "coco",
    "coco_text",  # and TextOCR
    "hiertext",
    "synthtext",
    "funsd",
    "xfund",
    "cord",
    "davar",
    "lsvt",  # and ArT
    "svt",
    "voc",  # and roLabelImg
    "yolo",
    "page_xml",
    "alto",
    "none",  # images alone
]
