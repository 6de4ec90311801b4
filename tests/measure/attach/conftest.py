"""Scripts that are observed, each in processes of its own."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from workbench.knobs.observed import ObservedKnobs
from workbench.measure.trial.launcher import run_trial
from workbench.records import Record

SCRIPTS = Path(__file__).parents[2] / "observed_scripts"


def observed(folder: Path, script: str, *arguments: str, launcher: tuple[str, ...] = (), **knobs: Any) -> Record:
    """A script that was observed: its name with its arguments, then knobs. The run folder lies in `folder`."""
    command = shlex.join([sys.executable, *launcher, str(SCRIPTS / script), *arguments])
    return run_trial(ObservedKnobs.parse_own({"command": command, "timeout_s": 240.0, **knobs}), folder)


@pytest.fixture
def observe(tmp_path: Path) -> Callable[..., Record]:
    """As `observed`, in a folder of the test."""
    return partial(observed, tmp_path)
