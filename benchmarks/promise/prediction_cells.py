"""The cells of the prediction benchmark: a change of the pipeline, and the knobs that really make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.explain.prediction.changes import Change, scale_stage, set_knob
from workbench.explain.prediction.predictor import Predictor
from workbench.knobs.format import format_settings

NUM_STEPS = 24
BATCH_SIZE = 8

#: The run that everything is predicted from: bound by loading on two cores, with a device to hide behind.
BASELINE: Mapping[str, Any] = {
    "num_pages": 96,
    "num_workers": 2,
    "batch_size": BATCH_SIZE,
    "num_steps": NUM_STEPS,
    "device": "replay",
    "replay_ms_per_sample": 3.0,
    "checked_samples": 0,
}

#: The cell in which nothing is changed.
UNCHANGED = "nothing changed"


@dataclass(frozen=True)
class Cell:
    """A prediction and its proof.

    Attributes:
        knobs: What is set beside the baseline's knobs, to make the change.
        settings: Those of them that the predictor is asked about.
        stages: By stage: how many times as long it takes.
    """

    knobs: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The change as text."""
        parts = [*(f"{stage} x{factor:g}" for stage, factor in self.stages.items())]
        return ", ".join([*parts, *([format_settings(self.settings)] if self.settings else [])]) or UNCHANGED

    def changes(self, predictor: Predictor) -> list[Change]:
        """What the predictor is asked."""
        model, knobs = predictor.model, predictor.record.knobs
        return [
            *(scale_stage(model, stage, factor) for stage, factor in self.stages.items()),
            *(set_knob(model, knobs, name, value) for name, value in self.settings.items()),
        ]


def cells(block_ms: Mapping[str, float]) -> list[Cell]:
    """All cells, the unchanged one first.

    Args:
        block_ms: By stage: what one block of it takes, by which it is really slowed down.
    """

    def knob(num_steps: int = NUM_STEPS, **settings: Any) -> Cell:
        return Cell({"num_steps": num_steps, **settings}, settings)

    def free(*stages: str, **settings: Any) -> Cell:
        return Cell({"knock_out": stages, **settings}, settings, dict.fromkeys(stages, 0.0))

    def slower(stage: str, times: float) -> Cell:
        return Cell({"slow_down": {stage: round(block_ms[stage] * (times - 1.0), 4)}}, {}, {stage: times})

    return [
        Cell({}),
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
