"""What the tests of the annotation readers need."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import Problem
from workbench.workloads.ocr.annotations.formats import FORMATS
from workbench.workloads.ocr.pages.page import AnnotatedPage


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    """Writes a file into the test's folder: bytes, text or anything that JSON can hold."""

    def write(name: str, content: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, bytes):
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            content = text.encode()
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def read() -> Callable[..., tuple[list[AnnotatedPage], list[Problem]]]:
    """Reads files of a format: the pages, and the problems."""

    def read(format_name: str, *paths: Path) -> tuple[list[AnnotatedPage], list[Problem]]:
        items = list(FORMATS[format_name].read(paths))
        return (
            [item for item in items if isinstance(item, AnnotatedPage)],
            [item for item in items if isinstance(item, Problem)],
        )

    return read


@pytest.fixture
def read_page(write, read) -> Callable[..., AnnotatedPage]:
    """Reads one file that must be read without a problem, and gives its only page."""

    def read_page(format_name: str, name: str, content: object) -> AnnotatedPage:
        pages, problems = read(format_name, write(name, content))
        assert problems == []
        assert len(pages) == 1
        return pages[0]

    return read_page
