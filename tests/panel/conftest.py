"""A reports folder with runs in it, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from record_factory import make_record

from workbench.records import Record
from workbench.records.run_folder import RECORD, write_json


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path / "reports"


@pytest.fixture
def leave_run(reports: Path) -> Callable[..., Record]:
    """Leaves a run in the reports folder."""

    def leave(name: str, record: Record | None = None, **settings) -> Record:
        made = (record or make_record(**settings)).model_copy(update={"run_id": name})
        write_json(reports / "runs" / name / RECORD, made)
        return made

    return leave
