"""The tab "What if": a slider a stage, the workers and the device, and the answer at once."""

from __future__ import annotations

import ipywidgets as widgets

from workbench.errors import BadInput
from workbench.explain.figures.html_table import bullets, html_table, paragraph
from workbench.explain.figures.predictions import answer_table, ceiling_lines, gain_table
from workbench.explain.figures.predictions import gain_map as draw_map
from workbench.explain.figures.template import colours_of
from workbench.explain.prediction.changes import Change, scale_stage, set_knob
from workbench.explain.prediction.gain_map import StageGain, ceilings, gain_map
from workbench.explain.prediction.predictor import Predictor
from workbench.panel.display import close_tree, message, show
from workbench.panel.run_list import ViewedRun
from workbench.report.predictions import runs_beside

#: Stages that get a slider: those of the largest gain.
_MOST_SLIDERS = 6
_LAYOUT = {"width": "420px"}


class WhatIf:
    """See `look.View`.

    Attributes:
        widget: To be placed.
        answer: Shows what the sliders ask.
    """

    def __init__(self) -> None:
        self.answer = widgets.HTML()
        self._map = widgets.Output()
        self._sliders: dict[str, widgets.FloatSlider] = {}
        self._workers = widgets.IntSlider(min=0, max=8, description="workers", layout=_LAYOUT, continuous_update=False)
        self._box = widgets.VBox()
        self._predictor: Predictor | None = None
        self._item = "sample"
        self.widget = widgets.VBox([self._box, self.answer, self._map])

    def show(self, run: ViewedRun) -> None:
        """See `look.View`."""
        self._predictor = None
        self._item = run.record.item
        if run.record.steady is None:
            self._show_nothing("This run failed: there is nothing to predict from.")
            return
        try:
            others = runs_beside(run.record, run.folder.parent)
            predictor = Predictor(run.record, run.spans, others=others)
        except BadInput as error:
            self._show_nothing("; ".join(problem.what for problem in error.problems))
            return
        gains = gain_map(predictor)
        self._make_sliders(predictor, gains)
        self._predictor = predictor
        self._ask()
        shown = [
            bullets(ceiling_lines(ceilings(predictor), self._item)),
            draw_map(gains, colours_of(run.record), self._item),
            html_table(gain_table(gains, self._item)),
            paragraph("Assumed:") + bullets(predictor.model.assumptions),
        ]
        show(self._map, shown)

    def _show_nothing(self, reason: str) -> None:
        self._box.children = ()
        self.answer.value = message(reason)
        show(self._map, [])

    def _make_sliders(self, predictor: Predictor, gains: list[StageGain]) -> None:
        for slider in self._sliders.values():
            close_tree(slider)
        stages = [gain.stage for gain in gains if gain.stage != "device"][:_MOST_SLIDERS]
        if len(predictor.model.device_s):
            stages.append("device")
        self._sliders = {stage: self._slider(stage) for stage in stages}
        self._workers.unobserve_all()
        self._workers.value = predictor.model.config.num_workers
        self._workers.disabled = predictor.model.recorded_workers == 0
        self._workers.observe(lambda change: self._ask(), names="value")
        self._box.children = (*self._sliders.values(), self._workers)

    def _slider(self, stage: str) -> widgets.FloatSlider:
        slider = widgets.FloatSlider(
            value=1.0,
            min=0.0,
            max=3.0,
            step=0.1,
            description=stage,
            readout_format=".1f",
            layout=_LAYOUT,
            continuous_update=False,
            tooltip=f"how many times as long {stage} takes",
        )
        slider.observe(lambda change: self._ask(), names="value")
        return slider

    def _ask(self) -> None:
        predictor = self._predictor
        if predictor is None:
            return
        try:
            changes = self._changes(predictor)
            self.answer.value = self._answer_of(predictor, changes) if changes else message("Move a slider.")
        except BadInput as error:
            self.answer.value = message("; ".join(problem.what for problem in error.problems))

    def _changes(self, predictor: Predictor) -> list[Change]:
        """What the sliders ask.

        Raises:
            BadInput: For what the run cannot tell.
        """
        model = predictor.model
        moved = {stage: slider.value for stage, slider in self._sliders.items() if slider.value != 1.0}
        changes = [scale_stage(model, stage, factor) for stage, factor in moved.items()]
        if self._workers.value != model.config.num_workers:
            changes.append(set_knob(model, predictor.record.knobs, "num_workers", self._workers.value))
        return changes

    def _answer_of(self, predictor: Predictor, changes: list[Change]) -> str:
        return html_table(answer_table([predictor.predict(changes)], self._item))
