"""Label Studio's JSON-MIN: a list of ``{"ocr": IMAGE, "bbox": [{...}], "label": [{...}], "transcription": ...}``.

Each control of the labelling interface has a list; the same region stands in that of its box and that of its label.
Texts are a list, or a single text; one that is empty or has several lines is an object with the place of its region
(HumanSignal's label-studio, issue 4504). The others are told to regions by their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.units import counted
from workbench.workloads.ocr.annotations.percent_shapes import add_shape, is_shape, size_of
from workbench.workloads.ocr.annotations.reading import Item, Note, each_object
from workbench.workloads.ocr.pages.image_kinds import IMAGE_SUFFIXES
from workbench.workloads.ocr.pages.page import AnnotatedPage

#: What tasks call their image, the likeliest first.
_IMAGE_KEYS = ("ocr", "image", "img", "image_url", "photo", "url")
#: What the control is called in which texts are written.
_TEXT_KEYS = ("transcription", "text", "transcript", "ocr_text")
_PLACE = ("x", "y", "width", "height", "rotation", "points")


def recognizes(task: Any) -> bool:
    """Whether one of the entries of a JSON file is a task of this format."""
    if not isinstance(task, dict) or "data" in task:
        return False
    is_exported = "annotation_id" in task and ("annotator" in task or "lead_time" in task)
    return is_exported or any(
        isinstance(region, dict) and "original_width" in region and is_shape(region)
        for regions in task.values()
        if isinstance(regions, list)
        for region in regions
    )


def images_of(data: Any) -> list[str]:
    """The images that the data of a task name: one as a rule, several where they are annotated together."""
    if not isinstance(data, dict):
        return []
    named = next((data[key] for key in _IMAGE_KEYS if _is_image(data.get(key))), None)
    if named is None:
        named = next((value for value in data.values() if _is_image(value)), None)
    if named is None:  # a name without an image's suffix; not the picture itself
        names = [data[key] for key in _IMAGE_KEYS if isinstance(data.get(key), str) and data[key]]
        named = next((name for name in names if not name.startswith("data:")), [])
    return [named] if isinstance(named, str) else list(named)


def text_of(region: Any) -> str:
    """The text that an object has, its lines joined by blanks; empty where it has none."""
    text = region.get("text") if isinstance(region, dict) else region
    if isinstance(text, list):
        return " ".join(line for line in text if isinstance(line, str))
    return text if isinstance(text, str) else ""


def read_tasks(path: Path, tasks: list[Any]) -> Iterator[Item]:
    """Read the tasks of a file; of several annotations of a task, the first."""
    pages: list[AnnotatedPage] = []
    problems: list[Problem] = []
    seen: set[int | str] = set()
    several = unmatched = 0
    for where, task in each_object(tasks, f"{path}, tasks", problems):
        number = task.get("id")
        if isinstance(number, int | str):
            if number in seen:
                several += 1
                continue
            seen.add(number)
        images = images_of(task)
        if len(images) != 1:
            problems.append(Problem("no image is named, or several are", where))
            continue
        page = AnnotatedPage(images[0], [], f"{where} ('{images[0]}')", beside=path.parent, unit="share")
        unmatched += not _read_task(page, task)
        pages.append(page)
    yield from problems
    if several:
        yield Note(f"{counted(several, 'annotation')} of tasks that had one before: not used")
    if unmatched:
        yield Note(f"the texts of {counted(unmatched, 'task')} can't be told to their regions: left out")
    yield from pages


def _read_task(page: AnnotatedPage, task: dict[str, Any]) -> bool:
    """Read a task into a page; False where its texts are not as many as its regions, and are left out."""
    key = _text_key(task)
    texts = task[key] if key else []
    texts = texts if isinstance(texts, list) else [texts]
    controls = [list(filter(is_shape, value)) for value in task.values() if isinstance(value, list)]
    # The control that has most regions has them in the order in which they were drawn.
    controls.sort(key=len, reverse=True)
    regions = controls[0] if controls else []
    places = set(map(_place, regions))
    others = {_place(region): region for control in controls for region in control if _place(region) not in places}
    is_matched = len(regions) == len(texts) and not others
    if len(regions) == 1 and not others:
        texts, is_matched = [" ".join(filter(None, map(text_of, texts)))], True
    placed = {_place(text): text_of(text) for text in texts if is_shape(text)}
    for number, region in enumerate([*regions, *others.values()]):
        size = size_of(region)
        if page.width is None and size is not None:
            page.width, page.height = size
        add_shape(page, region, size, text_of(texts[number]) if is_matched else placed.get(_place(region), ""))
    return is_matched or not any(isinstance(text, str) for text in texts)


def _text_key(task: dict[str, Any]) -> str | None:
    named = [key for key in _TEXT_KEYS if isinstance(task.get(key), list | str)]
    lists = [
        key for key, value in task.items() if isinstance(value, list) and any(isinstance(one, str) for one in value)
    ]
    return next(iter([*named, *lists]), None)


def _is_image(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_is_image, value))
    return isinstance(value, str) and (
        value.lower().endswith(IMAGE_SUFFIXES) or value.partition("?")[0].lower().endswith(IMAGE_SUFFIXES)
    )


def _place(region: dict[str, Any]) -> str:
    return json.dumps([region.get(name) for name in _PLACE])
