"""Pages for the loaders, as files and as shards."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_pages import write_odd_pages

from workbench.workloads.ocr.pages.shards import write_shards
from workbench.workloads.ocr.pages.survey import survey


@pytest.fixture(scope="session")
def odd_pages(tmp_path_factory) -> Path:
    return write_odd_pages(tmp_path_factory.mktemp("odd") / "pages")


@pytest.fixture(scope="session")
def odd_shards(odd_pages) -> Path:
    folder = odd_pages.parent / "shards"
    write_shards(*survey(odd_pages), folder, num_shards=3)
    return folder
