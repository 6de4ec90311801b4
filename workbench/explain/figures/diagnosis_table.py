"""What keeps this run from being faster, and what to try next? Causes with their evidence; changes with their price."""

from __future__ import annotations

import html
from collections.abc import Sequence

from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.plan import PlanStep
from workbench.explain.figures.html_table import html_table
from workbench.explain.figures.sentences import sentence_html
from workbench.units import format_share

#: A page shows the dearest causes; what comes after them is small.
_SHOWN = 6


def diagnosis_table(causes: Sequence[Cause]) -> str:
    """A row a cause, the dearest first, as HTML."""
    if not causes:
        return "<p>No stage was timed in this run, so nothing can be said about what bounds it.</p>"
    rows = [(html.escape(one.title), _cost(one), sentence_html(one.evidence)) for one in causes[:_SHOWN]]
    caption = "What bounds the run: the share of its time that each cause costs, and the figures that show it"
    return html_table(("cause", "costs", "evidence"), rows, caption=caption, is_wide=True)


def plan_table(steps: Sequence[PlanStep]) -> str:
    """A row a change, the most promising for its price first, as HTML, with the commands that race them below."""
    if not steps:
        return "<p>No knob that is known of promises to gain more than 2 %.</p>"
    rows = [
        (f"<code>{html.escape(one.settings)}</code>", *map(html.escape, (one.cause, one.told, one.price)))
        for one in steps
    ]
    caption = "The changes with the largest gain for their price. A predicted gain stands with its 90 % interval."
    table = html_table(("change", "against", "gain", "price"), rows, caption=caption, is_wide=True)
    commands = html.escape("\n".join(one.command for one in steps))
    return f"{table}<p>What races them, one at a time:</p><pre class='wb-commands'>{commands}</pre>"


def _cost(cause: Cause) -> str:
    return "nothing" if cause.name == "healthy" else html.escape(f"{format_share(cause.severity)} of the time")
