"""What is put into somebody else's program: the standard library alone, and nothing that outlives the looking."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.observer.model import Hook, InputHook
from workbench.observer.strategies.image_size import size_of_image

#: Imported within functions, where the script has them already.
OF_THE_SCRIPT = {"torch", "torchvision"}


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


def test_sizes_of_images_are_read_from_their_heads(checkout: Path, tmp_path: Path) -> None:
    from PIL import Image

    for name, kind in (("a.jpg", "JPEG"), ("b.png", "PNG"), ("c.jpg", "JPEG")):
        Image.new("RGB", (37, 21)).save(tmp_path / name, kind, **({"progressive": True} if name == "c.jpg" else {}))
        assert size_of_image(str(tmp_path / name)) == (37, 21)
        assert size_of_image((tmp_path / name).read_bytes()) == (37, 21)
    (tmp_path / "d.jpg").write_bytes(b"no image")
    assert size_of_image(str(tmp_path / "d.jpg")) is None
