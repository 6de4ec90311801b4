"""A run while it runs: its phase, throughput and time left, and where its time goes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import get_args

import ipywidgets as widgets

from workbench.explain.figures.template import stage_colour, text_colour
from workbench.knobs.knobs import Knobs
from workbench.measure.trial.events import Event
from workbench.panel.display import message
from workbench.records import Phase
from workbench.stages import Catalogue, Lane, Stage
from workbench.units import format_duration, format_rate, format_share

#: Pictures are renewed no more often than this; a new phase is always shown.
_EVERY_S = 0.2

#: The bars show the last stretch of the run, so that they move.
_RECENT_EVENTS = 25

#: Throughputs that the line shows.
_POINTS = 150

_PHASES: tuple[Phase, ...] = get_args(Phase)
_LANES: dict[Lane, str] = {"worker": "loading", "main": "main process"}

#: A stage below this share of its lane has no room for its name.
_NAMED_FROM = 0.07

#: What a phase does, where its name doesn't say it.
_MEANING: dict[Phase, str] = {
    "finish": "recording samples",
    "isolated": "timing some samples by themselves",
    "cache": "filling the cache",
    "workers": "starting the loader",
}


class LiveView:
    """Shows what a trial reports.

    Args:
        clock: Gives seconds.

    Attributes:
        widget: To be placed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bar = widgets.IntProgress(0, 0, 1, layout={"width": "100%", "height": "14px"})
        self._bar.add_class("wb-progress")
        self._head = widgets.HTML()
        self._phases = widgets.HTML()
        self._lanes = widgets.HTML()
        self.widget = widgets.VBox([self._head, self._bar, self._phases, self._lanes], layout={"min_height": "150px"})
        self._title = self._line = ""
        self._item = Knobs.item
        self._catalogue = Catalogue()
        self._phase: Phase | None = None
        self._phase_began = self._shown = 0.0
        self._recent: deque[Mapping[str, Mapping[str, float]]] = deque(maxlen=_RECENT_EVENTS)
        self._rates: deque[float] = deque(maxlen=_POINTS)
        self.idle("Nothing is running. Set the knobs, then press Run.")

    def begin(self, title: str, knobs: Knobs | None = None) -> None:
        """A run begins.

        Args:
            title: What it is.
            knobs: Its knobs: they know what a sample is called and what its stages are.
        """
        self._reset(title)
        if knobs is not None:
            self._item, self._catalogue = knobs.item, knobs.catalogue()
        self._show_bar("")
        self._head.value = _head(title, "starting its process", "")
        self._phases.value = _phases(None)

    def idle(self, text: str, *, bad: bool = False) -> None:
        """Nothing runs; say how the last run ended. Its bars stay, so that nothing jumps."""
        self._bar.layout.visibility = "hidden"
        self._head.value = f"{message(text, bad=bad)}{self._line}"
        self._phases.value = _phases(None)

    def event(self, event: Event) -> None:
        """Show what the trial reports."""
        now = self._clock()
        is_new = event.phase != self._phase
        if is_new:
            self._phase, self._phase_began = event.phase, now
            if event.phase == "imports":  # the next trial of several
                self._rates.clear()
            if event.phase == "steady":
                self._recent.clear()
        if event.stages:
            self._recent.append(event.stages)
        if event.samples_per_s is not None:
            self._rates.append(event.samples_per_s)
        if not is_new and event.done != event.total and now - self._shown < _EVERY_S:
            return
        self._shown = now
        self._show(event, now)

    def _show(self, event: Event, now: float) -> None:
        if event.total:
            self._bar.max, self._bar.value = event.total, event.done
        self._show_bar("" if event.total else "info")
        text = event.message or _MEANING.get(event.phase, "")
        if event.total:
            left_s = (now - self._phase_began) * (event.total - event.done) / max(event.done, 1)
            unit = f"{self._item}s" if event.phase in ("cache", "dataset") else "steps"
            text = f"{event.done} of {event.total} {unit}"
            if event.phase == "steady" and event.done:
                text += f", {format_duration(left_s)} left"
        rate = format_rate(event.samples_per_s, self._item) if event.samples_per_s is not None else ""
        self._line = _line(list(self._rates), self._item)
        title = f"{self._title}, {event.trial}" if event.trial else self._title
        self._head.value = _head(title, text, rate) + self._line
        self._phases.value = _phases(event.phase)
        if event.stages:
            self._lanes.value = stage_bars(self._recent, self._catalogue)

    def _show_bar(self, style: str) -> None:
        self._bar.layout.visibility = "visible"
        if self._bar.bar_style != style:
            self._bar.bar_style = style

    def _reset(self, title: str) -> None:
        self._title, self._phase = title, None
        self._phase_began = self._shown = 0.0
        self._recent.clear()
        self._rates.clear()
        self._line = self._lanes.value = ""
        self._bar.value, self._bar.max = 0, 1


def stage_bars(recent: Sequence[Mapping[str, Mapping[str, float]]], catalogue: Catalogue) -> str:
    """Each lane's stages as parts of a bar, in the order in which they appeared; HTML.

    Args:
        recent: Seconds by lane and stage, as events have them.
        catalogue: What the stages are.
    """
    rows = []
    for lane, label in _LANES.items():
        totals: dict[str, float] = {}
        for stages in recent:
            for stage, seconds in stages.get(lane, {}).items():
                totals[stage] = totals.get(stage, 0.0) + seconds
        whole = sum(totals.values())
        if whole > 0:
            # Waiting first: what is left of the bar is work.
            ordered = sorted((catalogue.find(lane, name) for name in totals), key=lambda stage: stage.role != "wait")
            parts = "".join(_part(stage, totals[stage.name] / whole) for stage in ordered)
            rows.append(f"<div class='wb-lane'><span>{label}</span><div class='wb-bar'>{parts}</div></div>")
    return "".join(rows)


def _part(stage: Stage, share: float) -> str:
    colour = stage.colour or stage_colour(stage.name)
    label = escape(stage.name) if share >= _NAMED_FROM else ""
    return (
        f"<span style='width:{share * 100:.2f}%;background:{colour};color:{text_colour(colour)}' "
        f"title='{escape(stage.name)}: {format_share(share)} of the last seconds'>{label}</span>"
    )


def _head(title: str, text: str, rate: str) -> str:
    return (
        "<div style='display:flex;justify-content:space-between;gap:12px;align-items:baseline'>"
        f"<span><b>{escape(title)}</b> <span class='wb-muted'>{escape(text)}</span></span>"
        f"<span class='wb-rate' style='text-align:right'>{escape(rate)}</span></div>"
    )


def _phases(current: str | None) -> str:
    reached = _PHASES.index(current) if current in _PHASES else -1
    parts = [
        f"<b>{phase}</b>" if number == reached else f"<i class='{'done' if number < reached else ''}'>{phase}</i>"
        for number, phase in enumerate(_PHASES)
    ]
    return f"<div class='wb-phases'>{''.join(parts)}</div>"


def _line(rates: list[float], item: str, width: int = 600, height: int = 40) -> str:
    """Throughput so far as a line from zero; SVG."""
    if len(rates) < 2:
        return ""
    top = max(rates) * 1.1
    step = width / (len(rates) - 1)
    points = " ".join(f"{number * step:.1f},{height - rate / top * height:.1f}" for number, rate in enumerate(rates))
    label = f"throughput so far, now {format_rate(rates[-1], item)}"
    return (
        f"<svg viewBox='0 0 {width} {height}' preserveAspectRatio='none' role='img' aria-label='{escape(label)}' "
        f"style='width:100%;height:{height}px'>"
        f"<polyline points='{points}' fill='none' stroke='#0072b2' stroke-width='1.5' "
        "vector-effect='non-scaling-stroke'/></svg>"
    )
