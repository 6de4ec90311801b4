"""The knobs of a workload as widgets, made from their rows; those that are inactive are dimmed, with the reason."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from workbench.knobs.format import format_value
from workbench.knobs.knob import Knob
from workbench.knobs.knobs import Knobs
from workbench.knobs.measuring import PROFILERS

LABEL_PX = "112px"
ROW = {"width": "100%", "margin": "1px 0"}

#: A lab is of one workload: this knob has no widget.
_FIXED = "workload"

#: A slider reaches as far as makes sense on this machine, and further when a value is further.
_SLIDER_UP_TO = max(8, 2 * (os.cpu_count() or 1))

#: Folders below the one that is named, offered as one types.
_OFFERED = 40


class KnobWidgets:
    """Widgets for knobs.

    Args:
        knobs: What they show at first; of the workload whose knobs these are.
        on_change: Called with the name of a knob that a person has changed.
        known: By name of a knob: texts to offer.

    Attributes:
        by_name: The widget of each knob.
        front: Those of `Knobs.in_front`.
        groups: The others, folded by group.
    """

    def __init__(
        self, knobs: Knobs, on_change: Callable[[str], None], known: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._on_change = on_change
        self._known = known or {}
        self._setting = False
        self._workload = knobs.workload
        # One of each for all: every widget would else bring its own along.
        self._style = {"description_width": LABEL_PX}
        self._layout = widgets.Layout(**ROW)
        self._hidden = widgets.Layout(display="none")
        self._shown = widgets.Layout()
        self._knobs = {name: row for name, row in type(knobs).rows().items() if name != _FIXED}
        self._in_front = [name for name in type(knobs).in_front if name in self._knobs]
        self.by_name = {name: self._make(row) for name, row in self._knobs.items()}
        self._reasons = {name: widgets.HTML(layout=self._hidden) for name in self._knobs}
        self._boxes: dict[str, widgets.VBox] = {}
        for name, widget in self.by_name.items():
            self._reasons[name].add_class("wb-reason")
            self._boxes[name] = widgets.VBox([widget, self._reasons[name]], layout=self._shown)
            self._boxes[name].add_class("wb-row")
            widget.observe(lambda change, name=name: self._changed(name), names="value")
            self._offer(name)
        self.front = widgets.VBox([self._boxes[name] for name in self._in_front])
        self._groups = self._by_group()
        boxes = [widgets.VBox([self._boxes[name] for name in names]) for names in self._groups.values()]
        self.groups = widgets.Accordion(boxes, selected_index=None)
        self.show_changes(())
        self.show(knobs)

    def settings(self) -> dict[str, Any]:
        """What the widgets say, by knob name, with the workload."""
        return {_FIXED: self._workload, **{name: _read(widget) for name, widget in self.by_name.items()}}

    def show(self, knobs: Knobs) -> None:
        """Set all widgets, without a call of `on_change`."""
        self._setting = True
        try:
            for name, widget in self.by_name.items():
                _write(widget, getattr(knobs, name))
        finally:
            self._setting = False

    def set_value(self, name: str, value: Any) -> None:
        """Set one knob, as if a person did it."""
        _write(self.by_name[name], value)

    def show_reasons(self, reasons: Mapping[str, str]) -> None:
        """Dim these knobs, with their reasons, and no others."""
        for name, note in self._reasons.items():
            text = escape(reasons.get(name, ""))
            if note.value == text:
                continue
            note.value = text
            note.layout = self._shown if text else self._hidden
            (self._boxes[name].add_class if text else self._boxes[name].remove_class)("wb-dim")

    def show_changes(self, changed: Iterable[str]) -> None:
        """Say in the groups' titles how many of their knobs are changed."""
        names = set(changed)
        for number, (group, own) in enumerate(self._groups.items()):
            count = len(names.intersection(own))
            title = f"{group.capitalize()}{f'  ({count} changed)' if count else ''}"
            if self.groups.get_title(number) != title:
                self.groups.set_title(number, title)

    def _changed(self, name: str) -> None:
        self._offer(name)
        if not self._setting:
            self._on_change(name)

    def _offer(self, name: str) -> None:
        """Offer the texts that are known for a knob, and the folders below the one that is named."""
        widget = self.by_name[name]
        if isinstance(widget, widgets.Combobox):
            widget.options = tuple(dict.fromkeys([*self._known.get(name, ()), *_folders_below(widget.value.strip())]))

    def _by_group(self) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for name, row in self._knobs.items():
            if name not in self._in_front:
                groups.setdefault(row.group, []).append(name)
        return groups

    def _make(self, row: Knob) -> widgets.DOMWidget:
        unit = f" [{row.unit}]" if row.unit else ""
        common = {
            "description": row.name,
            "tooltip": f"{row.help}{unit}",
            "description_allow_html": False,
            "style": self._style,
            "layout": self._layout,
        }
        if row.name == "profilers":
            return widgets.SelectMultiple(options=PROFILERS, rows=len(PROFILERS), **common)
        if row.kind == "bool" and not row.is_optional:
            return widgets.Checkbox(indent=True, **common)
        if row.choices and not row.is_optional:
            kind = widgets.ToggleButtons if row.name in self._in_front else widgets.Dropdown
            return kind(options=row.choices, **common)
        if row.name == "num_workers" and not row.is_optional:
            return widgets.IntSlider(min=0, max=_SLIDER_UP_TO, continuous_update=False, **common)
        # Numbers are written as text, so that a wrong one gets a message.
        hint = "default" if row.default is None else row.help
        kind = widgets.Combobox if row.kind == "str" else widgets.Text
        return kind(placeholder=hint, continuous_update=False, **common)


def _write(widget: widgets.DOMWidget, value: Any) -> None:
    if isinstance(widget, widgets.IntSlider):
        widget.max = max(_SLIDER_UP_TO, value)
    if isinstance(widget, widgets.Text):  # a Combobox is one as well
        value = "" if value is None else format_value(value)
    widget.value = value


def _read(widget: widgets.DOMWidget) -> Any:
    return widget.value.strip() if isinstance(widget.value, str) else widget.value


def _folders_below(text: str) -> list[str]:
    if not text:
        return []
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # the run says what is wrong with a folder
        folders = (path for path in sorted(Path(text).expanduser().iterdir()) if path.is_dir())
        return [str(folder) for folder in folders if not folder.name.startswith(".")][:_OFFERED]
    return []
