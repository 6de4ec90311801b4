"""Scripts that are observed, each in processes of its own."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.knobs.observed import ObservedKnobs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record

SCRIPTS = Path(__file__).parents[2] / "observed_scripts"


@pytest.fixture
def observe(tmp_path: Path) -> Callable[..., Record]:
    """Observes one of the scripts: its name with its arguments, then knobs."""

    def run(script: str, *arguments: str, launcher: tuple[str, ...] = (), **knobs: Any) -> Record:
        words = [sys.executable, *launcher, str(SCRIPTS / script), *arguments]
        command = shlex.join(words)
        return run_trial(ObservedKnobs.parse_own({"command": command, "timeout_s": 240.0, **knobs}), tmp_path)

    return run
