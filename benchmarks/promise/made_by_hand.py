"""The tests' own factories, for benchmarks that need records and runs made by hand."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tests"))
from comparison_page import make_comparison
from record_factory import make_record, make_steady
from run_factory import Run

__all__ = ["Run", "make_comparison", "make_record", "make_steady"]
