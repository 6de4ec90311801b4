"""The annotation formats that can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.workloads.ocr.annotations.readers import (
    alto,
    coco,
    coco_text,
    cord,
    cvat,
    davar,
    doctr,
    funsd,
    hiertext,
    icdar2013,
    icdar2015,
    label_studio,
    labelme,
    lsvt,
    mmocr,
    paddleocr,
    page_xml,
    svt,
    synthtext,
    totaltext,
    ufo,
    via,
    voc,
    yolo,
)
from workbench.workloads.ocr.annotations.reading import Item

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

#: The value of the knob `annotation_format` with which the images are measured alone.
NO_FORMAT = "none"


def _never(_: Any) -> bool:
    return False


@dataclass(frozen=True)
class Format:
    """An annotation format.

    Attributes:
        read: Its reader.
        is_json: Whether the content of a JSON file is of this format.
        is_line: Whether a line of a text file is.
        is_mat: Whether a MATLAB file is.
        is_xml: Whether the root of an XML file is of this format; names of elements are without their namespaces.
        file_per_image: Each image has a file of its own, and the files of a folder belong together; else each stands
            alone.
    """

    read: Callable[[Iterable[Path]], Iterator[Item]]
    is_json: Callable[[Any], bool] = _never
    is_line: Callable[[str], bool] = _never
    is_mat: Callable[[Path], bool] = _never
    is_xml: Callable[[Element], bool] = _never
    file_per_image: bool = False


#: The formats by the knob `annotation_format`; of those that fit a file the first is taken.
#: A new format is one file with its reader, and one line here.
FORMATS: dict[str, Format] = {
    "ufo": Format(ufo.read, is_json=ufo.recognizes),
    "mmocr": Format(mmocr.read, is_json=mmocr.recognizes),
    "coco": Format(coco.read, is_json=coco.recognizes, is_line=coco.recognizes_line),
    "coco_text": Format(coco_text.read, is_json=coco_text.recognizes),
    "hiertext": Format(hiertext.read, is_json=hiertext.recognizes),
    "funsd": Format(funsd.read, is_json=funsd.recognizes, file_per_image=True),
    "xfund": Format(funsd.read_xfund, is_json=funsd.recognizes_xfund),
    "cord": Format(cord.read, is_json=cord.recognizes, file_per_image=True),
    "davar": Format(davar.read, is_json=davar.recognizes),
    "lsvt": Format(lsvt.read, is_json=lsvt.recognizes),
    "labelme": Format(labelme.read, is_json=labelme.recognizes, file_per_image=True),
    "label_studio": Format(label_studio.read, is_json=label_studio.recognizes),
    "via": Format(via.read, is_json=via.recognizes),
    "doctr": Format(doctr.read, is_json=doctr.recognizes),
    "paddleocr": Format(paddleocr.read, is_line=paddleocr.recognizes),
    "totaltext": Format(
        totaltext.read, is_line=totaltext.recognizes, is_mat=totaltext.recognizes_mat, file_per_image=True
    ),
    "synthtext": Format(synthtext.read, is_mat=synthtext.recognizes),
    "icdar2013": Format(icdar2013.read, is_line=icdar2013.recognizes, file_per_image=True),
    "icdar2015": Format(icdar2015.read, is_line=icdar2015.recognizes, file_per_image=True),
    "yolo": Format(yolo.read, is_line=yolo.recognizes, file_per_image=True),
    "voc": Format(voc.read, is_xml=voc.recognizes, file_per_image=True),
    "page_xml": Format(page_xml.read, is_xml=page_xml.recognizes, file_per_image=True),
    "alto": Format(alto.read, is_xml=alto.recognizes, file_per_image=True),
    "cvat": Format(cvat.read, is_xml=cvat.recognizes),
    "svt": Format(svt.read, is_xml=svt.recognizes),
}
