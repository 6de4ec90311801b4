"""Faults of a data set that changes while a trial runs on it: the trial fails by name, or its result is the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from PIL import Image
from promise.damage import cut, make_folder, remove, turn_one_bit
from promise.fault import Fault

from workbench.explain.checks.runs import compare_runs
from workbench.files import cache_dir
from workbench.knobs.joined import parse_knobs
from workbench.measure.trial.events import Event
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record
from workbench.workloads.ocr.pages.shards import write_shards
from workbench.workloads.ocr.pages.survey import survey
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

NUM_PAGES = 6

#: Many epochs of few pages: what changes while steps are counted is read again after that.
_KNOBS: Mapping[str, Any] = {
    "device": "replay",
    "replay_ms_per_sample": 1.0,
    "image_size": 64,
    "batch_size": 2,
    "num_steps": 240,
    "warmup_steps": 1,
    "isolated_samples": 0,
    "checked_samples": NUM_PAGES,
    "timeout_s": 240.0,
}

#: Does it to a data set.
Change = Callable[[Path], None]


def plant_change(
    folder: Path, change: Change, *, phase: str, must_fail: bool = True, shards: bool = False, **knobs: Any
) -> list[str]:
    """Run a trial, and change its data set meanwhile.

    Args:
        folder: An empty folder.
        change: What is done to the data set.
        phase: In which phase of the trial.
        must_fail: Whether the trial needs what is changed after that; else it has to have the result that it has
            without the change.
        shards: Whether the data set lies in shards.
        knobs: Of the trial.

    Returns:
        Every way in which it was not survived.
    """
    pages = folder / "pages"
    shutil.copytree(_shards() if shards else drawn_pages(), pages)
    asked = parse_knobs({**_KNOBS, **knobs, "dataset": str(pages)})
    runs = folder / "runs"
    sound = None if must_fail else run_trial(asked, runs)
    planted: list[str] = []

    def on_event(event: Event) -> None:
        if event.phase == phase and not planted:
            planted.append(phase)
            change(pages)

    record = run_trial(asked, runs, on_event=on_event)
    if not planted:
        return [f"phase {phase} was not reached: {record.failure}"]
    return list(_lost(record, pages) if sound is None else _changed(runs, sound, record))


def _lost(record: Record, pages: Path) -> Iterator[str]:
    if record.failure is None:
        yield "it ended well, on a data set that had changed"
        return
    if record.failure.kind != "bad_input":
        yield f"it failed as '{record.failure.kind}'"
    if str(pages) not in record.failure.message or "Traceback" in record.failure.message:
        yield f"its message names no file: {record.failure.message}"
    if not any(word in record.failure.message for word in ("changed", "any more", "there were")):
        yield f"its message does not say that something changed: {record.failure.message}"


def _changed(runs: Path, sound: Record, record: Record) -> Iterator[str]:
    if record.failure is not None:
        yield f"it failed: {record.failure.message}"
        return
    if (checks := compare_runs(runs, sound, record)).status != "same":
        yield f"it has another result: {checks}"
    if record.description != sound.description:
        yield f"it describes another data set: {record.description}"


@cache
def drawn_pages() -> Path:
    """The data set before anything is done to it."""
    return draw_pages(cache_dir() / f"fault-pages-{NUM_PAGES}-v{VERSION}", count=NUM_PAGES, seed=0)


@cache
def _shards() -> Path:
    out = cache_dir() / f"fault-shards-{NUM_PAGES}-v{VERSION}"
    if not out.is_dir():
        write_shards(*survey(drawn_pages()), out, num_shards=2)
    return out


def _one(pages: Path) -> Path:
    """The image, or the shard, that something is done to: the last one."""
    return sorted([*pages.rglob("*.jpg"), *pages.rglob("*.tar")])[-1]


def _resized(pages: Path, factor: float) -> None:
    """Put the same picture in another size in the place of an image, as a tool does that writes files anew."""
    path = _one(pages)
    with Image.open(path) as image:
        resized = image.resize((int(image.width * factor), int(image.height * factor)))
    resized.save(path.with_suffix(".new"), "JPEG", quality=95)
    path.with_suffix(".new").replace(path)


def _exchanged(pages: Path) -> None:
    """Put another picture in its place, with as many bytes: those that a JPEG lacks stand behind its end."""
    first, last = sorted(pages.rglob("*.jpg"))[0], _one(pages)
    data, size = first.read_bytes(), last.stat().st_size
    last.write_bytes(data[: size - 2] + b"\xff\xd9" if len(data) >= size else data + bytes(size - len(data)))


def _longer(pages: Path) -> None:
    with _one(pages).open("ab") as file:
        file.write(bytes(512))


def _annotated(pages: Path) -> None:
    (pages / "annotations.json").write_text("{}")


CHANGES: Mapping[str, Change] = {
    "an image is deleted": lambda pages: remove(_one(pages)),
    "an image becomes larger": partial(_resized, factor=2.0),
    "an image becomes smaller": partial(_resized, factor=0.5),
    "an image is exchanged for one of as many bytes": _exchanged,
    "an image is cut short": lambda pages: cut(_one(pages), 0.6),
    "an image becomes longer": _longer,
    "a bit of an image turns": lambda pages: turn_one_bit(_one(pages), 0.7),
    "a folder takes the place of an image": lambda pages: make_folder(_one(pages)),
    "the data set is moved away": lambda pages: pages.rename(pages.with_name("moved")),
}

#: What is done to a tar file; where it is cut, an entry begins or doesn't.
SHARD_CHANGES: Mapping[str, Change] = {
    "a shard is deleted": lambda pages: remove(_one(pages)),
    "a shard is cut in an entry": lambda pages: cut(_one(pages), 0.5),
    "a shard is cut between entries": lambda pages: os.truncate(_one(pages), 0),
    "a shard is exchanged for another": lambda pages: shutil.copyfile(sorted(pages.glob("*.tar"))[0], _one(pages)),
    "a bit of a shard turns": lambda pages: turn_one_bit(_one(pages), 0.3),
}

_SHORT = ("an image becomes larger",)


def _faults() -> Iterator[Fault]:
    for name, change in CHANGES.items():
        for workers in (0, 2):
            plant = partial(plant_change, change=change, phase="steady", num_workers=workers)
            is_short = name in _SHORT and workers == 2
            yield Fault(name, "driven", f"steady, {workers} workers", plant, is_short)
        early = partial(plant_change, change=change, phase="dataset", num_workers=2)
        if name != "the data set is moved away":  # then there is none to survey
            yield Fault(name, "driven", "before the survey has ended", partial(_either, plant=early))
        kept = partial(plant_change, change=change, phase="steady", must_fail=False, cache="decoded")
        yield Fault(name, "driven", "steady, decoded cache on disk", partial(kept, cache_store="disk"))
    for name, change in SHARD_CHANGES.items():
        plant = partial(plant_change, change=change, phase="steady", shards=True, loader="webdataset", num_workers=2)
        yield Fault(name, "driven", "steady, webdataset", plant)
        plant = partial(plant_change, change=change, phase="steady", shards=True, num_workers=2)
        yield Fault(name, "driven", "steady, loader of torch", plant)
    kept = partial(plant_change, change=_annotated, phase="steady", must_fail=False)
    yield Fault("the annotations are emptied", "driven", "steady", kept)


def _either(folder: Path, plant: Callable[[Path], Sequence[str]]) -> list[str]:
    """A change that comes before or after the survey: then it is what the survey finds, or a failure by name."""
    fine = ("it ended well, on a data set that had changed", "its message does not say that something changed")
    return [text for text in plant(folder) if not text.startswith(fine)]


FAULTS: tuple[Fault, ...] = tuple(_faults())
