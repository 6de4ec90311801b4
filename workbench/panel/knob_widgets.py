"""The knobs as widgets: one a knob, made from its description; those that do nothing are dimmed, with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from html import escape
from typing import Any

import ipywidgets as widgets

from workbench.knobs.knobs import PROFILERS, KnobInfo, Knobs, describe_knobs

#: Shown above the folded groups; the widgets of the first two are rows of buttons.
IN_FRONT = ("cache", "normalize", "num_workers")

_LABEL_PX = "112px"
_ROW = {"width": "100%", "margin": "1px 0"}

#: A slider reaches as far as makes sense on this machine, and further when a value is further.
_SLIDER_UP_TO = max(8, 2 * (os.cpu_count() or 1))


class KnobWidgets:
    """Widgets for knobs.

    Args:
        knobs: What they show at first.
        on_change: Told the name of a knob that a person has changed.
        apart: Names of knobs that get no widget here, for somebody else has one.

    Attributes:
        front: The widgets of `IN_FRONT`.
        groups: The others, folded by group.
    """

    def __init__(self, knobs: Knobs, on_change: Callable[[str], None], apart: Collection[str] = ()) -> None:
        self._on_change = on_change
        self._setting = False
        # One of each for all: every widget would else bring its own along.
        self._style = {"description_width": _LABEL_PX}
        self._layout = widgets.Layout(**_ROW)
        self._hidden = widgets.Layout(display="none")
        self._shown = widgets.Layout()
        self._infos = {info.name: info for info in describe_knobs() if info.name not in apart}
        self.by_name = {name: self._make(info) for name, info in self._infos.items()}
        self._reasons = {name: widgets.HTML(layout=self._hidden) for name in self._infos}
        self._rows: dict[str, widgets.VBox] = {}
        for name, widget in self.by_name.items():
            self._reasons[name].add_class("wb-reason")
            self._rows[name] = widgets.VBox([widget, self._reasons[name]], layout=self._shown)
            self._rows[name].add_class("wb-row")
            widget.observe(lambda change, name=name: self._changed(name), names="value")
        self.front = widgets.VBox([self._rows[name] for name in IN_FRONT])
        self._groups = self._by_group(set(IN_FRONT))
        boxes = [widgets.VBox([self._rows[name] for name in names]) for names in self._groups.values()]
        self.groups = widgets.Accordion(boxes, selected_index=None)
        self.show(knobs)

    def settings(self) -> dict[str, Any]:
        """What the widgets say, by knob name."""
        return {name: _read(self._infos[name], widget) for name, widget in self.by_name.items()}

    def show(self, knobs: Knobs) -> None:
        """Set all widgets; nobody is told."""
        self._setting = True
        try:
            for name, widget in self.by_name.items():
                _write(self._infos[name], widget, getattr(knobs, name))
        finally:
            self._setting = False

    def show_reasons(self, reasons: Mapping[str, str]) -> None:
        """Dim these knobs, with their reasons, and no others."""
        for name, note in self._reasons.items():
            text = escape(reasons.get(name, ""))
            if note.value == text:
                continue
            note.value = text
            note.layout = self._shown if text else self._hidden
            (self._rows[name].add_class if text else self._rows[name].remove_class)("wb-dim")

    def show_changes(self, changed: Iterable[str]) -> None:
        """Say in the groups' titles how many of their knobs are changed."""
        names = set(changed)
        for number, (group, own) in enumerate(self._groups.items()):
            count = len(names.intersection(own))
            title = f"{group.capitalize()}{f'  ({count} changed)' if count else ''}"
            if self.groups.get_title(number) != title:
                self.groups.set_title(number, title)

    def _changed(self, name: str) -> None:
        if not self._setting:
            self._on_change(name)

    def _by_group(self, apart: set[str]) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for name, info in self._infos.items():
            if name not in apart:
                groups.setdefault(info.group, []).append(name)
        return groups

    def _make(self, info: KnobInfo) -> widgets.DOMWidget:
        unit = f" [{info.unit}]" if info.unit else ""
        common = {
            "description": info.name,
            "tooltip": f"{info.help}{unit}",
            "description_allow_html": False,
            "style": self._style,
            "layout": self._layout,
        }
        if info.name in IN_FRONT and info.choices:
            return widgets.ToggleButtons(options=info.choices, **common)
        if info.name in IN_FRONT:
            return widgets.IntSlider(min=0, max=_SLIDER_UP_TO, continuous_update=False, **common)
        if info.name == "profilers":
            return widgets.SelectMultiple(options=PROFILERS, rows=len(PROFILERS), **common)
        if info.type_name == "bool":
            return widgets.Checkbox(indent=True, **common)
        if info.choices:
            return widgets.Dropdown(options=info.choices, **common)
        optional = info.default is None
        hint = "default" if optional else ""
        return widgets.Text(placeholder=hint, continuous_update=False, **common)


def _read(info: KnobInfo, widget: widgets.DOMWidget) -> Any:
    if info.name == "profilers":
        return ",".join(widget.value)
    value = widget.value
    # Numbers are written as text, so that what is no number comes to a message and not to nothing.
    if isinstance(value, str) and not info.choices:
        return None if not value.strip() and info.default is None else value.strip()
    return value


def _write(info: KnobInfo, widget: widgets.DOMWidget, value: Any) -> None:
    if info.name == "profilers":
        widget.value = tuple(filter(None, value.split(",")))
    elif isinstance(widget, widgets.IntSlider):
        widget.max = max(_SLIDER_UP_TO, value)
        widget.value = value
    elif isinstance(widget, widgets.Text):
        widget.value = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    else:
        widget.value = value
