"""Whatever an annotation file holds, its reader gives pages, notes and problems; a survey pages, or what is wrong."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from PIL import Image
from promise.hunt import Property
from promise.odd_inputs import (
    TEXTS,
    any_bytes,
    as_json,
    edited,
    keys_of,
    plausible_json,
    plausible_xml,
    replaced_json,
    replaced_xml,
    reworded,
)
from promise.valid_annotations import JSON, LINES, MAT, QUAD, XML, cells, mat_bytes

from workbench.errors import BadInput, Problem
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.annotations.reading import Note, forget
from workbench.workloads.ocr.layouts.labels import TRAIN, VAL, PlacedPage
from workbench.workloads.ocr.layouts.layouts import LAYOUTS
from workbench.workloads.ocr.pages.page import AnnotatedPage
from workbench.workloads.ocr.pages.survey import survey

#: A file as it is drawn: its name and its bytes.
File = tuple[str, bytes]

#: The images: one is turned by EXIF, so that points in its stored frame are turned.
TURNED, UPRIGHT = "a.jpg", ("b.png", "gt_1.png")
_SIDES = (60, 40)


def reads(file: File, folder: Path, *, format_name: str) -> None:
    """A reader gives what can be used, and names the file in what it says."""
    path = _written(file, folder)
    try:
        items = list(FORMATS[format_name].read([path]))
    finally:
        path.unlink()
    for item in items:
        if isinstance(item, Problem):
            assert path.name in item.where, f"a problem that names no file: {item}"
        elif isinstance(item, AnnotatedPage):
            _check_page(item, path)
        else:
            assert isinstance(item, Note) and item.text, f"a reader gives {item!r}"


def surveys(file: File, folder: Path, *, format_name: str) -> None:
    """A data set with the file is looked over, its format named or recognised."""
    _draw_images(folder)
    path = _written(file, folder)
    try:
        if format_name == "auto":
            pages, counts = survey(folder)
        else:
            pages, counts = survey(folder, annotations=path, annotation_format=format_name)
    except BadInput as error:
        assert error.problems
        assert path.name in str(error) or str(folder) in str(error), f"no file is named: {error}"
        return
    finally:
        path.unlink()
    assert counts.num_pages == len(pages) > 0
    assert counts.num_words == sum(len(page.words) for page in pages) >= counts.num_ignored_words
    for page in pages:
        assert page.name.partition(" (")[0] in (TURNED, *UPRIGHT), f"there is no image {page.name}"
        assert (page.width, page.height) == (_SIDES[::-1] if page.exif_orientation == 6 else _SIDES)
        for word in page.words:
            _check_points(word.polygon)


def _both(file: File, folder: Path, *, format_name: str) -> None:
    reads(file, folder, format_name=format_name)
    surveys(file, folder, format_name=format_name)


def _check_page(page: AnnotatedPage, path: Path) -> None:
    assert isinstance(page.image, str)
    assert path.name in page.where
    for size in (page.width, page.height):
        assert size is None or (type(size) is int and size > 0), f"a size of {size!r}"
    assert all(type(count) is int and count > 0 for count in page.dropped.values())
    for word in page.words:
        assert isinstance(word.text, str)
        word.text.encode()  # it is written into files, and into messages
        _check_points(word.polygon)


def _check_points(points: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    assert points.dtype == np.float32
    assert points.ndim == 2
    assert points.shape[1] == 2
    assert len(points) >= 3
    assert np.isfinite(points).all(), f"points that are not finite: {points.tolist()}"


def _written(file: File, folder: Path) -> Path:
    forget()  # a file that is written twice within a tick of the clock would pass for the first one
    path = folder / file[0]
    path.write_bytes(file[1])
    return path


def _draw_images(folder: Path) -> None:
    if (folder / TURNED).exists():
        return
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", _SIDES).save(folder / TURNED, exif=exif)
    for name in UPRIGHT:
        Image.new("RGB", _SIDES).save(folder / name)


def _files_of(format_name: str) -> SearchStrategy[File]:
    """Files that could be of a format: of any bytes, of plausible ones, and valid ones that are damaged."""
    kinds: list[SearchStrategy[File]] = []
    contents = [content for name, content in JSON.items() if name.partition(",")[0] == format_name]
    is_by_line = format_name == "paddleocr"
    for content in [] if is_by_line else contents:
        documents = replaced_json(content) | plausible_json(keys_of(content)) | edited(as_json(content))
        kinds += [_named("a.json", documents), _named("a.json", replaced_json(content))]
        kinds.append(_named("a.json.gz", st.builds(_packed, documents, st.booleans())))
    if is_by_line:
        kinds.append(_named("a.txt", replaced_json(contents[0]).map(lambda data: b"a.jpg\t" + data)))
    if format_name in LINES:
        line = LINES[format_name]
        kinds += [_named("a.txt", reworded(line)), _named("a.txt", edited(f"{line}\n{line}\n".encode()))]
    if format_name in XML:
        text = XML[format_name]
        documents = replaced_xml(text) | edited(text.encode()) | plausible_xml(text)
        kinds += [_named("a.xml", documents), _named("a.xml", replaced_xml(text))]
    if format_name in MAT:
        kinds += [_named("a.mat", edited(mat_bytes(**MAT[format_name]))), _named("a.mat", _tables(format_name))]
    for text_file, data in _laid_out(format_name):
        is_json = text_file.endswith(".json")
        kinds.append(_named(text_file, replaced_json(json.loads(data)) if is_json else reworded(data.decode())))
        kinds.append(_named(text_file, edited(data)))
    suffix = "mat" if format_name == "synthtext" else "xml" if format_name in XML else "txt"
    return st.one_of(*kinds, _named(f"a.{suffix}", any_bytes))


def _laid_out(format_name: str) -> Iterator[File]:
    """The files of labels that this package writes in a format."""
    words = {
        f"{number:04}": {"points": points, "transcription": text, "illegibility": text == "###"}
        for number, (points, text) in enumerate(((QUAD, "A"), ([[1, 1], [9, 1.5], [9, 7], [1, 7]], "###")))
    }
    entry = {"img_w": _SIDES[0], "img_h": _SIDES[1], "words": words}
    pages = [PlacedPage(PurePosixPath(part, name), "00", entry) for part, name in ((TRAIN, TURNED), (VAL, UPRIGHT[0]))]
    for layout, how in LAYOUTS.items():
        if layout.removesuffix("_split") == format_name:
            files = [(PurePosixPath(name), text) for name, text in how.labels(pages)]
            yield from ((f"a{path.suffix}", text.encode()) for path, text in files if path.suffix in (".json", ".txt"))


def _named(name: str, contents: SearchStrategy[bytes]) -> SearchStrategy[File]:
    return contents.map(lambda data: (name, data))


def _packed(data: bytes, is_whole: bool) -> bytes:
    packed = gzip.compress(data, 1)
    return packed if is_whole else packed[: len(packed) // 2]


def _tables(format_name: str) -> SearchStrategy[bytes]:
    """MATLAB files whose cells hold anything."""
    shapes = st.sampled_from([(0, 0), (1, 1), (2, 4), (2, 4, 1), (2, 4, 2), (4, 2), (1, 4), (4, 1), (3,), (2, 3, 2)])
    kinds = st.sampled_from(["f8", "f4", "i2", "u1", "i8", "complex128"])
    filled = st.sampled_from([0.0, 1.0, 7.5, -3.0, 1e300, float("nan"), float("inf")])

    def array(shape: tuple[int, ...], kind: str, value: float) -> Any:
        with np.errstate(all="ignore"):
            return np.full(shape, value).astype(kind)

    values = st.builds(array, shapes, kinds, filled) | st.sampled_from(TEXTS).map(lambda text: np.array([text]))
    some = st.lists(values | st.lists(values, max_size=2).map(lambda inner: cells(*inner)), max_size=7)
    tables = {name: some.map(lambda inner: cells(*inner)) | values for name in MAT[format_name]}
    whole = {name: st.just(table) for name, table in MAT[format_name].items()}
    mixed = st.fixed_dictionaries({name: tables[name] | whole[name] for name in tables})
    return mixed.map(lambda drawn: mat_bytes(**drawn))


def _all_of_them() -> Iterator[Property]:
    for name in FORMATS:
        yield Property(f"{name}, read", _files_of(name), functools.partial(_both, format_name=name))
    anything = st.one_of(*map(_files_of, FORMATS))
    yield Property("format recognised", anything, functools.partial(surveys, format_name="auto"))


PROPERTIES: tuple[Property, ...] = tuple(_all_of_them())
