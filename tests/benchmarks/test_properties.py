"""The short form of the properties; and that each of them finds a fault."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st
from PIL import Image
from promise import knob_properties, map_properties, parser_properties, reader_properties, span_properties
from promise.hunt import Property, as_figure, hunt
from promise.valid_annotations import JSON, LINES, MAT, XML

from workbench.commands import questions
from workbench.errors import BadInput, Problem
from workbench.explain.breakdown import LaneBreakdown, break_down
from workbench.explain.figures import profiler_files
from workbench.knobs import format as knob_format
from workbench.measure.comparison import variants
from workbench.measure.timing.ranks import with_waits
from workbench.measure.trial import stage_stats
from workbench.measure.trial.events import Event
from workbench.records import Record, run_folder
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.cache import stores
from workbench.workloads.ocr.chain.page_maker import PageMaker
from workbench.workloads.ocr.fast_targets import fast_targets
from workbench.workloads.ocr.pages import shards
from workbench.workloads.ocr.pages.kept_survey import KeptSurvey
from workbench.workloads.ocr.pages.page import AnnotatedPage, Page
from workbench.workloads.ocr.pages.words import Word
from workbench.workloads.ocr.synthetic.draw import Manifest

ROOMS = (span_properties, map_properties, knob_properties, parser_properties, reader_properties)
PROPERTIES = {one.name: one for room in ROOMS for one in room.PROPERTIES}

#: Inputs of the short form; and as many at most until a planted fault is found.
COUNT, MOST = 20, 400

Plant = Callable[[pytest.MonkeyPatch], None]


def test_every_format_has_a_valid_file_to_be_damaged() -> None:
    assert {name.partition(",")[0] for name in (*JSON, *LINES, *MAT, *XML)} == set(FORMATS)


@pytest.mark.parametrize("name", PROPERTIES)
def test_it_holds(name: str) -> None:
    found = hunt(PROPERTIES[name], COUNT)
    assert found.faults == {}
    assert found.tried == COUNT


# --- spans -----------------------------------------------------------------------------------------------------------


def counts_twice(patch: pytest.MonkeyPatch) -> None:
    """All time that spans cover counts twice."""

    def summed(spans: Any, begin_ns: int, end_ns: int) -> int:
        begin, end = np.clip(spans.begin_ns, begin_ns, end_ns), np.clip(spans.end_ns, begin_ns, end_ns)
        return 2 * int((end - begin).sum())

    patch.setattr(stage_stats, "covered_ns", summed)


def leaves_out_the_rest(patch: pytest.MonkeyPatch) -> None:
    """What no stage explains is no part of a lane."""

    def broken_down(record: Record) -> list[LaneBreakdown]:
        return [replace(lane, parts=lane.parts[:-1]) for lane in break_down(record)]

    patch.setattr(span_properties, "break_down", broken_down)


def forgets_the_exchange(patch: pytest.MonkeyPatch) -> None:
    """Of a backward pass that is parted, what comes after the gradients is lost."""

    def parted(track: Any, ready_ns: Any, rank: int) -> Any:
        spans, count = with_waits(track, ready_ns, rank).spans, len(track.spans.stage)
        cut = {name: getattr(spans, name)[:count] for name in ("stage", "begin_ns", "end_ns", "sample", "batch")}
        return replace(track, spans=replace(spans, **cut))

    patch.setattr(span_properties, "with_waits", parted)


# --- maps ------------------------------------------------------------------------------------------------------------


def draws_beside(patch: pytest.MonkeyPatch) -> None:
    """The fast maps are half a pixel off."""

    def beside(polygons: Any, ignore: Any, size: int) -> Any:
        return fast_targets([polygon + np.float32(0.5) for polygon in polygons], ignore, size)

    patch.setattr(map_properties, "fast_targets", beside)


def drops_in_silence(patch: pytest.MonkeyPatch) -> None:
    """Words without area are dropped, and not counted."""
    placed = PageMaker.placed
    patch.setattr(PageMaker, "placed", lambda *of: replace(placed(*of), dropped_words=0))


# --- knobs -----------------------------------------------------------------------------------------------------------


def tells_the_first_only(patch: pytest.MonkeyPatch) -> None:
    """Of several wrong settings one is reported."""
    parse = knob_properties.parse_knobs

    def parsed(settings: Any) -> Any:
        try:
            return parse(settings)
        except BadInput as error:
            raise BadInput(error.subject, error.problems[:1]) from None

    patch.setattr(knob_properties, "parse_knobs", parsed)


def writes_six_digits(patch: pytest.MonkeyPatch) -> None:
    """A number is written with six digits."""
    patch.setattr(knob_format, "_number_text", lambda value: f"{value:g}")


def splits_at_every_sign(patch: pytest.MonkeyPatch) -> None:
    """An item is taken for a name and a value."""

    def split(items: Any) -> tuple[dict[str, str], list[Problem]]:
        return dict(item.split("=") for item in items), []

    for module in (knob_format, variants):
        patch.setattr(module, "split_settings", split)


def takes_any_name(patch: pytest.MonkeyPatch) -> None:
    """Whatever stands before the sign is the name of a variable."""

    def variables(text: str) -> dict[str, str]:
        return {word.partition("=")[0]: word.partition("=")[2] for word in shlex.split(text)}

    patch.setattr(knob_properties, "variables_in", variables)


def sets_another(patch: pytest.MonkeyPatch) -> None:
    """A variant has another seed as well."""
    parse = variants.parse_here
    patch.setattr(variants, "parse_here", lambda of: parse({"seed": len(of), **of}))


def lists_anything(patch: pytest.MonkeyPatch) -> None:
    """What should be a list is taken for one."""
    patch.setattr(variants, "_listed", lambda value: list(value or ()))


# --- what lies on disk, or is typed ----------------------------------------------------------------------------------


def believes_records(patch: pytest.MonkeyPatch) -> None:
    """What the model of a record says of a damaged one goes through."""
    patch.setattr(run_folder, "_read", lambda path, model: model.model_validate_json(path.read_bytes()))


def believes_json(patch: pytest.MonkeyPatch) -> None:
    """So does what the parser of JSON says."""
    for module in (run_folder, profiler_files):
        patch.setattr(module, "read_json", lambda path: json.loads(path.read_text(encoding="utf-8")))


def believes_tables(patch: pytest.MonkeyPatch) -> None:
    """The checksums of a table are not looked at."""

    def read(path: Path, columns: Any) -> Any:
        try:
            return pq.read_table(path).to_pandas()
        except Exception as error:
            raise BadInput(str(path), [Problem(str(error))]) from None

    patch.setattr(run_folder, "read_table", read)


def says_nothing_of_samples(patch: pytest.MonkeyPatch) -> None:
    """Samples that are damaged are none."""
    read = parser_properties.read_samples
    patch.setattr(parser_properties, "read_samples", lambda folder, notes: read(folder))


def believes_images(patch: pytest.MonkeyPatch) -> None:
    """What Pillow says of a damaged image goes through."""
    patch.setattr(parser_properties, "read_header", lambda path: Image.open(path).load())


def believes_shards(patch: pytest.MonkeyPatch) -> None:
    """A page is whatever the JSON file in a shard says."""

    def page_of(said: bytes, path: Path, *_: Any) -> Page:
        found = json.loads(said)
        words = [Word(np.array(word["points"], np.float32), word["text"], word["ignore"]) for word in found["words"]]
        return Page(path, found["name"], words, found["width"], found["height"], found["exif_orientation"])

    patch.setattr(shards, "_page_of", page_of)


def believes_caches(patch: pytest.MonkeyPatch) -> None:
    """The sums behind a cache are not looked at."""
    patch.setattr(stores, "is_whole", lambda file, size: True)


def believes_surveys(patch: pytest.MonkeyPatch) -> None:
    """What NumPy says of an archive that is damaged goes through."""

    def load(kept: KeptSurvey) -> None:
        np.load(kept._path)["texts"]

    patch.setattr(KeptSurvey, "load", load)


def believes_manifests(patch: pytest.MonkeyPatch) -> None:
    """A file beside drawn pages is what it should be."""
    read = Path.read_text
    patch.setattr(parser_properties, "read_manifest", lambda at: Manifest(**json.loads(read(at / "pages.json"))))


def believes_homes(patch: pytest.MonkeyPatch) -> None:
    """Everybody who is named has a home folder."""
    patch.setattr(parser_properties, "cache_dir", lambda: Path(os.environ["WORKBENCH_CACHE"]).expanduser())


def believes_numbers(patch: pytest.MonkeyPatch) -> None:
    """Digits and points are a number."""
    patch.setattr(questions, "_number", lambda text, question: float(text))


def believes_lines(patch: pytest.MonkeyPatch) -> None:
    """Every line that a trial prints is an event."""
    patch.setattr(parser_properties, "parse_event", Event.model_validate_json)


# --- annotations -----------------------------------------------------------------------------------------------------


def raises_for(format_name: str) -> Plant:
    """The reader of a format raises where it should give a problem, or count a word as dropped."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        def read(paths: Any) -> Iterator[Any]:
            for item in FORMATS_AS_THEY_ARE[format_name].read(paths):
                if isinstance(item, Problem) or (isinstance(item, AnnotatedPage) and item.dropped):
                    raise KeyError("points")
                yield item

        patch.setitem(FORMATS, format_name, replace(FORMATS[format_name], read=read))

    return plant


def recognises_by_a_key(patch: pytest.MonkeyPatch) -> None:
    """A format is recognised by a key that every file is thought to have."""
    patch.setitem(FORMATS, "ufo", replace(FORMATS["ufo"], is_json=lambda content: "words" in content["images"]))


FORMATS_AS_THEY_ARE = dict(FORMATS)

PLANTED: dict[str, Plant] = {
    "spans, summed up": counts_twice,
    "spans, record and breakdown": leaves_out_the_rest,
    "backward passes of ranks, parted": forgets_the_exchange,
    "polygons, drawn both ways": draws_beside,
    "words of a page, placed and drawn": drops_in_silence,
    "knobs, of anything": tells_the_first_only,
    "knobs, of texts": writes_six_digits,
    "knobs, of -p": splits_at_every_sign,
    "env, of any text": takes_any_name,
    "variants, as they say": sets_another,
    "variants, of any text": splits_at_every_sign,
    "grids, of any text": splits_at_every_sign,
    "variants and grids, of anything": lists_anything,
    **{f"{name}, damaged": believes_records for name in ("record.json", "comparison.json", "state.json")},
    **{
        f"{name}, damaged": believes_json
        for name in ("knobs.json", "operators.json", "lines.json", "stacks.speedscope.json")
    },
    "spans.parquet, damaged": believes_tables,
    "samples.npz, damaged": says_nothing_of_samples,
    "images, damaged": believes_images,
    "shards, damaged": believes_shards,
    "cache on disk, damaged": believes_caches,
    "survey that is kept, damaged": believes_surveys,
    "pages.json, damaged": believes_manifests,
    "WORKBENCH_CACHE, of any text": believes_homes,
    "what if, of any text": believes_numbers,
    "event of a trial, of any line": believes_lines,
    **{f"{name}, read": raises_for(name) for name in FORMATS},
    "format recognised": recognises_by_a_key,
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_fault_that_is_planted_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED[name](monkeypatch)
    assert hunt(PROPERTIES[name], MOST, smallest=False, most_faults=1).faults


# --- the hunt itself -------------------------------------------------------------------------------------------------


def holds_below(limit: int) -> Property:
    def holds(number: int, folder: Path) -> None:
        if number >= 2 * limit:
            raise ValueError("far too large")
        if number >= limit:
            raise ValueError("too large")

    return Property("numbers", st.integers(0, 3_000), holds)


def test_a_hunt_finds_the_smallest_input_of_each_fault_and_goes_on() -> None:
    what = holds_below(50)
    found = hunt(what, 200)
    assert sorted(told.rpartition(" of ")[2] for told in found.faults.values()) == ["100", "50"]
    assert found.tried == 200
    assert found.crashes > 2
    figure = as_figure(what, found, 200)
    assert (figure.met, figure.value) == (False, found.crashes)
    assert "too large; of 50" in figure.detail


def test_the_same_hunt_tries_the_same_inputs_and_another_one_others() -> None:
    def tried(start: int) -> list[int]:
        seen: list[int] = []
        hunt(Property("numbers", st.integers(), lambda number, folder: seen.append(number)), 20, start=start)
        return seen

    assert tried(0) == tried(0)
    assert tried(0) != tried(1)


def test_a_hunt_that_tried_too_few_does_not_count() -> None:
    what = Property("two values", st.booleans(), lambda value, folder: None)
    found = hunt(what, 20)
    assert (found.tried, found.faults) == (2, {})
    assert not as_figure(what, found, 20).met


def test_a_warning_of_numpy_is_a_fault() -> None:
    what = Property("quotients", st.just(0.0), lambda value, folder: np.float64(1.0) / np.float64(value))
    assert len(hunt(what, 20).faults) == 1
