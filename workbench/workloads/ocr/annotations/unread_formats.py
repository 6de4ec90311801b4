"""Formats that are not read: what they look like, and, where that is short, how to make UFO JSON of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Of a file this much is looked at.
_HEAD_BYTES = 4096

#: The columns of a table of boxes: names of the image's, and of those of its corners.
_IMAGE_COLUMNS = ("filename", "file_name", "image", "image_name", "image_path", "path", "img")
_CORNER_COLUMNS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
)

_FIELD = r"-?\d*\.?\d+(?:[eE][-+]?\d+)?"
#: A class, and a box. With shares it is read.
_YOLO = re.compile(rf"\d+(?:\s+{_FIELD}){{4}}\s*")

#: A box or a quad whose numbers are parted by something else than commas or spaces.
_OTHERWISE_PARTED = re.compile(rf"\s*{_FIELD}\s*([;|\t，、])\s*{_FIELD}(?:\s*\1\s*{_FIELD}){{2}}")

_CORNERS = "[[x, y], [X, y], [X, Y], [x, Y]]"
_FROM_CSV = """\
import csv, json; pages = {{}}
for row in csv.DictReader(open({file!r}, encoding='utf-8-sig')): \
x, y, X, Y = (float(row[name]) for name in {corners}); \
words = pages.setdefault(row[{image!r}], {{'words': {{}}}})['words']; words[len(words)] = {{'points': {polygon}}}
json.dump({{'images': pages}}, open({out!r}, 'w'))"""


@dataclass(frozen=True)
class UnreadFormat:
    """A format that is known and not read.

    Attributes:
        name: What it is called.
        conversion: Python, three lines, that writes an `annotations.json` there; empty where it would be longer.
    """

    name: str
    conversion: str = ""


def unread_format(path: Path, folder: Path) -> UnreadFormat | None:
    """What a file looks like of which no annotations can be read; None for nothing that is known.

    Args:
        path: The file.
        folder: The data set, where the result of a conversion goes.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace")
    except OSError:
        return None
    return _BY_SUFFIX[suffix](path, head, folder) if (suffix := path.suffix.lower()) in _BY_SUFFIX else None


def _table(path: Path, head: str, folder: Path) -> UnreadFormat | None:
    first = head.partition("\n")[0]
    tool = next((name for mark, name in _TABLES_OF_TOOLS.items() if mark in first), None)
    if tool is not None:
        return UnreadFormat(f"a table of {tool}: export JSON instead")
    columns = next(csv.reader(head.splitlines()[:1]), [])
    image = next((name for name in _IMAGE_COLUMNS if name in columns), None)
    corners = next((names for names in _CORNER_COLUMNS if set(names) <= set(columns)), None)
    if image is None or corners is None:
        return None
    out = str(folder / "annotations.json")
    conversion = _FROM_CSV.format(file=str(path), corners=corners, image=image, polygon=_CORNERS, out=out)
    return UnreadFormat("a CSV table of boxes", conversion)


def _text(path: Path, head: str, folder: Path) -> UnreadFormat | None:
    lines = head.splitlines()
    whole = [line for line in (lines if len(head) < _HEAD_BYTES else lines[:-1]) if line.strip()]
    if whole and all(_YOLO.fullmatch(line) for line in whole):
        return UnreadFormat("YOLO, but in pixels where it has shares (0..1) of the image's sides")
    parted = {found[1] for line in whole if (found := _OTHERWISE_PARTED.match(line))}
    if len(parted) != 1:
        return None
    return UnreadFormat(f"ICDAR's lines, but with {parted.pop()!r} between numbers where they have ','")


def _json(path: Path, head: str, folder: Path) -> UnreadFormat | None:
    return next((UnreadFormat(name) for mark, name in _JSON_KINDS.items() if re.search(mark, head)), None)


def _unconfirmed(path: Path, head: str, folder: Path) -> UnreadFormat | None:
    if '"points"' not in head:
        return None
    return UnreadFormat(f"PPOCRLabel's words that nobody has confirmed: annotations={path} takes them")


#: Tools by what stands in the first line of the tables that they export.
_TABLES_OF_TOOLS = {
    "region_shape_attributes": "the VGG Image Annotator",
    "# CSV_HEADER = metadata_id": "the VGG Image Annotator",
    "annotation_id": "Label Studio",
}

#: Names of JSON formats by what stands near the begin of their files.
_JSON_KINDS = {
    r'\A\s*\{\s*"[^"]+\.(?i:png|jpe?g|bmp|tiff?|webp)"\s*:\s*"': "docTR's texts of cropped words, which have no places",
    r'"ground_truth"\s*:\s*"\{': "CORD as the rows of a table: write each 'ground_truth' into a JSON file of its own",
    r'"gt_\d+"\s*:': "LSVT's weak labels, which have no places",
    r'"content_ann"\s*:\s*\{': "DAVAR's annotations of one image, without a list that names it",
    r'"chars"\s*:\s*\[': "ReCTS",
}

_BY_SUFFIX: dict[str, Callable[[Path, str, Path], UnreadFormat | None]] = {
    ".csv": _table,
    ".tsv": _table,
    ".cach": _unconfirmed,
    ".txt": _text,
    ".json": _json,
}
