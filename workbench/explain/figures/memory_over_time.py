"""When does a run hold how much memory, and which process is busy? On the time axis of the timeline."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.explain.figures.template import BLUE, GREEN, MUTED, ORANGE, PINK, RED, SKY, TEMPLATE, plain, titled
from workbench.units import format_bytes

_COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED)
_HEIGHT_PX = 560


def memory_over_time(file: Path, *, cores: int | None = None) -> go.Figure:
    """PSS of each process, stacked; cores that each keeps busy; and /dev/shm.

    Args:
        file: `profiles/memory.parquet`.
        cores: Cores that the run may use; above them they are oversubscribed.
    """
    table = pd.read_parquet(file)
    origin = table["at_ns"].min()
    table = table.assign(at_s=(table["at_ns"] - origin) / 1e9)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09)
    for number, (name, own) in enumerate(table.groupby("process", sort=False)):
        colour = _COLOURS[number % len(_COLOURS)]
        figure.add_scatter(
            x=own["at_s"], y=own["pss_bytes"] / 1e6, name=plain(str(name)), stackgroup="pss",
            line={"color": colour, "width": 1}, row=1, col=1, hovertemplate="%{y:.0f} MB",
        )  # fmt: skip
        busy = busy_cores(own)
        figure.add_scatter(
            x=busy["at_s"], y=busy["cores"], name=plain(str(name)), showlegend=False, stackgroup="cpu",
            line={"color": colour, "width": 1}, row=2, col=1, hovertemplate="%{y:.2f} cores",
        )  # fmt: skip
    shm = table.groupby("at_s")["shm_bytes"].first() / 1e6
    figure.add_scatter(
        x=shm.index, y=shm, name="/dev/shm (all users)", line={"color": MUTED, "dash": "dot"}, row=1, col=1
    )
    if cores:
        figure.add_hline(y=cores, line={"color": RED, "dash": "dash"}, row=2, col=1)
    for at_s, phase in _phases(table):
        figure.add_vline(x=at_s, line={"color": MUTED, "width": 1, "dash": "dot"})
        figure.add_annotation(x=at_s, y=1.0, yref="paper", text=phase, showarrow=False, xanchor="left", textangle=-30)
    totals = table.groupby("at_ns").agg(pss=("pss_bytes", "sum"), phase=("phase", "first"))
    peak_bytes = int(totals["pss"].max())
    phase = str(totals["phase"].to_numpy()[int(totals["pss"].to_numpy().argmax())])
    finding = f"The peak of {format_bytes(peak_bytes)} is in phase '{phase}'"
    title = titled(finding, "PSS: shared pages are divided among those that map them")
    figure.update_layout(template=TEMPLATE, height=_HEIGHT_PX, title=title, margin={"t": 110, "b": 80})
    figure.update_yaxes(title="memory (MB)", row=1, col=1)
    figure.update_yaxes(title="busy cores", row=2, col=1)
    figure.update_xaxes(title="time since the trial began (s)", row=2, col=1)
    return figure


def busy_cores(own: pd.DataFrame) -> pd.DataFrame:
    """Cores that one process keeps busy between its samples: `at_s`, `cores`."""
    steps = own[["at_s", "cpu_s"]].diff()
    cores = (steps["cpu_s"] / steps["at_s"]).where(steps["at_s"] > 0)
    return pd.DataFrame({"at_s": own["at_s"], "cores": cores}).dropna()


def _phases(table: pd.DataFrame) -> list[tuple[float, str]]:
    """When each phase was seen first."""
    first = table.groupby("phase", sort=False)["at_s"].min()
    return [(float(at_s), str(phase)) for phase, at_s in first.items()]
