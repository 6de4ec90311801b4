"""What is put into somebody else's program: the standard library alone, and nothing that outlives the looking."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.observer.image_header import header_of
from workbench.observer.model import Hook, InputHook

#: Imported within functions, where the script has them already.
OF_THE_SCRIPT = {"torch", "torchvision"}

#: Holds what looks like the head of an image: a thumbnail's, as cameras write it.
EXIF = b"Exif\0\0" + b"\xff\xc0" * 99


def imported(text: str) -> set[str]:
    """The packages that a source text imports, by their first name; its own are relative."""
    found = set()
    for node in ast.walk(ast.parse(text, feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_the_observer_needs_nothing_but_the_standard_library(checkout: Path) -> None:
    files = list((checkout / "workbench" / "observer").rglob("*.py"))
    assert len(files) > 15
    for path in files:
        others = imported(path.read_text(encoding="utf-8")) - set(sys.stdlib_module_names) - OF_THE_SCRIPT
        assert not others, f"{path} imports {others}"


def test_an_import_of_something_else_is_found() -> None:
    assert imported("import os\ndef call():\n    from numpy import array\nfrom .lane import Lane\n") == {"os", "numpy"}


def test_only_the_one_file_can_be_imported_from_the_injected_folder(checkout: Path) -> None:
    folder = checkout / "workbench" / "observer" / "injected"
    assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["sitecustomize.py"]


@pytest.mark.parametrize("hook", [Hook(lambda: None), InputHook(lambda value: value)])
def test_a_model_that_is_pickled_whole_is_loaded_where_nobody_looks_on(hook: Hook) -> None:
    content = pickle.dumps(hook)
    code = f"import pickle; print(pickle.loads({content!r})(1, 2, 3))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


@pytest.mark.parametrize(
    ("form", "settings", "kind"),
    [
        ("JPEG", {}, "baseline JPEG"),
        ("JPEG", {"progressive": True}, "progressive JPEG"),
        (
            "JPEG",
            {"progressive": True, "comment": b"\xff\xc0" * 99, "exif": EXIF},
            "progressive JPEG",
        ),
        ("PNG", {}, "PNG"),
    ],
)
def test_what_an_image_is_stands_in_its_head(tmp_path: Path, form: str, settings: dict, kind: str) -> None:
    from PIL import Image

    Image.new("RGB", (37, 21)).save(tmp_path / "image", form, **settings)
    content = (tmp_path / "image").read_bytes()
    for source in (str(tmp_path / "image"), tmp_path / "image", content, np.frombuffer(content, np.uint8)):
        assert header_of(source) == (kind, 37, 21)


@pytest.mark.parametrize("content", [b"", b"no image", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00", b"\x89PNG\r\n\x1a\n"])
def test_what_is_none_has_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "image.jpg").write_bytes(content)
    assert header_of(tmp_path / "image.jpg") is None
    assert header_of(tmp_path / "absent.jpg") is None
