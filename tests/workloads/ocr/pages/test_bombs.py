"""Data sets of strangers: what would take more memory than there is, or lies elsewhere, is named before it is read."""

from __future__ import annotations

import io
import json
import resource
import struct
import tarfile
import zlib

import pytest
from odd_pages import write_odd_pages
from PIL import Image

from workbench.errors import BadInput
from workbench.workloads.ocr.chain.decode import DECODERS, DecodeError, choose_decoder
from workbench.workloads.ocr.pages import image_kinds
from workbench.workloads.ocr.pages.image_header import ImageProblem, read_header
from workbench.workloads.ocr.pages.shards import MANIFEST, read_shards, write_shards
from workbench.workloads.ocr.pages.survey import survey

DECODER_NAMES = [name for name in DECODERS if name != "nvjpeg"]  # which needs a CUDA device


@pytest.fixture(autouse=True)
def takes_no_memory():
    """The largest that this process has been grows by less than one of these images would take."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it has this size; its pixels could be packed into 300 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(10_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    """A small JPEG whose header is changed to say that it has this size."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


BOMBS = {"a.png": png_of(50_000, 50_000), "a.jpg": jpeg_of(65_000, 65_000)}


@pytest.mark.parametrize("name", BOMBS)
def test_an_image_that_would_take_all_memory_is_named_by_the_survey(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(BOMBS[name])
    with pytest.raises(BadInput, match=rf"{name}: has \d+ x \d+ pixels, which take (7\.50|12\.7) GB of memory"):
        survey(tmp_path, annotation_format="none")


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("decoder", DECODER_NAMES)
def test_no_decoder_begins_with_it(decoder, name) -> None:
    with pytest.raises(DecodeError):
        choose_decoder(decoder)(BOMBS[name])


def test_a_large_scan_is_none(tmp_path, monkeypatch) -> None:
    (tmp_path / "a.png").write_bytes(png_of(1 << 14, 1 << 14))
    assert read_header(tmp_path / "a.png").width == 1 << 14
    (tmp_path / "b.png").write_bytes(png_of(1 << 14, (1 << 14) + 1))
    with pytest.raises(ImageProblem, match=r"2\^28 at most"):
        read_header(tmp_path / "b.png")
    monkeypatch.setattr(image_kinds, "MOST_PIXELS", 10**12)  # without the bound it would be let through
    assert read_header(tmp_path / "b.png").width == 1 << 14


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return survey(write_odd_pages(tmp_path_factory.mktemp("odd") / "pages"), limit=2)


@pytest.fixture
def shards(pages, tmp_path):
    write_shards(*pages, tmp_path / "shards", num_shards=1)
    return tmp_path / "shards"


def changed(folder, change, mode: str = "w") -> None:
    """Write the only shard anew, each member as `change` gives it with its bytes: with others, or as something else."""
    path = folder / "pages-00000.tar"
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(path, mode) as tar:
        for member, data in members:
            for new, content in change(member, data):
                tar.addfile(new, io.BytesIO(content))


def as_link(kind: bytes, target: str):
    def change(member, data):
        if member.name.endswith(".json"):
            return [(member, data)]
        link = tarfile.TarInfo(member.name)
        link.type, link.linkname = kind, target
        return [(link, b"")]

    return change


def described(**fields):
    def change(member, data):
        if member.name.endswith(".json"):
            data = json.dumps({**json.loads(data), **fields}).encode()
            member.size = len(data)
        return [(member, data)]

    return change


def replaced(text: bytes):
    def change(member, data):
        if member.name.endswith(".json"):
            member.size, data = len(text), text
        return [(member, data)]

    return change


FAULTS = {
    "a link to a file of the machine": (as_link(tarfile.SYMTYPE, "/etc/passwd"), "no plain file"),
    "a hard link elsewhere": (as_link(tarfile.LNKTYPE, "../../x.jpg"), "no plain file"),
    "a device": (as_link(tarfile.CHRTYPE, ""), "no plain file"),
    "a folder": (as_link(tarfile.DIRTYPE, ""), "no plain file"),
    "a page of 50000 x 50000": (described(width=50_000, height=50_000), "pixels, which take 7.50 GB"),
    "JSON without an end": (replaced(b"[" * 100_000), "cannot be read"),
    "JSON of another form": (replaced(b"[1]"), "cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_page_in_a_shard_is_refused(shards, fault) -> None:
    change, told = FAULTS[fault]
    changed(shards, change)
    with pytest.raises(BadInput, match=r"pages-00000\.tar: cannot be read") as refused:
        read_shards(shards)
    assert told in str(refused.value)


def test_a_packed_shard_is_not_unpacked(shards) -> None:
    changed(shards, lambda member, data: [(member, data)], "w:gz")
    with pytest.raises(BadInput, match=r"pages-00000\.tar: cannot be read"):
        read_shards(shards)


def test_a_description_of_gigabytes_is_not_read(shards) -> None:
    path = shards / "pages-00000.tar"
    with tarfile.open(path) as tar:
        image = next(iter(tar))
    member = tarfile.TarInfo(f"{image.name.partition('.')[0]}.json")
    member.size = 10**10
    begin = image.offset_data + -(-image.size // 512) * 512
    data = bytearray(path.read_bytes())
    data[begin : begin + 512] = member.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"has 10\.0 GB, and describes one page"):
        read_shards(shards)


@pytest.mark.parametrize("name", ["../pages-00000.tar", "/etc/passwd", "a/../../b.tar", "..", ""])
def test_a_manifest_names_shards_of_its_own_folder_only(shards, name) -> None:
    told = json.loads((shards / MANIFEST).read_text(encoding="utf-8"))
    told["shards"][0]["name"] = name
    (shards / MANIFEST).write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(BadInput, match=r"is not a shard of this folder|the shard is missing"):
        read_shards(shards)


def test_names_of_members_make_no_file(shards, tmp_path) -> None:
    """Shards are read where they lie: a member named `../../x` is a key, and nothing is unpacked."""

    def renamed(member, data):
        member.name = f"../../{member.name}"
        return [(member, data)]

    changed(shards, renamed)
    before = sorted(tmp_path.rglob("*"))
    assert len(read_shards(shards)[0]) == 2
    assert sorted(tmp_path.rglob("*")) == before
