"""A small valid file of every annotation format, from which the damaged ones are made.

Each names the images `a.jpg` and `b.png`, as far as the format names images.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.io import savemat

QUAD = [[10, 10], [50, 10], [50, 30], [10, 30]]
FLAT = [value for point in QUAD for value in point]

#: Content of JSON files by format; what follows a comma tells variants of one format apart.
JSON: Mapping[str, Any] = {
    "ufo": {"images": {"a.jpg": {"img_w": 9, "img_h": 9, "words": {"0": {"points": QUAD, "transcription": "A"}}}}},
    "mmocr": {
        "metainfo": {},
        "data_list": [{"img_path": "a", "width": 9, "instances": [{"polygon": FLAT, "bbox": [1]}]}],
    },
    "coco": {
        "images": [{"id": 1, "file_name": "a", "width": 9, "height": 9}],
        "annotations": [{"image_id": 1, "segmentation": [FLAT], "bbox": [1, 2, 3, 4], "iscrowd": 0}],
    },
    "labelme": {
        "imagePath": "a",
        "imageWidth": 9,
        "shapes": [
            {"label": "A", "points": [[1, 2], [3, 4]], "shape_type": "rectangle"},
            {"label": "A", "points": QUAD, "shape_type": "polygon", "description": "B", "difficult": True},
        ],
    },
    "label_studio": [
        {
            "data": {"ocr": "a.jpg"},
            "annotations": [
                {
                    "was_cancelled": False,
                    "result": [
                        {"id": "r", "original_width": 9, "original_height": 9, "value": {"points": QUAD}},
                        {"id": "s", "value": {"x": 1, "y": 1, "width": 1, "height": 1, "rotation": 0, "text": ["A"]}},
                    ],
                }
            ],
        }
    ],
    "label_studio, min": [
        {
            "ocr": "a.jpg",
            "id": 1,
            "annotator": 1,
            "annotation_id": 1,
            "bbox": [{"x": 1, "y": 1, "width": 1, "height": 1, "rotation": 0, "original_width": 9}],
            "transcription": ["A"],
        }
    ],
    "via": {
        "_via_img_metadata": {
            "a9": {
                "filename": "a",
                "regions": [
                    {"shape_attributes": {"name": "rect", "x": 1, "y": 1, "width": 2, "height": 2}},
                    {
                        "shape_attributes": {"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 3, 1]},
                        "region_attributes": {"text": "A"},
                    },
                ],
            }
        },
        "_via_attributes": {"region": {"text": {"type": "text"}}},
    },
    "via, 3": {
        "file": {"1": {"fname": "a"}},
        "view": {"1": {"fid_list": ["1"]}},
        "attribute": {"1": {"aname": "text", "options": {"0": "A"}}},
        "metadata": {"b": {"vid": "1", "xy": [2, 1, 1, 2, 2], "av": {"1": "0"}}},
    },
    "doctr": {"a": {"img_dimensions": [9, 9], "polygons": {"words": [QUAD]}, "labels": ["A"]}},
    "hiertext": {
        "annotations": [
            {
                "image_id": "a",
                "image_width": 9,
                "paragraphs": [{"lines": [{"words": [{"vertices": QUAD, "text": "A", "legible": True}]}]}],
            }
        ]
    },
    "coco_text": {
        "imgs": {"1": {"file_name": "a", "width": 9, "set": "train"}},
        "anns": {"2": {"image_id": 1, "bbox": [1, 2, 3, 4], "mask": FLAT, "legibility": "legible"}},
    },
    "funsd": {"form": [{"box": [1, 2, 3, 4], "words": [{"box": [1, 2, 3, 4], "text": "A"}]}]},
    "xfund": {
        "documents": [
            {"img": {"fname": "a", "width": 9}, "document": [{"words": [{"box": [1, 2, 3, 4], "text": "AB"}]}]}
        ]
    },
    "cord": {
        "meta": {"image_size": {"width": 9, "height": 9}},
        "valid_line": [{"words": [{"quad": {"x1": 1, "y1": 2}, "text": "A"}]}],
        "dontcare": [[{"quad": FLAT}]],
    },
    "lsvt": {"gt_1": [{"transcription": "A", "points": QUAD, "illegibility": False}]},
    "davar": {"a": {"width": 9, "content_ann": {"bboxes": [[1, 2, 3, 4]], "texts": ["A"], "cares": [1]}}},
    "paddleocr": [{"transcription": "A", "points": QUAD, "difficult": False}],
}

#: A line of a text file by format.
LINES: Mapping[str, str] = {
    "icdar2015": "10,10,50,10,50,30,10,30,A",
    "icdar2013": '158 128 411 181 "A"',
    "paddleocr": f"a.jpg\t{json.dumps(JSON['paddleocr'])}",
    "coco": json.dumps({"file_name": "a", "annotations": JSON["coco"]["annotations"]}),
    "totaltext": "x: [[259 313 389]], y: [[542 462 417]], ornt: [u'c'], transcriptions: [u'PAUL']",
    "yolo": "0 0.5 0.5 0.25 0.25",
}

#: XML files by format.
XML: Mapping[str, str] = {
    "voc": "<annotation><filename>a.jpg</filename><size><width>9</width></size><object><name>A</name><bndbox>"
    "<xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>",
    "cvat": '<annotations><image name="a.jpg" width="9"><box label="w" xtl="1" ytl="2" xbr="3" ybr="4" rotation="9"/>'
    '<polygon points="1,2;3,4;5,9"/></image></annotations>',
    "page_xml": '<PcGts><Page imageFilename="a.jpg"><TextLine><Word><Coords points="1,2 3,4 5,9"/><TextEquiv index="0">'
    "<Unicode>A</Unicode></TextEquiv></Word></TextLine></Page></PcGts>",
    "alto": "<alto><Description><MeasurementUnit>mm10</MeasurementUnit></Description><Layout>"
    '<Page WIDTH="100" HEIGHT="200"><String HPOS="1" VPOS="2" WIDTH="3" HEIGHT="4"/></Page></Layout></alto>',
    "svt": '<tagset><image><imageName>a.jpg</imageName><Resolution x="9" y="9"/><taggedRectangles><taggedRectangle '
    'x="1" y="2" width="3" height="4"><tag>A</tag></taggedRectangle></taggedRectangles></image></tagset>',
}


def cells(*values: Any) -> np.ndarray[Any, np.dtype[np.object_]]:
    """A MATLAB table of cells in one row."""
    table = np.empty((1, len(values)), object)
    for number, value in enumerate(values):
        table[0, number] = value
    return table


def mat_bytes(**tables: Any) -> bytes:
    """A MATLAB file of these tables."""
    file = io.BytesIO()
    savemat(file, tables)
    return file.getvalue()


#: Tables of MATLAB files by format.
MAT: Mapping[str, Mapping[str, Any]] = {
    "totaltext": {"polygt": cells("x:", np.array([[1, 9, 9, 1]]), "y:", np.array([[2, 2, 8, 8]]), "A", "c")},
    "synthtext": {
        "imnames": cells("a.jpg", "b.png"),
        "wordBB": cells(np.array([[1.0, 9, 9, 1], [2, 2, 8, 8]]), np.ones((2, 4, 1), np.float32)),
        "txt": cells(np.array(["one"]), np.array(["two"])),
    },
}
