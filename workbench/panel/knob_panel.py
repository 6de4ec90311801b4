"""The left side of the panel: data set, presets, knobs; and what is wrong with them, or without effect."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from workbench.errors import BadInput
from workbench.explain.knob_advice import Fix, fixed_by_others, fixes, without_effect_yet
from workbench.knobs.knobs import Knobs
from workbench.panel.knob_widgets import KnobWidgets
from workbench.panel.page_preview import DataSetPicker
from workbench.panel.presets import PRESETS, apply_preset, reset_values
from workbench.panel.run_list import RunList

_CHOOSE = "choose a preset ..."

#: Where the kernel's driver lets itself be seen.
_NVIDIA = Path("/dev/nvidiactl")

_MOST_WAYS = 3


class KnobPanel:
    """Sets knobs.

    Args:
        knobs: As they are at first.
        runs: The runs: they know data sets that were used, and what `device=auto` comes to here.
        on_change: Told the knobs whenever they are set otherwise; None where they cannot run so.

    Attributes:
        widget: To be placed.
        knobs: As they are set; None where they cannot run.
        widgets: Those of the knobs, by name.
    """

    def __init__(self, knobs: Knobs, runs: RunList, on_change: Callable[[Knobs | None], None]) -> None:
        self._runs = runs
        self._on_change = on_change
        self.knobs: Knobs | None = knobs
        self.widgets = KnobWidgets(knobs, self._changed, apart=("dataset",))
        known = {one.knobs.dataset: None for one in runs.newest_first(with_all=True)}
        self._data_set = DataSetPicker(knobs.dataset, [*known, "data_samples"], self._picked)
        self._preset = widgets.Dropdown(
            options=(_CHOOSE, *PRESETS), description="preset", style={"description_width": "112px"},
            layout={"width": "100%", "margin": "1px 0"},
        )  # fmt: skip
        self._preset.observe(lambda change: self._apply_preset(), names="value")
        self._problem = widgets.HTML()
        self._ways = [widgets.Button(layout={"display": "none", "width": "auto"}) for _ in range(_MOST_WAYS)]
        self._offered: list[Fix] = []
        for number, button in enumerate(self._ways):
            button.on_click(lambda clicked, number=number: self._go_out(number))
        ways = widgets.HBox(self._ways, layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox(
            [
                widgets.HTML("<h3>Pages</h3>"), self._data_set.widget,
                widgets.HTML("<h3>Knobs</h3>"), self._preset, self.widgets.front,
                self._problem, ways, self.widgets.groups,
            ]
        )  # fmt: skip
        self._show_advice("")

    def settings(self) -> dict[str, Any]:
        """What is set, by knob name, whether or not it can run."""
        return {**self.widgets.settings(), "dataset": self._data_set.widget.value.strip()}

    def set(self, knobs: Knobs) -> None:
        """Set all knobs."""
        self.widgets.show(knobs)
        self._data_set.show(knobs.dataset)
        self._show_advice("")

    def _picked(self, folder: str) -> None:
        self._show_advice("dataset")

    def _changed(self, name: str) -> None:
        self._show_advice(name)

    def _apply_preset(self) -> None:
        name = self._preset.value
        if name == _CHOOSE:
            return
        self._preset.value = _CHOOSE
        try:
            # What a preset resets anyway must not stand in its way.
            self.set(apply_preset(name, Knobs.parse({**self.settings(), **reset_values()})))
        except BadInput as error:
            self._show_problem(error, [])

    def _show_advice(self, changed: str) -> None:
        """Say what is wrong, what does nothing and what is changed, after this knob was set."""
        settings = self.settings()
        try:
            knobs = Knobs.parse(settings)
        except BadInput as error:
            self.knobs = None
            self._show_problem(error, fixes(settings, keep=changed, most=_MOST_WAYS))
            self._on_change(None)
            return
        self.knobs = knobs
        self._problem.value = ""
        self._offer([])
        gpu = self._gpu()
        simulated = knobs.device == "replay" or (knobs.device == "auto" and gpu is None)
        idle = without_effect_yet(knobs, simulated=simulated, gpu=gpu)
        reasons = {name: f"no effect: {why}" for name, why in idle.items()}
        reasons |= {name: f"fixed: {why}" for name, why in fixed_by_others(knobs).items()}
        self.widgets.show_reasons(reasons)
        self.widgets.show_changes(knobs.differing(Knobs()))
        self._on_change(knobs)

    def _show_problem(self, error: BadInput, ways: list[Fix]) -> None:
        problems = "<br>".join(escape(str(problem)) for problem in error.problems)
        self._problem.value = f"<div class='wb-bad'>{problems}</div>"
        self._offer(ways)

    def _offer(self, ways: list[Fix]) -> None:
        self._offered = ways
        for number, button in enumerate(self._ways):
            button.layout.display = None if number < len(ways) else "none"
            if number < len(ways):
                button.description = f"set {ways[number]}"

    def _go_out(self, number: int) -> None:
        if number < len(self._offered):
            way = self._offered[number]
            self.widgets.by_name[way.knob].value = way.value

    def _gpu(self) -> str | None:
        """The CUDA device of this machine: by the newest run that says so, else by its driver."""
        for run in self._runs.newest_first(with_all=True):
            if run.failure is None and run.knobs.device == "auto":
                return run.gpu
        return "CUDA device" if _NVIDIA.exists() else None
