"""Where is every process, most of the time? A flame graph of stack samples, drawn from the top down."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from workbench.explain.figures.template import TEMPLATE, empty_figure, plain, titled

#: Frames with less than this share of all samples cannot be seen, and are left out with what they call.
_VISIBLE_FROM = 0.003
_HEIGHT_PX = 640


def flame(file: Path) -> go.Figure:
    """An icicle plot: each frame as wide as its share of the samples, what it calls below it.

    Args:
        file: `profiles/stacks.speedscope.json`.
    """
    weights = stack_weights(json.loads(file.read_text(encoding="utf-8")))
    total = sum(weight for stack, weight in weights.items() if len(stack) == 1)
    if not total:
        return empty_figure("There are no stack samples.")
    seen = {stack: weight for stack, weight in weights.items() if weight >= _VISIBLE_FROM * total}
    ids = ["/".join(map(str, stack)) for stack in seen]
    parents = ["/".join(map(str, stack[:-1])) for stack in seen]
    figure = go.Figure(layout={"template": TEMPLATE, "height": _HEIGHT_PX})
    figure.add_icicle(
        ids=ids,
        parents=parents,
        labels=[plain(_short(stack[-1])) for stack in seen],
        values=list(seen.values()),
        branchvalues="total",
        tiling={"orientation": "v"},
        hovertemplate="%{label}<br>%{percentRoot:.1%} of all samples<extra></extra>",
    )
    busiest = max((stack for stack in seen if len(stack) == 1), key=seen.__getitem__)
    finding = f"{len({stack[0] for stack in seen})} processes and threads; the busiest: {_short(busiest[0])}"
    figure.update_layout(title=titled(finding, "each frame is as wide as its share of the stack samples"))
    return figure


def stack_weights(speedscope: dict[str, Any]) -> dict[tuple[str, ...], float]:
    """Weight of every stack, and of all stacks that begin like it: thread first, then frames from the outermost."""
    frames = [_frame(frame) for frame in speedscope["shared"]["frames"]]
    weights: dict[tuple[str, ...], float] = defaultdict(float)
    for profile in speedscope["profiles"]:
        for sample, weight in zip(profile.get("samples", ()), profile.get("weights", ()), strict=True):
            stack = (str(profile.get("name", "thread")), *(frames[index] for index in sample))
            for depth in range(1, len(stack) + 1):
                weights[stack[:depth]] += weight
    return dict(weights)


def _frame(frame: dict[str, Any]) -> str:
    file = str(frame.get("file") or "").rpartition("site-packages/")[2]
    place = f" ({file}:{frame['line']})" if file and frame.get("line") else ""
    return f"{frame.get('name', '?')}{place}"


def _short(label: str, length: int = 90) -> str:
    return label if len(label) <= length else f"{label[: length - 1]}…"
