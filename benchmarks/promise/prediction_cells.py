"""The cells of the prediction benchmark: a question, and the knobs that do in earnest what it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NUM_STEPS = 24
BATCH_SIZE = 8

#: The one run that everything is predicted from: bound by loading on two cores, with a device to hide behind.
BASELINE: dict[str, Any] = {
    "num_pages": 96,
    "num_workers": 2,
    "batch_size": BATCH_SIZE,
    "num_steps": NUM_STEPS,
    "device": "replay",
    "replay_ms_per_sample": 3.0,
    "checked_samples": 0,
}


@dataclass(frozen=True)
class Cell:
    """One prediction and its proof.

    Attributes:
        questions: What is asked, together one change.
        knobs: What is set beside the baseline's knobs.
    """

    questions: tuple[str, ...]
    knobs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The questions as one text."""
        return ", ".join(self.questions) or "nothing changed"


def cells(block_ms: Mapping[str, float]) -> list[Cell]:
    """All cells.

    Args:
        block_ms: By stage: what one block of it costs, by which it is slowed down in earnest.
    """

    def knob(**settings: Any) -> Cell:
        asked = {name: value for name, value in settings.items() if name != "num_steps"}
        return Cell(tuple(f"{name}={value}" for name, value in asked.items()), settings)

    def free(*stages: str, **settings: Any) -> Cell:
        asked = (*(f"{stage} x0" for stage in stages), *(f"{name}={value}" for name, value in settings.items()))
        return Cell(asked, {"knock_out": ",".join(stages), **settings})

    def slower(stage: str, times: float) -> Cell:
        return Cell((f"{stage} x{times:g}",), {"slow_down": f"{stage}:{block_ms[stage] * (times - 1.0):.4f}"})

    return [
        Cell((), {}),
        *(knob(num_workers=number) for number in (0, 1, 4)),
        *(knob(prefetch_factor=number) for number in (1, 4)),
        knob(batch_size=4, num_steps=2 * NUM_STEPS),
        knob(batch_size=16, num_steps=NUM_STEPS // 2),
        *(knob(replay_ms_per_sample=ms) for ms in (1.0, 12.0, 20.0, 30.0)),
        *(free(stage) for stage in ("decode", "targets", "Normalize", "postprocess")),
        slower("decode", 1.5),
        slower("targets", 2.0),
        slower("Normalize", 3.0),
        slower("collate", 2.0),
        slower("postprocess", 3.0),
        free("decode", num_workers=1),
        free("targets", replay_ms_per_sample=12.0),
        free("decode", "targets"),
        knob(num_workers=0, replay_ms_per_sample=12.0),
        knob(num_workers=1, replay_ms_per_sample=20.0),
        free("targets", num_workers=4),
        knob(batch_size=16, num_workers=1, num_steps=NUM_STEPS // 2),
        knob(postprocess="threads"),
    ]
