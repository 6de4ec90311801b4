"""Who proposes settings to a search, and what a proposal is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workbench.explain.tuning.forecast import Forecast
from workbench.records import Candidate, Fate
from workbench.report.tuning.chosen import Chosen


@dataclass(frozen=True)
class Proposal:
    """A setting that is to be compared.

    Attributes:
        setting: Otherwise than the baseline.
        forecast: What is expected of it; None: nothing.
        is_outside: Whether it was drawn from those that nobody would choose, to see whether predictions are biased.
    """

    setting: dict[str, Any]
    forecast: Forecast | None = None
    is_outside: bool = False


class Proposer(Protocol):
    """Proposes settings, and learns what was measured of them."""

    def begin(self) -> str:
        """Get ready; gives a sentence of what there is."""

    def propose(self, number: int, compared: Mapping[str, Chosen]) -> list[Proposal]:
        """The next settings to compare, this many at most; none where nothing is worth it.

        Args:
            number: How many there is time for.
            compared: By name: what was compared already.
        """

    def has_more(self, compared: Mapping[str, Chosen]) -> bool:
        """Whether others are worth comparing after these."""

    def learn(self, chosen: Chosen, ratios: Sequence[float]) -> None:
        """Take what blocks have shown of a setting.

        Args:
            chosen: The setting, with all that was measured of it.
            ratios: Logs of its throughput over the baseline's, of the blocks that are new.
        """

    def candidates(self, compared: Mapping[str, Chosen]) -> tuple[list[Candidate], dict[Fate, int]]:
        """What became of the settings, and how many others there are, by their fate."""

    def facts(self) -> dict[str, Any]:
        """Fields of `tune.json` that say how good its predictions were."""
