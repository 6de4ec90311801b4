"""The runs as cards, newest first: what each of them changed, how fast it was, and whether it can be trusted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from html import escape

import ipywidgets as widgets

from workbench.explain.breakdown import CLOSES_FROM
from workbench.knobs.format import format_settings
from workbench.knobs.knobs import Knobs
from workbench.panel.display import muted
from workbench.panel.run_list import RunList, RunSummary
from workbench.units import counted, format_bytes, format_number, format_share

#: Cards on a page. They are made once and filled anew, so that nothing piles up however many runs there are.
_CARDS = 5

_MESSAGE_CHARACTERS = 400


class RunCards:
    """The list.

    Args:
        runs: The runs.
        baseline: Knobs that the runs' are compared with at first.
        on_look: Called with the run that is to be looked at.
        on_take: Called with the run whose knobs are to be taken.
        on_tick: Called when other runs are ticked.

    Attributes:
        widget: To be placed.
        ticked: Runs that are ticked, in the order of ticking.
    """

    def __init__(
        self,
        runs: RunList,
        baseline: Knobs,
        *,
        on_look: Callable[[str], None],
        on_take: Callable[[str], None],
        on_tick: Callable[[], None],
    ) -> None:
        self._runs = runs
        self._on_tick = on_tick
        self.ticked: list[str] = []
        self._baseline = baseline
        self._looked_at = ""
        self._lock = threading.RLock()  # runs end in a thread, and a person turns pages meanwhile
        self._page = 0
        self._cards = [_Card(on_look, on_take, self._tick) for _ in range(_CARDS)]
        tooltip = "with the trials of comparisons, and those with profilers"
        self._all = widgets.Checkbox(description="all trials", tooltip=tooltip, indent=False, layout={"width": "auto"})
        self._all.observe(lambda change: self._turn(0), names="value")
        self._newer = widgets.Button(icon="chevron-left", tooltip="newer runs", layout={"width": "36px"})
        self._older = widgets.Button(icon="chevron-right", tooltip="older runs", layout={"width": "36px"})
        again = widgets.Button(icon="refresh", tooltip="read the list again", layout={"width": "36px"})
        again.on_click(lambda button: self._turn(0))
        self._newer.on_click(lambda button: self._turn(self._page - 1))
        self._older.on_click(lambda button: self._turn(self._page + 1))
        self._count = widgets.HTML(layout={"flex": "1 1 auto"})
        foot = widgets.HBox([self._count, self._all, again, self._newer, self._older], layout={"align_items": "center"})
        self.widget = widgets.VBox([*(card.widget for card in self._cards), foot])

    def show(self, *, baseline: Knobs | None = None, looked_at: str | None = None) -> None:
        """Fill the cards with what there is.

        Args:
            baseline: Knobs that the runs' are compared with; None: as before.
            looked_at: The run that is looked at; None: as before.
        """
        with self._lock:
            self._fill(baseline, looked_at)

    def _fill(self, baseline: Knobs | None, looked_at: str | None) -> None:
        self._baseline = baseline or self._baseline
        self._looked_at = self._looked_at if looked_at is None else looked_at
        self.ticked = [run_id for run_id in self.ticked if self._runs.get(run_id)]
        runs = self._runs.newest_first(with_all=self._all.value)
        pages = max(1, -(-len(runs) // _CARDS))
        self._page = min(max(self._page, 0), pages - 1)
        shown = runs[self._page * _CARDS : (self._page + 1) * _CARDS]
        for number, card in enumerate(self._cards):
            run = shown[number] if number < len(shown) else None
            ticked = run is not None and run.run_id in self.ticked
            card.show(run, self._baseline, ticked=ticked, looked_at=self._looked_at)
        first = self._page * _CARDS + 1
        last = first + len(shown) - 1
        count = f"runs {first} to {last} of {len(runs)}" if shown else "There are no runs yet."
        self._count.value = muted(" ".join(filter(None, (count, _not_shown(self._runs.unreadable)))))
        self._newer.disabled, self._older.disabled = self._page == 0, self._page == pages - 1

    def to_front(self) -> None:
        """Turn to the newest runs."""
        self._page = 0

    def _turn(self, page: int) -> None:
        self._page = page
        self._runs.refresh()
        self.show()

    def _tick(self, run_id: str, ticked: bool) -> None:
        self.ticked = [other for other in self.ticked if other != run_id] + ([run_id] if ticked else [])
        self._on_tick()


def _not_shown(run_ids: Sequence[str]) -> str:
    """What is said of runs whose records cannot be read."""
    if not run_ids:
        return ""
    names = f"{run_ids[-1]} and others" if len(run_ids) > 1 else run_ids[0]
    return f"({counted(len(run_ids), 'run')} cannot be read: {names}. `workbench history` says why.)"


class _Card:
    def __init__(
        self, on_look: Callable[[str], None], on_take: Callable[[str], None], on_tick: Callable[[str, bool], None]
    ) -> None:
        self._run_id = ""
        self._filling = False
        self._on_tick = on_tick
        self._box = widgets.Checkbox(indent=False, tooltip="take part in a comparison", layout={"width": "22px"})
        self._body = widgets.HTML(layout={"flex": "1 1 auto"})
        look = widgets.Button(description="Look", tooltip="where its time goes", layout=_fixed("58px"))
        take = widgets.Button(description="Take knobs", tooltip="set the knobs so", layout=_fixed("96px"))
        look.on_click(lambda button: on_look(self._run_id))
        take.on_click(lambda button: on_take(self._run_id))
        self._box.observe(self._ticked, names="value")
        self.widget = widgets.HBox([self._box, self._body, look, take], layout={"display": "none"})
        self.widget.add_class("wb-card")

    def show(self, run: RunSummary | None, baseline: Knobs, *, ticked: bool, looked_at: str) -> None:
        self.widget.layout.display = "none" if run is None else None
        self._run_id = "" if run is None else run.run_id
        if run is None:
            return
        self._filling = True
        self._box.value = ticked
        self._box.disabled = run.failure is not None
        self._filling = False
        self._body.value = card_html(run, baseline)
        self._mark("wb-shown", run.run_id == looked_at)
        self._mark("wb-failed", run.failure is not None)

    def _mark(self, name: str, marked: bool) -> None:
        (self.widget.add_class if marked else self.widget.remove_class)(name)

    def _ticked(self, change: object) -> None:
        if not self._filling:
            self._on_tick(self._run_id, bool(self._box.value))


def _fixed(width: str) -> dict[str, str]:
    return {"width": width, "flex": "0 0 auto"}


def card_html(run: RunSummary, baseline: Knobs) -> str:
    """The card of a run, escaped."""
    tags = "".join(f"<span class='wb-tag'>{escape(change)}</span>" for change in changes_of(run.knobs, baseline))
    tags = tags or "<span class='wb-muted'>the knobs of the baseline</span>"
    if run.failure is not None:
        kind = "cancelled" if run.failure.kind == "cancelled" else "failed"
        reason = f"{kind} in phase {run.failure.phase}: {run.failure.message}"[:_MESSAGE_CHARACTERS]
        rate, below = kind, f"<span class='wb-alarm' style='white-space:pre-wrap'>{escape(reason)}</span>"
        if kind == "cancelled":
            below = ""
    else:
        rate = f"{format_number(run.samples_per_s)} <small>{escape(run.item)}s/s</small>"
        below = f"<span class='wb-muted'>{_trust(run)}, peak memory {format_bytes(run.peak_bytes)},</span>"
    when = escape(run.created_at[5:16].replace("T", " "))
    below += f" <span class='wb-muted' style='white-space:nowrap'>{when} UTC</span>"
    return (
        f"<div class='wb-card-body' data-run='{escape(run.run_id)}'><span class='wb-rate'>{rate}</span>"
        f"<span class='wb-card-text'>{tags}<br><span class='wb-small'>{below}</span></span></div>"
    )


def changes_of(knobs: Knobs, baseline: Knobs) -> list[str]:
    """``name=value`` for the knobs that are compared and differ from the baseline's.

    Knobs of another workload than the baseline's are shown as they differ from its own defaults.
    """
    if knobs.workload == baseline.workload:
        return [format_settings({name: value}) for name, value in knobs.compared(baseline).items()]
    changes = {"workload": knobs.workload, **knobs.compared()}
    return [format_settings({name: value}) for name, value in changes.items()]


def _trust(run: RunSummary) -> str:
    simulated = "simulated device, " if run.simulated else ""
    if run.attributed_share is None:
        return f"{simulated}stages not timed"
    share = f"{format_share(run.attributed_share)} of the time attributed"
    if run.attributed_share < CLOSES_FROM:
        share = f"<span class='wb-alarm'>only {share}</span>"
    return f"{simulated}{share}"
