"""What the benchmarks of engines and of necks have in common: shipped detectors, and pages that none was trained on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from workbench.files import cache_dir
from workbench.records import Record
from workbench.workloads.ocr.detector.weights_file import SHIPPED_ENCODER
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

#: Neither are 8-bit integers calibrated on them.
NUM_PAGES, _SEED = 64, 9_001

#: On the CPU, with as little beside the model as there can be.
COMMON: dict[str, Any] = {
    "device": "cpu", "encoder": SHIPPED_ENCODER, "weights": "shipped", "image_size": 640, "batch_size": 8,
    "num_workers": 1, "image_decoder": "turbojpeg", "scaled_decode": True, "normalize": "device", "targets": "none",
    "num_steps": 8, "isolated_samples": 0,
}  # fmt: skip


def unseen_pages() -> Path:
    """Folder of the pages, which are drawn once."""
    return draw_pages(cache_dir() / f"engines-{NUM_PAGES}-v{VERSION}", count=NUM_PAGES, seed=_SEED)


def show_trial(done: int, total: int, name: str, record: Record) -> None:
    """A line of progress."""
    rate = f"{record.steady.samples_per_s:.0f} pages/s" if record.steady else "failed"
    why = f" ({record.failure.message})" if record.failure else ""
    print(f"[{done}/{total}] {name}: {rate}{why}", file=sys.stderr, flush=True)
