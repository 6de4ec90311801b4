"""Where things lie: notebooks and sample pages beside the code, results, caches; and what child processes inherit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

#: What every process has set that the workbench starts, and that runs user code. albumentations asks the network for a
#: newer version of itself when it is imported; nothing that is measured asks anybody.
QUIET_LIBRARIES: Mapping[str, str] = {"NO_ALBUMENTATIONS_UPDATE": "1"}

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent
_BUNDLED = _PACKAGE / "_bundled"


def notebooks_dir() -> Path:
    """The folder of the committed notebooks, in a checkout or in an installed wheel."""
    return _shipped("notebooks")


def sample_pages_dir() -> Path:
    """The folder of the embedded sample pages, in a checkout or in an installed wheel."""
    return _shipped("data_samples")


def reports_dir() -> Path:
    """Where results go when nobody says otherwise: `reports/` of the checkout, else of the current folder."""
    return checkout_dir() / "reports"


def checkout_dir() -> Path:
    """The checkout that the package runs from; without one, the current folder."""
    return _CHECKOUT if (_CHECKOUT / "pyproject.toml").is_file() else Path.cwd()


def cache_dir() -> Path:
    """Where caches that survive a run lie: `WORKBENCH_CACHE`, else `workbench` in the user's cache folder."""
    named = os.environ.get("WORKBENCH_CACHE")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench"


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that the workbench starts: this process's own, and `QUIET_LIBRARIES`.

    Args:
        extra: Variables that only this child gets.
    """
    return {**os.environ, **QUIET_LIBRARIES, **(extra or {})}


def _shipped(name: str) -> Path:
    bundled = _BUNDLED / name
    return bundled if bundled.is_dir() else _CHECKOUT / name
