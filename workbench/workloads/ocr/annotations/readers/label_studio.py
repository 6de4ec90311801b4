"""Label Studio's exports: JSON, a list of tasks ``{"data", "annotations": [{"result": [...]}]}``, and JSON-MIN.

What one region is, its place and its text, stands in several results with the same id. Of several annotations of a
task the one marked as ground truth counts, else the first; predictions are none. A view that an annotator has turned
(``image_rotation``) leaves the points where they are. Don't-care: text ``###``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import Problem
from workbench.units import counted
from workbench.workloads.ocr.annotations.percent_shapes import add_shape, is_shape, size_of
from workbench.workloads.ocr.annotations.readers import label_studio_min
from workbench.workloads.ocr.annotations.reading import Item, Note, Unreadable, each_object, read_each, read_json
from workbench.workloads.ocr.pages.page import AnnotatedPage

#: The second name is that of versions before 1.0.
_ANNOTATIONS = ("annotations", "completions", "predictions")


def recognizes(content: Any) -> bool:
    """Whether a JSON file's content is of this format."""
    return any(_is_task(task) or label_studio_min.recognizes(task) for task in _tasks(content))


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """Read exports of Label Studio."""
    return read_each(paths, _read_file)


@dataclass
class _Seen:
    """What a file has that could be read otherwise."""

    without: int = 0
    several: int = 0
    turned: int = 0

    def notes(self) -> Iterator[Note]:
        if self.without:
            yield Note(f"{counted(self.without, 'task')} without an annotation: not used (predictions are none)")
        if self.several:
            rule = "the one marked as ground truth counts, else the first"
            yield Note(f"{counted(self.several, 'task')} with several annotations: {rule}")
        if self.turned:
            rule = "points are taken as those of the unturned page"
            yield Note(f"{counted(self.turned, 'region')} drawn in a turned view (image_rotation): {rule}")


def _is_task(task: Any) -> bool:
    return (
        isinstance(task, dict)
        and isinstance(task.get("data"), dict)
        and any(isinstance(task.get(name), list) for name in _ANNOTATIONS)
    )


def _tasks(content: Any) -> list[Any]:
    """The tasks of a file; a file of a single one is a list of it."""
    return content if isinstance(content, list) else [content]


def _read_file(path: Path) -> Iterator[Item]:
    content = read_json(path)
    if not recognizes(content):
        raise Unreadable("there is no task with 'data' and 'annotations', and none of JSON-MIN")
    tasks = _tasks(content)
    if not any(map(_is_task, tasks)):
        yield from label_studio_min.read_tasks(path, tasks)
        return
    pages: list[AnnotatedPage] = []
    problems: list[Problem] = []
    seen = _Seen()
    for where, task in each_object(tasks, f"{path}, tasks", problems):
        pages += _read_task(path, where, task, problems, seen)
    if not pages and not problems:
        remedy = "Submit annotations in Label Studio (predictions are none), and export again"
        raise Unreadable(f"none of its {counted(len(tasks), 'task')} has an annotation", remedy=remedy)
    yield from problems
    yield from seen.notes()
    yield from pages


def _read_task(
    path: Path, where: str, task: dict[str, Any], problems: list[Problem], seen: _Seen
) -> list[AnnotatedPage]:
    """The pages of a task: one, or several that were annotated together."""
    images = label_studio_min.images_of(task.get("data"))
    if not images:
        data = task.get("data")
        keys = ", ".join(data) if isinstance(data, dict) else ""
        problems.append(Problem(f"no image is named in its 'data' ({keys or 'nothing'})", where))
        return []
    given = next((task[name] for name in _ANNOTATIONS[:2] if task.get(name) is not None), None)
    found = [
        (place, annotation)
        for place, annotation in each_object(given, f"{where}.annotations", problems)
        if annotation.get("was_cancelled") is not True
    ]
    if not found:
        seen.without += 1
        return []
    seen.several += len(found) > 1
    place, annotation = next((one for one in found if one[1].get("ground_truth") is True), found[0])
    if "result" not in annotation:
        problems.append(Problem("there is no list 'result'", place))
        return []
    pages = [AnnotatedPage(image, [], f"{where} ('{image}')", beside=path.parent, unit="share") for image in images]
    _read_results(pages, f"{place}.result", annotation["result"], problems, seen)
    return pages


def _read_results(pages: list[AnnotatedPage], where: str, results: Any, problems: list[Problem], seen: _Seen) -> None:
    regions: dict[Any, list[dict[str, Any]]] = {}
    for place, result in each_object(results, where, problems):
        if isinstance(result.get("value"), dict):
            name = result.get("id")
            regions.setdefault(name if isinstance(name, int | str) else place, []).append(result)
        elif result.get("type") != "relation":  # which joins two regions, and is none
            problems.append(Problem("there is no object 'value'", place))
    for region in regions.values():
        drawn = next((result for result in region if is_shape(result["value"])), None)
        if drawn is None:  # a text or a choice about the page as a whole
            continue
        number = drawn.get("item_index") or 0
        if not isinstance(number, int) or not 0 <= number < len(pages):
            problems.append(Problem(f"its 'item_index' {number!r} names no image of the task", where))
            continue
        page, size = pages[number], size_of(drawn)
        if page.width is None and size is not None:
            page.width, page.height = size
        seen.turned += bool(drawn.get("image_rotation"))
        texts = [label_studio_min.text_of(result["value"]) for result in region]
        add_shape(page, drawn["value"], size, next(filter(None, texts), ""))
