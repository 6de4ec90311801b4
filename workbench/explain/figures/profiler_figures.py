"""Where is every process most of the time, and when does a run hold how much memory? Stack samples and memory."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.explain.figures.description import describe, empty_figure
from workbench.explain.figures.template import MUTED, RED, SERIES, TEMPLATE, plain
from workbench.explain.table import Table, make_table, number
from workbench.units import counted, format_bytes, format_share

#: Frames with less than this share of all samples cannot be seen, and are left out with what they call.
_VISIBLE_FROM = 0.003
_FLAME_PX, _MEMORY_PX = 640, 560
_LABEL_CHARACTERS = 90

Stack = tuple[str, ...]


@dataclass(frozen=True)
class FlameGraph:
    """Stack samples.

    Attributes:
        weights: Of every stack that can be seen, and of all stacks that begin like it: thread first, then frames from
            the outermost.
        total: Of all samples.
    """

    weights: Mapping[Stack, float]
    total: float

    @property
    def threads(self) -> list[Stack]:
        """The processes and threads, the busiest first."""
        return sorted((stack for stack in self.weights if len(stack) == 1), key=self.weights.__getitem__, reverse=True)

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        threads = self.threads
        return f"The busiest of {counted(len(threads), 'thread')}: {_short(threads[0][0])}"

    def table(self) -> Table:
        """The share of every process and thread."""
        rows = [(stack[0], number(format_share(self.weights[stack] / self.total))) for stack in self.threads]
        return make_table(("process or thread", "share of the stack samples"), rows)


def flame_graph(speedscope: dict[str, Any]) -> FlameGraph:
    """The stacks of a speedscope profile, without those that are too rare to be seen."""
    weights = stack_weights(speedscope)
    total = sum(weight for stack, weight in weights.items() if len(stack) == 1)
    return FlameGraph({s: w for s, w in weights.items() if w >= _VISIBLE_FROM * total and total}, total)


def flame(file: Path) -> go.Figure:
    """The flame graph of a run, drawn from the top down.

    Args:
        file: `profiles/stacks.speedscope.json`.
    """
    return draw_flame(flame_graph(json.loads(file.read_text(encoding="utf-8"))))


def draw_flame(data: FlameGraph) -> go.Figure:
    """An icicle plot: each frame as wide as its share of the samples, what it calls below it."""
    if not data.weights:
        return empty_figure("There are no stack samples.")
    figure = go.Figure(layout={"template": TEMPLATE, "height": _FLAME_PX})
    numbers = {stack: str(number) for number, stack in enumerate(data.weights)}
    figure.add_icicle(
        ids=list(numbers.values()),
        parents=[numbers.get(stack[:-1], "") for stack in data.weights],
        labels=[plain(_short(_function(stack[-1]))) for stack in data.weights],
        customdata=[plain(_short(stack[-1])) for stack in data.weights],
        values=list(data.weights.values()),
        branchvalues="total",
        tiling={"orientation": "v"},
        hovertemplate="%{customdata}<br>%{percentRoot:.1%} of all samples<extra></extra>",
    )
    details = "each frame is as wide as its share of the stack samples"
    return describe(figure, data.finding, details, table=data.table())


def stack_weights(speedscope: dict[str, Any]) -> dict[Stack, float]:
    """Weight of every stack, and of all stacks that begin like it: thread first, then frames from the outermost."""
    frames = [_frame(frame) for frame in speedscope["shared"]["frames"]]
    weights: dict[Stack, float] = defaultdict(float)
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


def _function(frame: str) -> str:
    """The name of a frame's function, without its place."""
    return frame.partition(" (")[0] if frame.endswith(")") and ":" in frame else frame


def _short(label: str) -> str:
    return label if len(label) <= _LABEL_CHARACTERS else f"{label[: _LABEL_CHARACTERS - 1]}…"


@dataclass(frozen=True)
class MemoryCurves:
    """Memory and busy cores of every process over time, on the time axis of the timeline.

    Attributes:
        processes: By name: `at_s`, `pss_mb` (proportional set size: shared memory is divided among those that map
            it) and `cores` kept busy since the sample before.
        shm: What all users hold in /dev/shm: `at_s`, `mb`.
        phases: When each phase was seen first, in seconds.
        peak_bytes: Largest sum over all processes.
        peak_phase: The phase in which it was.
        cores: Cores that the run may use; None: not known.
    """

    processes: Mapping[str, pd.DataFrame]
    shm: pd.DataFrame
    phases: tuple[tuple[float, str], ...]
    peak_bytes: int
    peak_phase: str
    cores: int | None

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        return f"The peak of {format_bytes(self.peak_bytes)} is in phase '{self.peak_phase}'"

    def table(self) -> Table:
        """The peak of every process."""
        rows = [
            (name, number(f"{own['pss_mb'].max():.0f}"), number(f"{own['cores'].mean():.2f}"))
            for name, own in self.processes.items()
        ]
        return make_table(("process", "largest memory (MB)", "busy cores, mean"), rows)


def memory_curves(samples: pd.DataFrame, *, cores: int | None = None) -> MemoryCurves:
    """The curves of a run.

    Args:
        samples: A row for each process and moment, as the profiler `memory` writes them.
        cores: Cores that the run may use.
    """
    samples = samples.assign(at_s=(samples["at_ns"] - samples["at_ns"].min()) / 1e9)
    totals = samples.groupby("at_ns").agg(pss=("pss_bytes", "sum"), phase=("phase", "first"))
    shm = samples.groupby("at_s")["shm_bytes"].first() / 1e6
    first = samples.groupby("phase", sort=False)["at_s"].min()
    return MemoryCurves(
        processes={str(name): _curve(own) for name, own in samples.groupby("process", sort=False)},
        shm=pd.DataFrame({"at_s": shm.index, "mb": shm.to_numpy()}),
        phases=tuple((float(at_s), str(phase)) for phase, at_s in first.items()),
        peak_bytes=int(totals["pss"].max()),
        peak_phase=str(totals["phase"].to_numpy()[int(totals["pss"].to_numpy().argmax())]),
        cores=cores,
    )


def _curve(own: pd.DataFrame) -> pd.DataFrame:
    steps = own[["at_s", "cpu_s"]].diff()
    cores = (steps["cpu_s"] / steps["at_s"]).where(steps["at_s"] > 0)
    return pd.DataFrame({"at_s": own["at_s"], "pss_mb": own["pss_bytes"] / 1e6, "cores": cores})


def memory_over_time(file: Path, *, cores: int | None = None) -> go.Figure:
    """Memory and busy cores of a run over time.

    Args:
        file: `profiles/memory.parquet`.
        cores: Cores that the run may use; above them they are oversubscribed.
    """
    return draw_memory(memory_curves(pd.read_parquet(file), cores=cores))


def draw_memory(data: MemoryCurves) -> go.Figure:
    """Memory of each process, stacked, with /dev/shm; below it the cores that each keeps busy."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09)
    for count, (name, own) in enumerate(data.processes.items()):
        colour = SERIES[count % len(SERIES)]
        figure.add_scatter(
            x=own["at_s"], y=own["pss_mb"], name=plain(name), stackgroup="pss",
            line={"color": colour, "width": 1}, row=1, col=1, hovertemplate="%{y:.0f} MB",
        )  # fmt: skip
        busy = own.dropna()
        figure.add_scatter(
            x=busy["at_s"], y=busy["cores"], name=plain(name), showlegend=False, stackgroup="cpu",
            line={"color": colour, "width": 1}, row=2, col=1, hovertemplate="%{y:.2f} cores",
        )  # fmt: skip
    shm = {"x": data.shm["at_s"], "y": data.shm["mb"], "line": {"color": MUTED, "dash": "dot"}}
    figure.add_scatter(name="/dev/shm (all users)", row=1, col=1, **shm)
    if data.cores:
        figure.add_hline(y=data.cores, line={"color": RED, "dash": "dash"}, row=2, col=1)
    for at_s, phase in data.phases:
        figure.add_vline(x=at_s, line={"color": MUTED, "width": 1, "dash": "dot"})
        figure.add_annotation(x=at_s, y=1.0, yref="paper", text=phase, showarrow=False, xanchor="left", textangle=-30)
    figure.update_layout(template=TEMPLATE, height=_MEMORY_PX, margin={"t": 110, "b": 80})
    figure.update_yaxes(title="memory (MB)", row=1, col=1)
    figure.update_yaxes(title="busy cores", row=2, col=1)
    figure.update_xaxes(title="time since the trial began (s)", row=2, col=1)
    return describe(
        figure,
        data.finding,
        "PSS: memory that several processes share is divided among them",
        axes="memory (MB) and busy cores by time since the trial began (s)",
        table=data.table(),
    )
