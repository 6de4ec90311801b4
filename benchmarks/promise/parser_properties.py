"""Whatever lies on disk or is typed, who reads it gives what it holds, or says what is wrong with it and where."""

from __future__ import annotations

import functools
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from PIL import Image
from promise.hunt import Property
from promise.made_by_hand import Run, make_comparison
from promise.odd_inputs import TEXTS, any_bytes, as_json, edited, keys_of, plausible_json, replaced, replaced_json
from pydantic import BaseModel

from workbench.commands.questions import answer_question
from workbench.errors import BadInput
from workbench.explain.breakdown import break_down
from workbench.explain.checks.runs import read_samples
from workbench.explain.figures.profiler_figures import flame
from workbench.explain.figures.profilers import operator_table, read_source, source_html
from workbench.explain.prediction.predictor import Predictor
from workbench.files import SURVEYS, cache_dir
from workbench.measure.trial.events import parse_event
from workbench.observer.image_header import header_of
from workbench.records import SPAN_COLUMNS, ComparisonState, Prediction, Program, VariantTrial
from workbench.records.run_folder import (
    COMPARISON,
    KNOBS,
    RECORD,
    SAMPLES,
    SPANS,
    STATE,
    read_comparison,
    read_knobs,
    read_record,
    read_spans,
    read_state,
)
from workbench.records.tables import write_table
from workbench.workloads.ocr.cache.stores import DiskStore
from workbench.workloads.ocr.chain.decode import DecodeError, choose_decoder
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.image_header import ImageProblem, read_header
from workbench.workloads.ocr.pages.kept_survey import KeptSurvey
from workbench.workloads.ocr.pages.page import Page, PageCounts
from workbench.workloads.ocr.pages.shards import MANIFEST, read_shards, write_shards
from workbench.workloads.ocr.pages.words import Word, Words
from workbench.workloads.ocr.synthetic.draw import read_manifest

Read = Callable[[Path], Any]


@cache
def _run() -> Run:
    return Run()


def _state() -> ComparisonState:
    trials = [VariantTrial(block=0, variant="wide", run_id="20260101-000000-aaaaaa")]
    program = Program(name="main", python="python", source="a")
    variants = {"baseline": OcrKnobs(), "wide": OcrKnobs(num_workers=2)}
    return ComparisonState(
        variants=variants, programs={"wide": program}, seed=0, most_blocks=3, runs="runs", trials=trials
    )


def _record(folder: Path) -> None:
    for lane in break_down(read_record(folder)):
        assert isinstance(lane.closes, bool)


def _is_read(data: bytes, folder: Path, *, name: str, read: Read) -> None:
    """A damaged file is named; nothing else is raised."""
    (folder / name).write_bytes(data)
    try:
        read(folder)
    except BadInput as error:
        assert error.problems
        assert name in str(error), f"the file is not named: {error}"


def _documents(content: Any) -> SearchStrategy[bytes]:
    """JSON files that are damaged, and others of the same keys."""
    return st.one_of(replaced_json(content), edited(as_json(content)), plausible_json(keys_of(content)), any_bytes)


def _model(model: BaseModel) -> SearchStrategy[bytes]:
    return _documents(json.loads(model.model_dump_json()))


_OPERATORS = [
    {"name": "aten::add", "calls": 7, "cpu_self_s": 0.25, "cpu_s": 0.5, "device_self_s": 0.125}
    | {"cpu_bytes": 4096, "device_bytes": 0}
]
_LINES = {
    "processes": ["main", "worker-0"],
    "functions": [
        {"path": "a.py:7", "total_s": 1.5, "lines": [{"line": 8, "hits": 10, "time_s": 1.5, "source": "load(page)"}]}
    ],
}
_STACKS = {
    "shared": {"frames": [{"name": "main"}, {"name": "load"}]},
    "profiles": [{"name": "main process", "samples": [[0], [0, 1]], "weights": [400.0, 100.0]}],
}
_PROFILES: Mapping[str, tuple[Any, Read]] = {
    "operators.json": (_OPERATORS, lambda file: (operator_table(file), operator_table(file, by="memory"))),
    "lines.json": (_LINES, lambda file: source_html(read_source(file))),
    "stacks.speedscope.json": (_STACKS, flame),
}


def _spans() -> pd.DataFrame:
    return _run().spans()[list(SPAN_COLUMNS)]


@cache
def _table_bytes() -> bytes:
    with TemporaryDirectory() as folder:
        write_table(pa.Table.from_pandas(_spans(), preserve_index=False), Path(folder) / SPANS)
        return (Path(folder) / SPANS).read_bytes()


def _spans_are_whole(folder: Path) -> None:
    """Spans that are read are those that were written: a table has checksums."""
    assert read_spans(folder)[list(SPAN_COLUMNS)].equals(_spans()), "other spans are read than were written"


@cache
def _samples_bytes() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, images=np.arange(60.0).reshape(3, 20), names=np.array(["a", "b", "c"]))
    return file.getvalue()


def _samples(data: bytes, folder: Path) -> None:
    (folder / SAMPLES).write_bytes(data)
    notes: list[str] = []
    arrays = read_samples(folder, notes)
    assert (arrays is None) == bool(notes), "samples are gone, and nothing is said of it"
    assert all(SAMPLES in note for note in notes)


@cache
def _images() -> dict[str, bytes]:
    """A small image of every kind that can be written here, in the modes that it knows."""
    made = {}
    kinds = (("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "P"), ("PNG", "I;16"), ("BMP", "RGB"))
    for kind, mode in (*kinds, ("TIFF", "RGB"), ("WEBP", "RGB"), ("GIF", "P"), ("JPEG2000", "RGB"), ("AVIF", "RGB")):
        file, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = 6
        Image.new(mode, (20, 12)).save(file, kind, **({} if kind in ("BMP", "GIF", "JPEG2000") else {"exif": exif}))
        made[f"{kind} {mode}"] = file.getvalue()
    return made


def _quietly() -> None:
    """OpenCV tells stderr of each damaged image, too."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _header(data: bytes, folder: Path) -> None:
    path = folder / "a.jpg"
    path.write_bytes(data)
    header_of(path)
    try:
        header = read_header(path)
    except ImageProblem as error:
        assert str(error)
        return
    assert min(header.width, header.height) > 0
    assert 1 <= header.orientation <= 8
    assert header.num_bytes == len(data)
    assert header.num_pictures >= 1
    _decoded(data)


def _decoded(data: bytes) -> None:
    _quietly()
    for name in ("pil", "opencv", "turbojpeg"):
        try:
            image = choose_decoder(name)(data)
        except DecodeError as error:
            assert str(error)
            continue
        assert (image.dtype, image.ndim, image.shape[2]) == (np.uint8, 3, 3), f"{name} gives {image.shape}"


@cache
def _shards() -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.jpg"
        path.write_bytes(_images()["JPEG RGB"])
        quad = np.array([[1, 1], [9, 1], [9, 5], [1, 5]], np.float32)
        pages = [Page(path, f"{number}.jpg", (Word(quad, "A"),), 20, 12, is_jpeg=True) for number in range(2)]
        out = Path(folder) / "shards"
        write_shards(pages, PageCounts(num_pages=2, num_words=2, num_ignored_words=0), out, num_shards=1)
        return {file.name: file.read_bytes() for file in out.iterdir()}


def _shards_are_read(drawn: tuple[str, bytes], folder: Path) -> None:
    for name, data in {**_shards(), drawn[0]: drawn[1]}.items():
        (folder / name).write_bytes(data)
    try:
        pages, _ = read_shards(folder)
    except BadInput as error:
        assert str(folder) in str(error), f"no file is named: {error}"
        return
    for page in pages:
        assert isinstance(page.name, str), f"a page is named {page.name!r}"
        assert isinstance(page.width, int) and isinstance(page.height, int) and min(page.width, page.height) > 0
        assert page.exif_orientation in range(1, 9)
        for word in page.words:
            assert isinstance(word.text, str)
            assert isinstance(word.ignore, bool)
            assert word.polygon.ndim == 2 and word.polygon.shape[1] == 2 and len(word.polygon) >= 3
            assert np.isfinite(word.polygon).all()


def _damaged_shards() -> SearchStrategy[tuple[str, bytes]]:
    kinds = []
    for name, data in _shards().items():
        documents = _documents(json.loads(data)) if name == MANIFEST else edited(data) | _pages_with_other_words(data)
        kinds.append(documents.map(functools.partial(_pair, name)))
    return st.one_of(*kinds)


def _pair(name: str, data: bytes) -> tuple[str, bytes]:
    return name, data


def _pages_with_other_words(tar: bytes) -> SearchStrategy[bytes]:
    """The tar file with something else at one place of the first page's JSON, in as many bytes."""
    begin = tar.index(b'{"name"')
    end = tar.index(b"\0", begin)
    room = -(-(end - begin) // 512) * 512

    def put(content: Any) -> bytes:
        data = as_json(content)[:room]
        head = bytearray(tar[begin - 512 : begin])
        head[124:136] = f"{len(data):011o}\0".encode()
        head[148:156] = b" " * 8
        head[148:156] = f"{sum(head):06o}\0 ".encode()
        return tar[: begin - 512] + bytes(head) + data.ljust(room, b"\0") + tar[begin + room :]

    return replaced(json.loads(tar[begin:end])).map(put)


@cache
def _surveyed() -> tuple[Path, Page, bytes]:
    """A data set of one page, whose folder stays as long as this process; the page; and the survey as it is kept."""
    folder = Path(_homes.enter_context(TemporaryDirectory()))
    path = folder / "a.jpg"
    path.write_bytes(_images()["JPEG RGB"])
    quad = np.array([[1, 1], [9, 1], [9, 5], [1, 5]], np.float32)
    page = Page(path, "a.jpg", Words([Word(quad, "A", True)]), 20, 12, num_bytes=path.stat().st_size, is_jpeg=True)
    with TemporaryDirectory() as kept, _cached_in(kept):
        KeptSurvey(folder, [path], None, []).keep([page], _COUNTS)
        return folder, page, next((Path(kept) / SURVEYS).iterdir()).read_bytes()


_homes = ExitStack()
_COUNTS = PageCounts(num_pages=1, num_words=1, num_ignored_words=1)


def _survey_is_whole(data: bytes, folder: Path) -> None:
    """A survey that was kept and is damaged is made anew; one that is taken is as it was kept."""
    home, page, _ = _surveyed()
    with _cached_in(str(folder)):
        kept = KeptSurvey(home, [page.path], None, [])
        if not (folder / SURVEYS).exists():
            kept.keep([page], _COUNTS)  # which makes the file by its name
        (path,) = (folder / SURVEYS).iterdir()
        path.write_bytes(data)
        found = kept.load()
    assert found is None or found == ([page], _COUNTS), f"another survey is taken: {found}"


_CONTENT = bytes(range(256)) * 30


def _cache_is_whole(drawn: bytes, folder: Path) -> None:
    """A cache on disk that has been damaged is made anew; one that is taken is as it was kept."""
    with _cached_in(str(folder)):
        path = folder / "key.pages"
        path.write_bytes(drawn)
        store = DiskStore(len(_CONTENT), "key")
        assert not store.filled or bytes(store.view) == _CONTENT, "a damaged cache is taken"
        store.discard()
        store.view.release()


@cache
def _cache_bytes() -> bytes:
    with TemporaryDirectory() as folder, _cached_in(folder):
        store = DiskStore(len(_CONTENT), "key")
        store.view[:] = _CONTENT
        store.keep()
        store.view.release()
        return (Path(folder) / "key.pages").read_bytes()


@contextmanager
def _cached_in(folder: str) -> Iterator[None]:
    """Within this block caches lie there."""
    before = os.environ.get("WORKBENCH_CACHE")
    os.environ["WORKBENCH_CACHE"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["WORKBENCH_CACHE"]
        else:
            os.environ["WORKBENCH_CACHE"] = before


def _cache_folder(text: str, folder: Path) -> None:
    with _cached_in(text):
        try:
            assert isinstance(cache_dir(), Path)
        except BadInput as error:
            assert error.subject == text


@cache
def _predictor() -> Predictor:
    return Predictor(_run().record(), _run().spans())


def _answered(text: str, folder: Path) -> None:
    answer = answer_question(text, _predictor())
    if isinstance(answer, Prediction):
        rate = answer.samples_per_s
        assert all(map(math.isfinite, (rate.estimate, rate.low, rate.high))), f"{rate} samples/s"
        assert 0.0 < rate.low <= rate.estimate <= rate.high


_stages = st.sampled_from(
    ("decode", "collate", "device", "loader", "receive", "nothing", "cache", "num_workers", "cores")
)
_numbers = st.sampled_from(("0", "0.5", "2", "4", "50", "1e3", "1..2", ".", "-1", "9" * 30, "decoded", "none"))
_forms = st.sampled_from((
    "{} x{}", "{}*{}", "{} {}%", "{} {}x faster", "{} {} times slower", "remove {}", "{} for free", "{} on device",
    "{} on device at {} ms", "{} from {}", "{}={}", "{}={} from x", "{1} {0}", "{0}",
))  # fmt: skip
_questions = st.text(max_size=20) | st.builds(str.format, _forms, _stages, _numbers)
_folders = st.sampled_from(("~", "~nobody-of-that-name/a", "~root", "a", "/", ".", "~~", " ")) | st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8
)
_headers = st.one_of(any_bytes, *(edited(data) for data in _images().values()))
_events = _documents({"event": "phase", "phase": "steady", "done": 1, "total": 2}).map(
    lambda data: data.decode("utf-8", "replace")
) | st.sampled_from(TEXTS)


_MANIFEST = {"count": 2, "seed": 0, "version": 1, "num_words": 3, "num_bytes": 4, "layout": "ufo", "labels": ["a.json"]}


def _on_disk(name: str, documents: SearchStrategy[bytes], read: Read) -> Property:
    return Property(f"{name}, damaged", documents, functools.partial(_is_read, name=name, read=read))


def _profile(name: str) -> Property:
    content, view = _PROFILES[name]
    return _on_disk(name, _documents(content), lambda folder: view(folder / name))


PROPERTIES: tuple[Property, ...] = (
    _on_disk(RECORD, _model(_run().record()), _record),
    _on_disk(COMPARISON, _model(make_comparison()), read_comparison),
    _on_disk(STATE, _model(_state()), read_state),
    _on_disk(KNOBS, _model(OcrKnobs()), read_knobs),
    *map(_profile, _PROFILES),
    _on_disk(SPANS, edited(_table_bytes()) | any_bytes, _spans_are_whole),
    Property(f"{SAMPLES}, damaged", edited(_samples_bytes()) | any_bytes, _samples),
    Property("images, damaged", _headers, _header),
    Property("shards, damaged", _damaged_shards(), _shards_are_read),
    Property("cache on disk, damaged", edited(_cache_bytes()) | any_bytes, _cache_is_whole),
    Property("survey that is kept, damaged", edited(_surveyed()[2]) | any_bytes, _survey_is_whole),
    _on_disk("pages.json", _documents(_MANIFEST), lambda folder: read_manifest(folder)),
    Property("WORKBENCH_CACHE, of any text", _folders, _cache_folder),
    Property("what if, of any text", _questions, _answered),
    Property("event of a trial, of any line", _events, lambda line, folder: parse_event(line) and None),
)
