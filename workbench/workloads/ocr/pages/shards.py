"""A data set as shards: tar files with each page's image beside a JSON file of its words, as WebDataset reads them.

`000012.jpg` is the image file as it was, `000012.json` what the survey found out about it: name, upright size, EXIF
turn, colour mode, and the words in the upright frame. `shards.json` lists the shards. Written under another name and
renamed when complete.
"""

from __future__ import annotations

import io
import itertools
import json
import secrets
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import BadInput, Problem
from workbench.files import expanded
from workbench.units import counted, format_bytes
from workbench.workloads.ocr.pages.image_kinds import why_too_large
from workbench.workloads.ocr.pages.page import Page, PageCounts
from workbench.workloads.ocr.pages.words import Word

MANIFEST = "shards.json"
_VERSION = 1

#: Pages in a shard, unless there would be fewer shards than that many workers could share.
_PAGES_PER_SHARD = 64
_FEWEST_SHARDS = 8

#: A coordinate in pixels, as 32 bits hold it.
_Coordinate = Annotated[float, Field(gt=-3.4e38, lt=3.4e38, allow_inf_nan=False)]

#: What says of one page what it is, or names the shards; a page of a hundred thousand words has less.
_MOST_JSON_BYTES = 64 * 10**6


@dataclass(frozen=True)
class Shard:
    """One tar file.

    Attributes:
        path: The file.
        num_pages: Pages in it.
    """

    path: Path
    num_pages: int


def write_shards(
    pages: Sequence[Page],
    counts: PageCounts,
    out: Path,
    *,
    num_shards: int | None = None,
    on_page: Callable[[int, int], None] | None = None,
) -> list[Shard]:
    """Write a data set as shards; the folder appears when it is complete.

    Args:
        pages: The pages, as the survey of any readable data set gives them.
        counts: What the survey counted; kept with the shards.
        out: The folder to make.
        num_shards: Tar files; by default one for 64 pages, and at least 8.
        on_page: Told the number of pages done, and of all pages.

    Raises:
        BadInput: Where the folder holds something else, cannot be written, or there are more shards than pages.
    """
    number = num_shards or min(len(pages), max(_FEWEST_SHARDS, -(-len(pages) // _PAGES_PER_SHARD)))
    problems = []
    if not 1 <= number <= len(pages):
        problems.append(
            Problem(f"{counted(len(pages), 'page')} can't fill {counted(number, 'shard')}", "shards", "Take fewer")
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        problems.append(Problem("there is something else already", str(out), "Name a new folder"))
    if problems:
        raise BadInput("shards", problems)
    place = expanded(out).resolve()
    half_done = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
    bounds = np.linspace(0, len(pages), number + 1).round().astype(int)
    shards = []
    try:
        half_done.mkdir(parents=True)
        for index, (begin, end) in enumerate(itertools.pairwise(bounds)):
            name = f"pages-{index:05d}.tar"
            with tarfile.open(half_done / name, "w", format=tarfile.USTAR_FORMAT) as tar:
                for page_number in range(begin, end):
                    _add(tar, page_number, pages[page_number])
                    if on_page is not None:
                        on_page(page_number + 1, len(pages))
            shards.append(Shard(place / name, int(end - begin)))
        manifest = {
            "version": _VERSION,
            "shards": [{"name": shard.path.name, "pages": shard.num_pages} for shard in shards],
            "counts": counts.model_dump(),
        }
        (half_done / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        half_done.replace(place)
    except OSError as error:
        raise BadInput("shards", [Problem(f"cannot be written ({error.strerror or error})", str(out))]) from None
    finally:
        shutil.rmtree(half_done, ignore_errors=True)
    return shards


def holds_shards(folder: Path) -> bool:
    """Whether a folder is a data set of shards."""
    return (folder / MANIFEST).is_file()


def list_shards(folder: Path) -> tuple[list[Shard], PageCounts]:
    """The shards of a folder, and what the survey had counted before they were written.

    Raises:
        BadInput: For a manifest that cannot be read, and for shards that are missing.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MOST_JSON_BYTES:
            raise ValueError(f"it has {format_bytes(path.stat().st_size)}")
        manifest = json.loads(path.read_text(encoding="utf-8"))
        shards = [Shard(folder / _name_inside(entry["name"]), int(entry["pages"])) for entry in manifest["shards"]]
        counts = PageCounts.model_validate(manifest["counts"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        remedy = "Write the shards anew: workbench pages --to webdataset"
        raise BadInput(str(folder), [Problem(f"cannot be read ({error})", str(path), remedy)]) from None
    missing = [shard for shard in shards if not shard.path.is_file()]
    if missing:
        remedy = "Copy them there, or write the shards anew"
        raise BadInput(str(folder), [Problem("the shard is missing", str(shard.path), remedy) for shard in missing])
    return shards, counts


def read_shards(folder: Path, limit: int | None = None) -> tuple[list[Page], PageCounts]:
    """The pages in shards, each with the place of its image inside the tar file; page `i` is the one with key `i`.

    Raises:
        BadInput: For shards that are missing, cut short, or hold something else.
    """
    shards, counts = list_shards(folder)
    pages: list[Page] = []
    problems: list[Problem] = []
    for shard in shards:
        try:
            found = list(_pages_in(shard.path))
        except (OSError, tarfile.TarError, ValueError) as error:
            problems.append(Problem(f"cannot be read ({error})", str(shard.path), "Write the shards anew"))
            continue
        if len(found) != shard.num_pages:
            what = f"holds {counted(len(found), 'page')}, and {MANIFEST} says {shard.num_pages}"
            problems.append(Problem(what, str(shard.path), "Write the shards anew"))
        pages += found
        if limit is not None and len(pages) >= limit:
            break
    if problems:
        raise BadInput(f"the data set {folder}", problems)
    if limit is not None and limit < counts.num_pages:
        pages = pages[:limit]
        words = [word for page in pages for word in page.words]
        counts = counts.model_copy(
            update={
                "num_pages": len(pages),
                "num_words": len(words),
                "num_ignored_words": sum(word.ignore for word in words),
                "turned_by_exif": sum(page.exif_orientation != 1 for page in pages),
                "not_rgb": dict(Counter(page.mode for page in pages if page.mode != "RGB")),
                "without_words": sum(not page.words for page in pages) if counts.has_annotations else 0,
                "dropped_words": {f"{why} (in all shards)": n for why, n in counts.dropped_words.items()},
            }
        )
    return pages, counts


class _Word(BaseModel):
    """A word as the JSON file of its page has it."""

    model_config = ConfigDict(strict=True)

    points: Annotated[list[tuple[_Coordinate, _Coordinate]], Field(min_length=3)]
    text: str
    ignore: bool


class _Description(BaseModel):
    """What the JSON file of a page says."""

    model_config = ConfigDict(strict=True)

    name: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    exif_orientation: int = Field(ge=1, le=8)
    mode: str
    is_jpeg: bool
    words: list[_Word]


def _page_of(said: bytes, path: Path, image: tarfile.TarInfo, written_ns: int) -> Page:
    """A page from what its JSON file says, with the place of its image in a tar file.

    Raises:
        ValueError: Where that is no page.
    """
    try:
        found = _Description.model_validate_json(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    words = tuple(Word(np.array(word.points, np.float32), word.text, word.ignore) for word in found.words)
    return Page(
        path,
        found.name,
        words,
        found.width,
        found.height,
        found.exif_orientation,
        found.mode,
        is_jpeg=found.is_jpeg,
        offset=image.offset_data,
        num_bytes=image.size,
        written_ns=written_ns,
    )


def _add(tar: tarfile.TarFile, number: int, page: Page) -> None:
    description = {
        "name": page.name,
        "width": page.width,
        "height": page.height,
        "exif_orientation": page.exif_orientation,
        "mode": page.mode,
        "is_jpeg": page.is_jpeg,
        "words": [{"points": word.polygon.tolist(), "text": word.text, "ignore": word.ignore} for word in page.words],
    }
    suffix = ".jpg" if page.is_jpeg else ".image"  # decoders look at the content
    parts = {
        f"{number:06d}{suffix}": page.read_bytes(),
        f"{number:06d}.json": json.dumps(description, ensure_ascii=False).encode(),
    }
    for name, data in parts.items():
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))


def _name_inside(name: str) -> str:
    """The name of a shard, which lies in the folder of its manifest whoever wrote that."""
    if Path(name).name != name:
        raise ValueError(f"'{name}' is not a shard of this folder")
    return name


def _pages_in(path: Path) -> Iterator[Page]:
    image: tarfile.TarInfo | None = None
    written_ns = path.stat().st_mtime_ns
    with tarfile.open(path, "r:") as tar:  # a packed one may hold more than it has bytes
        for member in tar:
            if not member.isreg() or member.issparse():
                raise ValueError(f"{member.name} is no plain file: a link, or one with holes")
            if not member.name.endswith(".json"):
                image = member
                continue
            if member.size > _MOST_JSON_BYTES:
                raise ValueError(f"{member.name} has {format_bytes(member.size)}, and describes one page")
            file = tar.extractfile(member)
            if file is None or image is None or image.name.partition(".")[0] != member.name.partition(".")[0]:
                raise ValueError(f"{member.name} has no image before it")
            page = _page_of(file.read(), path, image, written_ns)
            if why := why_too_large(page.width, page.height):
                raise ValueError(f"{image.name} {why}")
            yield page
