"""However an annotation file is damaged, a reader gives pages and problems, and raises nothing."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from workbench.errors import Problem
from workbench.workloads.ocr.pages.page import AnnotatedPage

QUAD = [[10, 10], [50, 10], [50, 30], [10, 30]]
FLAT = [value for point in QUAD for value in point]
GOOD: dict[str, Any] = {
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
JUNK = [None, True, -1, 1e308, "", "x", [], {}, [[]], [None], {"a": 1}, float("nan"), [1, [2]], [[1, 2], 3]]


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(content, dict):
        return [path, *(place for key, value in content.items() for place in places(value, (*path, key)))]
    if isinstance(content, list):
        return [path, *(place for number, value in enumerate(content) for place in places(value, (*path, number)))]
    return [path]


def damaged(content: Any, place: tuple[Any, ...], junk: Any) -> Any:
    content = copy.deepcopy(content)
    if not place:
        return junk
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = junk
    return content


@pytest.mark.parametrize("sample", GOOD)
def test_any_value_may_be_anything(write, read, sample):
    good, format_name = GOOD[sample], sample.partition(",")[0]
    for number, (place, junk) in enumerate((place, junk) for place in places(good) for junk in JUNK):
        content = damaged(good, place, junk)
        text = f"a.jpg\t{json.dumps(content)}" if format_name == "paddleocr" else content
        pages, problems = read(format_name, write(f"{number % 7}.json", text))
        assert all(isinstance(page, AnnotatedPage) for page in pages), content
        lists = ("images", "data_list", "annotations", "imgs", "documents", "_via_img_metadata", "file")
        holds_no_entry = content == {} or (
            isinstance(content, dict) and any(content.get(key) in ({}, []) for key in lists)
        )
        assert pages or problems or holds_no_entry, content


LINES = {
    "icdar2015": "10,10,50,10,50,30,10,30,A",
    "icdar2013": '158 128 411 181 "A"',
    "paddleocr": f"a.jpg\t{json.dumps(GOOD['paddleocr'])}",
    "coco": json.dumps({"file_name": "a", "annotations": GOOD["coco"]["annotations"]}),
    "totaltext": "x: [[259 313 389]], y: [[542 462 417]], ornt: [u'c'], transcriptions: [u'PAUL']",
    "yolo": "0 0.5 0.5 0.25 0.25",
}


@pytest.mark.parametrize("format_name", LINES)
def test_any_character_may_be_another(write, read, format_name):
    rng = random.Random(0)
    line = LINES[format_name]
    for _ in range(80):
        place = rng.randrange(len(line))
        bad = (
            line[:place] + rng.choice(['"', ",", "\t", "[", "]", "{", "#", "9", "-", "\n", "'", ""]) + line[place + 1 :]
        )
        pages, problems = read(format_name, write("a.txt", f"{bad}\n{line}\n"))
        assert all(isinstance(problem, Problem) and "a.txt" in problem.where for problem in problems)
        words = sum(len(page.words) for page in pages)
        dropped = sum(sum(page.dropped.values()) for page in pages)
        assert words + dropped >= 1  # the good line at the end at least
