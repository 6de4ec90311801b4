"""The data set: its folder, and its pages with their words, before and after the chain."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets

from workbench.knobs.knobs import Knobs
from workbench.measure.trial.preview import Picture, Preview, PreviewMaker
from workbench.panel.outputs import message
from workbench.panel.run_queue import Latest

#: Folders below the one that is named, offered as one types.
_OFFERED = 40

_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")


class DataSetPicker:
    """The folder of the pages: one that was used before, one below the one that is typed, or any other.

    Args:
        folder: Shown at first.
        known: Folders to offer.
        on_pick: Told of another folder.

    Attributes:
        widget: To be placed.
    """

    def __init__(self, folder: str, known: list[str], on_pick: Callable[[str], None]) -> None:
        self._known = known
        self._on_pick = on_pick
        self._filling = False
        self.widget = widgets.Combobox(
            value=folder,
            options=self._offered(folder),
            placeholder="folder of page images",
            description="dataset",
            tooltip="folder of page images, with its annotations",
            continuous_update=False,
            style={"description_width": "112px"},
            layout={"width": "100%", "margin": "1px 0"},
        )
        self.widget.observe(self._picked, names="value")

    def show(self, folder: str) -> None:
        """Show this folder; nobody is told."""
        self._filling = True
        self.widget.value = folder
        self._filling = False

    def _picked(self, change: object) -> None:
        if self._filling:
            return
        folder = self.widget.value.strip()
        self.widget.options = self._offered(folder)
        self._on_pick(folder)

    def _offered(self, folder: str) -> tuple[str, ...]:
        """The known folders, and those below the one that is named."""
        below: list[str] = []
        path = Path(folder).expanduser()
        with contextlib.suppress(OSError):  # what cannot be listed is no folder of pages either; a run says so
            below = [str(one) for one in sorted(path.iterdir()) if one.is_dir() and not one.name.startswith(".")]
        return tuple(dict.fromkeys([*self._known, *below[:_OFFERED]]))


class PagePreview:
    """A page at a time.

    Args:
        maker: Makes previews; waited for in a thread.

    Attributes:
        widget: To be placed.
    """

    def __init__(self, maker: PreviewMaker) -> None:
        self._maker = maker
        self._knobs = Knobs()
        self._number = 0
        self._in_front = False
        self._shown: tuple[str, int] | None = None
        self._told = widgets.HTML(layout={"flex": "1 1 auto"})
        self._pictures = widgets.HTML()
        self._latest = Latest(lambda told: self._show_problem(told))
        back = widgets.Button(icon="chevron-left", tooltip="the page before", layout={"width": "40px"})
        forth = widgets.Button(icon="chevron-right", tooltip="the next page", layout={"width": "40px"})
        back.on_click(lambda button: self._turn(-1))
        forth.on_click(lambda button: self._turn(1))
        head = widgets.HBox([back, forth, self._told], layout={"align_items": "center"})
        self.widget = widgets.VBox([head, self._pictures])

    def set_knobs(self, knobs: Knobs) -> None:
        """Preview with these knobs, once the preview can be seen."""
        if knobs.dataset != self._knobs.dataset:
            self._number = 0
        self._knobs = knobs
        self._ask()

    def set_in_front(self, in_front: bool) -> None:
        """Say whether the preview can be seen: nothing is made that nobody sees."""
        self._in_front = in_front
        self._ask()

    def wait_until_shown(self, timeout_s: float) -> bool:
        """Whether the preview was there within that time."""
        return self._latest.wait_until_idle(timeout_s)

    def _turn(self, step: int) -> None:
        self._number += step
        self._ask()

    def _ask(self) -> None:
        asked = (self._knobs.model_dump_json(), self._number)
        if self._in_front and asked != self._shown:
            if self._shown is None:
                self._told.value = message("Reading the data set ...")
            self._latest.ask(self._make)

    def _make(self) -> None:
        knobs, number = self._knobs, self._number
        preview = self._maker(knobs, number)
        self._shown = (knobs.model_dump_json(), number)
        if preview.problem:
            self._show_problem(preview.problem)
            return
        self._told.value = told_html(preview)
        self._pictures.value = pictures_html(preview)

    def _show_problem(self, told: str) -> None:
        self._told.value = message(told, bad=True)
        self._pictures.value = ""


def told_html(preview: Preview) -> str:
    """Which page it is, and what the data set is like; escaped."""
    return (
        f"<b>{escape(preview.name)}</b> <span class='wb-muted'>page {preview.number + 1} of {preview.num_pages}. "
        f"{escape(preview.told)}</span>"
    )


def pictures_html(preview: Preview) -> str:
    """The pictures with their outlines, side by side; escaped."""
    return f"<div class='wb-pictures-row'>{''.join(_figure(one, preview.name) for one in preview.pictures)}</div>"


def _figure(picture: Picture, name: str) -> str:
    outlines = "".join(
        f"<polygon points='{' '.join(f'{x},{y}' for x, y in outline)}' fill='none' "
        f"stroke='{_COLOURS[number % len(_COLOURS)]}' stroke-width='1.2'>{_title(picture, number)}</polygon>"
        for number, outline in enumerate(picture.outlines)
    )
    told = f"{escape(name)}, {escape(picture.note)}"
    return (
        f"<figure><svg viewBox='0 0 {picture.width} {picture.height}' role='img' aria-label='{told}'>"
        f"<image href='{escape(picture.data)}' width='{picture.width}' height='{picture.height}'/>{outlines}</svg>"
        f"<figcaption>{escape(picture.note)}</figcaption></figure>"
    )


def _title(picture: Picture, number: int) -> str:
    return f"<title>{escape(picture.labels[number])}</title>" if number < len(picture.labels) else ""
