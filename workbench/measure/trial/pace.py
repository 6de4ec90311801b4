"""How fast the steps of a trial are, when they will be over, and whether that is before the trial is stopped."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.units import NS_PER_S

#: Counted steps with which a trial that has no time for more is kept.
LEAST_STEPS = 3

#: Fewer steps than these say nothing of the others: a queue is filled, a worker is started.
_SURE_STEPS = 4

#: What comes after the counted steps in any case (workers end, the record is written), and no more than this share.
_FINISH_S, _FINISH_SHARE = 5.0, 0.02

#: What is asked for is more than what is needed at this pace.
_MARGIN = 1.3


@dataclass(frozen=True)
class Deadline:
    """When a trial is stopped.

    Attributes:
        started_ns: When its process was started, on the clock of the loop.
        timeout_s: How long it may take.
    """

    started_ns: int
    timeout_s: float

    def left_s(self, now_ns: int) -> float:
        """Seconds that are left."""
        return self.timeout_s - (now_ns - self.started_ns) / NS_PER_S


class Pace:
    """The pace of a loop: it sees every step, and knows when all will be done.

    The first step meets cold code, and counts for nothing here.

    Args:
        num_steps: Counted steps.
        warmup_steps: Steps before.
        after_steps: Batches that are recorded afterwards, and have to arrive for that.
        deadline: None: nobody stops the loop.
    """

    def __init__(self, num_steps: int, warmup_steps: int, after_steps: int, deadline: Deadline | None) -> None:
        self._num_steps = num_steps
        self._warmup_steps = warmup_steps
        self._after_steps = after_steps
        self._deadline = deadline
        self._first_ns = self._last_ns = 0
        self._done = 0
        self._waited_s = 0.0
        self._has_warned = False

    def step(self, now_ns: int, waited_ns: int) -> None:
        """A step is done.

        Args:
            now_ns: The time.
            waited_ns: How long it was waited for its batch.
        """
        self._done += 1
        self._last_ns = now_ns
        if self._done == 1:
            self._first_ns = now_ns
        else:
            self._waited_s += waited_ns / NS_PER_S

    @property
    def step_s(self) -> float | None:
        """Mean time of a step; None until two are done."""
        return None if self._done < 2 else (self._last_ns - self._first_ns) / NS_PER_S / (self._done - 1)

    @property
    def left_s(self) -> float | None:
        """About how long the steps that are left will take."""
        step_s = self.step_s
        if step_s is None or self._done < _SURE_STEPS:
            return None
        return step_s * (self._warmup_steps + self._num_steps - self._done)

    def warning(self) -> str:
        """What a person should know at once, and reads once: that the time will not do for all steps."""
        step_s, left_s = self.step_s, self.left_s
        if self._deadline is None or self._has_warned or step_s is None or left_s is None:
            return ""
        have_s, after_s = self._deadline.left_s(self._last_ns), self._after_s(self._deadline)
        if left_s + after_s <= have_s:
            return ""
        self._has_warned = True
        needed_s = self._deadline.timeout_s - have_s + left_s + after_s
        fit = math.floor((have_s - after_s) / step_s) - (self._warmup_steps - self._done)
        fewer = f", or num_steps={fit}" if LEAST_STEPS <= fit < self._num_steps else ""
        return (
            f"at this pace the trial takes about {needed_s / 60:.0f} min, and timeout_s={self._deadline.timeout_s:g} "
            f"stops it before: set timeout_s={math.ceil(_MARGIN * needed_s / 60) * 60}{fewer}"
        )

    @property
    def is_out_of_time(self) -> bool:
        """Whether a further step would take the trial past its end, and there are enough to keep it with."""
        step_s = self.step_s
        if self._deadline is None or step_s is None or self._done - self._warmup_steps < LEAST_STEPS:
            return False
        return step_s + self._after_s(self._deadline) > self._deadline.left_s(self._last_ns)

    def _after_s(self, deadline: Deadline) -> float:
        """What comes after the steps."""
        finish_s = min(_FINISH_S, _FINISH_SHARE * deadline.timeout_s)
        return finish_s + self._after_steps * self._waited_s / max(self._done - 1, 1)
