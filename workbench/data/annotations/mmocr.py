"""MMOCR 1.x: one JSON file, ``{"metainfo", "data_list": [{"img_path", "instances": [{"polygon", "ignore"}]}]}``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.data.annotations.reading import Reading, add_word, as_size, read_json, rectangle, unreadable
from workbench.data.page import AnnotatedPage
from workbench.errors import Problem


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return isinstance(content, dict) and "metainfo" in content and isinstance(content.get("data_list"), list)


def read(paths: list[Path]) -> Reading:
    """Read annotation files of this format. A box without a polygon is ``x1, y1, x2, y2``."""
    reading = Reading()
    for path in paths:
        try:
            content = read_json(path)
        except (OSError, ValueError) as error:
            reading.problems.append(unreadable(path, error))
            continue
        if not recognizes(content):
            reading.problems.append(Problem("there is no 'metainfo' or no list 'data_list'", str(path)))
            continue
        for number, entry in enumerate(content["data_list"]):
            where = f"{path}, entry {number}"
            if not isinstance(entry, dict) or "img_path" not in entry:
                reading.problems.append(Problem("there is no 'img_path'", where))
                continue
            size = as_size(entry.get("width")), as_size(entry.get("height"))
            where = f"{where} ('{entry['img_path']}')"
            page = AnnotatedPage(str(entry["img_path"]), [], where, *size, beside=path.parent)
            for word in entry.get("instances") or []:
                points = word.get("polygon")
                box = word.get("bbox")
                if not points and isinstance(box, list) and len(box) == 4:
                    points = rectangle(*box)
                add_word(page, points, text=str(word.get("text") or ""), ignore=bool(word.get("ignore")))
            reading.pages.append(page)
    return reading
