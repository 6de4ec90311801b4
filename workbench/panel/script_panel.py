"""The lab's section for a script of your own: its command, the knobs that apply to it, and Run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from workbench.knobs.knobs import Knobs
from workbench.knobs.observed import ObservedKnobs
from workbench.panel.display import muted
from workbench.panel.knob_panel import KnobPanel
from workbench.panel.run_list import RunList

_INTRODUCTION = (
    "A training command, as you type it in a terminal: it is run unmodified, and observed. What is left empty is as "
    "the script has it. Its runs stand with the others: look at them, and compare them with one another."
)


class ScriptPanel:
    """Runs a script of the user's.

    Args:
        runs: The runs.
        on_run: Called with the knobs that are to be run.

    Attributes:
        widget: To be placed.
        knobs: The widgets of the knobs.
        button: Run.
    """

    def __init__(self, runs: RunList, on_run: Callable[[Knobs], None]) -> None:
        self._on_run = on_run
        self.button = widgets.Button(description="Run script", button_style="primary", disabled=True)
        self._panel = KnobPanel(ObservedKnobs(folder=str(Path.cwd())), runs, self._changed)
        self.knobs = self._panel.widgets
        self.button.on_click(lambda button: self.run())
        self.widget = widgets.VBox([widgets.HTML(muted(_INTRODUCTION)), self._panel.widget, self.button])

    def run(self) -> None:
        """Run the command with the knobs as they are set; nothing, where there is none or they cannot run."""
        knobs = self._panel.knobs
        if isinstance(knobs, ObservedKnobs) and knobs.command:
            self._on_run(knobs)

    def take(self, knobs: Knobs) -> None:
        """Show the knobs of a run."""
        self._panel.set(knobs)

    def _changed(self, knobs: Knobs | None) -> None:
        self.button.disabled = not (isinstance(knobs, ObservedKnobs) and knobs.command)
