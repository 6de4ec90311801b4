"""What several rooms of tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from workbench.files import QUIET_LIBRARIES
from workbench.measure.trial.variables import without_deciding

os.environ.update(QUIET_LIBRARIES)

# A trial says in a note which variables it was not given. Tests that read its notes see none of whoever runs them.
for _name in without_deciding(os.environ)[1]:
    del os.environ[_name]

# Two processes test on two cores: with two threads each they would spend their time waiting for one another.
torch.set_num_threads(1)

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the project."""
    return CHECKOUT


@pytest.fixture(scope="session")
def real_pages() -> Path:
    """The folder of real page images with annotations, which lies beside the checkout where there is one."""
    folder = CHECKOUT.parent / "shared" / "real_pages"
    if not folder.is_dir():
        pytest.skip("no real pages beside the checkout (../shared/real_pages)")
    return folder


@pytest.fixture(autouse=True)
def no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands print does not depend on the terminal that the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)
