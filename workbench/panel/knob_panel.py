"""The left side of the panel: presets and knobs; and what is wrong with them, or inactive."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from workbench.errors import BadInput, Problem
from workbench.knobs.advice import Fix, fixed_by_others, fixes, inactive_knobs
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knob import Situation
from workbench.knobs.knobs import Knobs
from workbench.panel.knob_widgets import LABEL_PX, ROW, KnobWidgets
from workbench.panel.run_list import RunList

_CHOOSE = "choose a preset ..."

#: What a preset leaves as it is where it doesn't name it: what is done, and on how many cores, not how.
_KEPT = ("mode", "num_workers", "batch_size")

#: A group of which a preset resets all knobs, whether or not any preset names them.
_RESET_GROUP = "loading"

#: Where the kernel's driver lets itself be seen.
_NVIDIA = Path("/dev/nvidiactl")

_MOST_FIXES = 3


class KnobPanel:
    """Sets knobs.

    Args:
        knobs: As they are at first. The workload stays theirs.
        runs: The runs: they know texts that were used, and what `device=auto` means here.
        on_change: Called with the knobs whenever they are set otherwise; with None where they cannot run so.

    Attributes:
        widget: To be placed.
        knobs: As they are set; None where they cannot run.
        widgets: Those of the knobs.
    """

    def __init__(self, knobs: Knobs, runs: RunList, on_change: Callable[[Knobs | None], None]) -> None:
        self._runs = runs
        self._on_change = on_change
        self._kind = type(knobs)
        self._workload = knobs.workload
        self.knobs: Knobs | None = knobs
        self.widgets = KnobWidgets(knobs, self._changed, self._known_texts())
        self._preset = widgets.Dropdown(
            options=(_CHOOSE, *self._kind.presets), description="preset", style={"description_width": LABEL_PX},
            layout=ROW if self._kind.presets else {"display": "none"},
        )  # fmt: skip
        self._preset.observe(lambda change: self._apply_preset(), names="value")
        self._problem = widgets.HTML()
        self._buttons = [widgets.Button(layout={"display": "none", "width": "auto"}) for _ in range(_MOST_FIXES)]
        self._offered: list[Fix] = []
        for number, button in enumerate(self._buttons):
            button.on_click(lambda clicked, number=number: self._fix(number))
        row = widgets.HBox(self._buttons, layout={"flex_flow": "row wrap"})
        heading = widgets.HTML(f"<h3>Knobs of {escape(knobs.workload)}</h3>")
        self.widget = widgets.VBox([heading, self._preset, self.widgets.front, self._problem, row, self.widgets.groups])
        self._show_advice("")

    def settings(self) -> dict[str, Any]:
        """What is set, by knob name, whether or not it can run."""
        return self.widgets.settings()

    def set(self, knobs: Knobs) -> None:
        """Set all knobs; those of another workload cannot be set, which is said."""
        if knobs.workload != self._workload:
            remedy = f"Set workload = '{knobs.workload}' in the cell of the parameters, and run all cells again"
            problem = Problem(f"these are knobs of the workload '{knobs.workload}'", remedy=remedy)
            self._show_problem(BadInput("knobs", [problem]), [])
            return
        self.widgets.show(knobs)
        self._show_advice("")

    def _changed(self, name: str) -> None:
        self._show_advice(name)

    def _apply_preset(self) -> None:
        name = self._preset.value
        if name == _CHOOSE:
            return
        self._preset.value = _CHOOSE
        try:
            # What a preset resets anyway must not stand in its way.
            self.set(apply_preset(name, parse_knobs({**self.settings(), **preset_defaults(self._kind)})))
        except BadInput as error:
            self._show_problem(error, [])

    def _show_advice(self, changed: str) -> None:
        """Say what is wrong, what is inactive and what is changed, after this knob was set."""
        settings = self.settings()
        try:
            knobs = parse_knobs(settings)
        except BadInput as error:
            self.knobs = None
            self._show_problem(error, fixes(settings, keep=changed, most=_MOST_FIXES))
            self._on_change(None)
            return
        self.knobs = knobs
        self._problem.value = ""
        self._offer([])
        gpu = self._gpu()
        simulated = knobs.device == "replay" or (knobs.device == "auto" and gpu is None)
        inactive = inactive_knobs(Situation(knobs, simulated=simulated, gpu=gpu))
        reasons = {name: f"inactive: {why}" for name, why in inactive.items()}
        reasons |= {name: f"fixed: {why}" for name, why in fixed_by_others(knobs).items()}
        self.widgets.show_reasons(reasons)
        self.widgets.show_changes(knobs.differing(self._kind(workload=self._workload)))
        self._on_change(knobs)

    def _show_problem(self, error: BadInput, offered: list[Fix]) -> None:
        problems = "<br>".join(escape(str(problem)) for problem in error.problems)
        self._problem.value = f"<div class='wb-bad'>{problems}</div>"
        self._offer(offered)

    def _offer(self, offered: list[Fix]) -> None:
        self._offered = offered
        for number, button in enumerate(self._buttons):
            button.layout.display = None if number < len(offered) else "none"
            if number < len(offered):
                button.description = f"set {offered[number]}"

    def _fix(self, number: int) -> None:
        if number < len(self._offered):
            fix = self._offered[number]
            self.widgets.set_value(fix.knob, fix.value)

    def _known_texts(self) -> dict[str, list[str]]:
        """By name of a knob: the texts that runs of this workload had, the newest first, then the default."""
        known: dict[str, list[str]] = {}
        runs = [run.knobs for run in self._runs.newest_first(with_all=True) if run.knobs.workload == self._workload]
        for name, row in self._kind.rows().items():
            if row.kind == "str" and not row.choices:
                values = [getattr(knobs, name, None) for knobs in runs]
                known[name] = list(dict.fromkeys(str(value) for value in [*values, row.default] if value))
        return known

    def _gpu(self) -> str | None:
        """The CUDA device of this machine: by the newest run that says so, else by its driver."""
        for run in self._runs.newest_first(with_all=True):
            if run.failure is None and run.knobs.device == "auto":
                return run.gpu
        return "CUDA device" if _NVIDIA.exists() else None


def apply_preset(name: str, knobs: Knobs) -> Knobs:
    """Knobs with what a preset sets; what no preset is about stays.

    Args:
        name: One of the presets of the knobs' class.
        knobs: The knobs before.

    Raises:
        BadInput: Where the preset cannot run beside what stays.
    """
    return knobs.changed(**{**preset_defaults(type(knobs)), **type(knobs).presets[name]})


def preset_defaults(kind: type[Knobs]) -> dict[str, Any]:
    """What a preset sets before its own: loading, and all that any preset sets, at their defaults."""
    named = {name for settings in kind.presets.values() for name in settings}
    return {
        name: row.default
        for name, row in kind.rows().items()
        if name not in _KEPT and (name in named or (row.group == _RESET_GROUP and row.role == "what"))
    }
