"""What a run folder is told: what bounds the run, and what to try next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput
from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.diagnose import diagnose, predictor_for
from workbench.explain.diagnosis.plan import PlanStep, plan
from workbench.records.run_folder import read_record, read_spans
from workbench.units import format_share


@dataclass(frozen=True)
class Advice:
    """Diagnosis and plan of a run.

    Attributes:
        causes: What keeps it from being faster, the dearest first; empty where it failed, or timed no stages.
        steps: What to race next.
    """

    causes: list[Cause]
    steps: list[PlanStep]

    @property
    def sentence(self) -> str:
        """The diagnosis in a sentence; empty where there is none."""
        if not self.causes:
            return ""
        first = self.causes[0]
        cost = f", which costs {format_share(first.severity)} of the time" if first.severity > 0.0 else ""
        return f"Diagnosis: {first.title}{cost}. {first.evidence}"


def advise(folder: Path) -> Advice:
    """Diagnosis and plan of the run in a folder.

    Raises:
        BadInput: Where there is no record in it.
    """
    record = read_record(folder)
    try:
        spans = read_spans(folder)
    except BadInput:
        spans = None
    predictor = predictor_for(record, spans)
    causes = diagnose(record, spans, predictor)
    return Advice(causes, plan(record, predictor, causes))
