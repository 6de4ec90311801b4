"""Where is every process most of the time, and when does a run hold how much memory? Stack samples and memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.explain.figures.description import describe, empty_figure
from workbench.explain.figures.profiler_files import read_stacks
from workbench.explain.figures.template import MUTED, RED, SERIES, TEMPLATE, plain
from workbench.explain.table import Table, make_table, number
from workbench.records.run_folder import OWN_THREAD
from workbench.records.tables import read_table
from workbench.units import format_bytes, format_share

#: What stands in a path before the part of it that says whose code it is.
_ABOVE = ("/site-packages/", "/lib/python3")

#: Frames with less than this share of all samples cannot be seen, and are left out with what they call.
_VISIBLE_FROM = 0.002
_FRAME_PX, _FLAME_PX, _MEMORY_PX = 21, 150, 560

#: A label smaller than this is not read, and left out.
_LABEL_PX = 10

#: What a file of memory over time has to have, to be drawn.
_MEMORY_COLUMNS = ("at_ns", "phase", "process", "pid", "pss_bytes", "cpu_s", "shm_bytes", "device_bytes")

#: Characters of a label that is as wide as the figure in a report.
_CHARACTERS = 150

Stack = tuple[str, ...]


@dataclass(frozen=True)
class FlameGraph:
    """Stack samples.

    Attributes:
        weights: Of every stack that can be seen, and of all stacks that begin like it: thread first, then functions
            from the outermost in which the thread's samples differ.
        own: Weight of every function itself, by thread and function: of the samples in which it calls nothing.
        total: Of all samples.
        left_out: Share of all samples that the weights lack: threads of the workbench itself.
    """

    weights: Mapping[Stack, float]
    own: Mapping[tuple[str, str], float]
    total: float
    left_out: float = 0.0

    @property
    def threads(self) -> list[str]:
        """The processes and threads, the busiest first."""
        threads = [stack for stack in self.weights if len(stack) == 1]
        return [thread for (thread,) in sorted(threads, key=self.weights.__getitem__, reverse=True)]

    @property
    def finding(self) -> str:
        """What it shows, in a sentence."""
        functions: dict[str, float] = defaultdict(float)
        for (_, function), weight in self.own.items():
            functions[function] += weight
        largest = max(functions, key=functions.__getitem__)
        return f"'{_name(largest)}' itself has {format_share(functions[largest] / self.total)} of the stack samples"

    def table(self) -> Table:
        """The share of every process and thread, and its function that has most samples itself."""
        rows = []
        for thread in self.threads:
            own = {function: weight for (of, function), weight in self.own.items() if of == thread}
            largest = max(own, key=own.__getitem__)
            share = format_share(self.weights[(thread,)] / self.total)
            rows.append((thread, number(share), largest, number(format_share(own[largest] / self.weights[(thread,)]))))
        return make_table(("process or thread", "share of the samples", "most are in", "of its own"), rows)


def flame_graph(speedscope: dict[str, Any]) -> FlameGraph:
    """The stacks of a speedscope profile, without those too rare to be seen and the workbench's own threads."""
    profiles = speedscope["profiles"]
    shown = [profile for profile in profiles if not str(profile.get("name", "")).endswith(OWN_THREAD)]
    whole, total = (sum(sum(each["weights"]) for each in some) for some in (profiles, shown))
    frames = [_function(frame) for frame in speedscope["shared"]["frames"]]
    weights: dict[Stack, float] = defaultdict(float)
    own: dict[tuple[str, str], float] = defaultdict(float)
    for profile in shown:
        thread = str(profile.get("name", "thread"))
        stacks = [tuple(frames[index] for index in sample) for sample in profile["samples"]]
        above = _in_common(stacks)
        for stack, weight in zip(stacks, profile["weights"], strict=True):
            own[thread, stack[-1]] += weight
            for depth in range(above, len(stack) + 1):
                weights[(thread, *stack[above:depth])] += weight
    seen = {stack: weight for stack, weight in weights.items() if weight >= _VISIBLE_FROM * total > 0.0}
    return FlameGraph(seen, own, total, 1 - total / whole if whole else 0.0)


def _in_common(stacks: Sequence[Stack]) -> int:
    """How many functions all stacks begin with; where all are the same, all but the last."""
    if len(set(stacks)) == 1:
        return len(stacks[0]) - 1
    levels = enumerate(zip(*stacks, strict=False))
    return next((depth for depth, functions in levels if len(set(functions)) > 1), min(map(len, stacks), default=0))


def flame(file: Path) -> go.Figure:
    """The flame graph of a run, drawn from the top down.

    Args:
        file: `profiles/stacks.speedscope.json`.

    Raises:
        BadInput: Where the file is damaged.
    """
    return draw_flame(flame_graph(read_stacks(file)))


def draw_flame(data: FlameGraph) -> go.Figure:
    """An icicle plot: each function as wide as its share of the samples, what it calls below it."""
    if not data.weights:
        return empty_figure("There are no stack samples.")
    height = _FLAME_PX + _FRAME_PX * max(map(len, data.weights))
    figure = go.Figure(layout={"template": TEMPLATE, "height": height})
    numbers = {stack: str(number) for number, stack in enumerate(data.weights)}  # the stacks themselves take megabytes
    colours = {thread: SERIES[place % len(SERIES)] for place, thread in enumerate(data.threads)}
    figure.add_icicle(
        ids=list(numbers.values()),
        parents=[numbers.get(stack[:-1], "") for stack in data.weights],
        labels=[plain(_label(_name(stack[-1]), weight / data.total)) for stack, weight in data.weights.items()],
        customdata=[plain(stack[-1]) for stack in data.weights],
        values=list(data.weights.values()),
        branchvalues="total",
        tiling={"orientation": "v"},
        marker={"colors": [colours[stack[0]] for stack in data.weights], "line": {"color": "white", "width": 1}},
        hovertemplate="%{customdata}<br>%{percentRoot:.1%} of all samples<extra></extra>",
    )
    figure.update_layout(uniformtext={"minsize": _LABEL_PX, "mode": "hide"})
    return describe(
        figure,
        data.finding,
        "as wide as its share of the samples, what it calls below it",
        f"left out: under {format_share(_VISIBLE_FROM)}, and workbench's own threads ({format_share(data.left_out)})",
        table=data.table(),
    )


def _function(frame: Mapping[str, Any]) -> str:
    """A function with its file: ``"Loop._step (workbench/measure/trial/loop.py)"``."""
    name, file = str(frame.get("name", "?")), str(frame.get("file") or "")
    short = next((file.rpartition(above)[2] for above in _ABOVE if above in file), "/".join(file.split("/")[-3:]))
    return f"{name} ({short})" if short else name


def _name(function: str) -> str:
    return function.partition(" (")[0]


def _label(name: str, share: float) -> str:
    """What there is room for: the name, the name without its class, or its beginning."""
    room = int(share * _CHARACTERS)
    short = name if len(name) <= room else name.rpartition(".")[2]
    return short if len(short) <= room else f"{short[: max(room - 1, 0)]}…"


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
    cores: float | None

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


def memory_curves(samples: pd.DataFrame, *, cores: float | None = None) -> MemoryCurves:
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
    """Of one name, which several processes may have: one after another, or at the same time."""
    steps = own.groupby("pid")[["at_s", "cpu_s"]].diff()
    cores = (steps["cpu_s"] / steps["at_s"]).where(steps["at_s"] > 0)
    rows = pd.DataFrame({"at_s": own["at_s"], "pss_mb": own["pss_bytes"] / 1e6, "cores": cores})
    together: pd.DataFrame = rows.groupby("at_s", as_index=False).sum(min_count=1)
    return together


def memory_over_time(file: Path, *, cores: float | None = None) -> go.Figure:
    """Memory and busy cores of a run over time.

    Args:
        file: `profiles/memory.parquet`.
        cores: Cores that the run may use; above them they are oversubscribed.

    Raises:
        BadInput: Where the file is damaged.
    """
    return draw_memory(memory_curves(read_table(file, _MEMORY_COLUMNS), cores=cores))


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
        figure.add_annotation(
            x=at_s, y=1.0, yref="paper", text=plain(phase), showarrow=False, xanchor="left", textangle=-30
        )
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
