"""The data set: a sample at a time, on its way from what lies there to what the model gets."""

from __future__ import annotations

from html import escape
from typing import Protocol

import ipywidgets as widgets

from workbench.knobs.knobs import Knobs
from workbench.measure.trial.preview import EncodedPicture, PreviewAnswer
from workbench.panel.display import message
from workbench.panel.run_queue import Debounced

_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")


class Maker(Protocol):
    """Makes previews; see `measure.trial.preview.PreviewMaker`."""

    def __call__(self, knobs: Knobs, number: int) -> PreviewAnswer:
        """The sample of that number, with these knobs."""


class SamplePreview:
    """Shows a sample at a time.

    Args:
        maker: Makes previews; waited for in a thread.
        knobs: Of the data set.

    Attributes:
        widget: To be placed.
    """

    def __init__(self, maker: Maker, knobs: Knobs) -> None:
        self._maker = maker
        self._knobs = knobs
        self._number = 0
        self._in_front = False
        self._shown: tuple[str, int] | None = None
        self._caption = widgets.HTML(layout={"flex": "1 1 auto"})
        self._pictures = widgets.HTML()
        self._latest = Debounced(self._show_problem)
        back = widgets.Button(icon="chevron-left", tooltip=f"the {knobs.item} before", layout={"width": "40px"})
        forth = widgets.Button(icon="chevron-right", tooltip=f"the next {knobs.item}", layout={"width": "40px"})
        back.on_click(lambda button: self._turn(-1))
        forth.on_click(lambda button: self._turn(1))
        head = widgets.HBox([back, forth, self._caption], layout={"align_items": "center"})
        self.widget = widgets.VBox([head, self._pictures])

    def set_knobs(self, knobs: Knobs) -> None:
        """Preview with these knobs, once the preview can be seen."""
        if knobs.data_settings() != self._knobs.data_settings():
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
                self._caption.value = message("Reading the data set ...")
            self._latest.ask(self._make)

    def _make(self) -> None:
        knobs, number = self._knobs, self._number
        answer = self._maker(knobs, number)
        self._shown = (knobs.model_dump_json(), number)
        if answer.problem:
            self._show_problem(answer.problem)
            return
        self._caption.value = caption_html(answer, knobs.item)
        self._pictures.value = pictures_html(answer)

    def _show_problem(self, text: str) -> None:
        self._caption.value = message(text, bad=True)
        self._pictures.value = ""


def caption_html(answer: PreviewAnswer, item: str) -> str:
    """Which sample it is, and what the data set is like; escaped."""
    return (
        f"<b>{escape(answer.name)}</b> <span class='wb-muted'>{escape(item)} {answer.number + 1} of "
        f"{answer.num_samples}. {escape(answer.summary)}</span>"
    )


def pictures_html(answer: PreviewAnswer) -> str:
    """The pictures with their outlines, side by side; escaped."""
    figures = "".join(_figure(picture, answer.name) for picture in answer.pictures)
    return f"<div class='wb-pictures-row'>{figures}</div>"


def _figure(picture: EncodedPicture, name: str) -> str:
    outlines = "".join(
        f"<polygon points='{' '.join(f'{x},{y}' for x, y in outline)}' fill='none' "
        f"stroke='{_COLOURS[number % len(_COLOURS)]}' stroke-width='1.2'>{_title(picture, number)}</polygon>"
        for number, outline in enumerate(picture.outlines)
    )
    label = f"{escape(name)}, {escape(picture.note)}"
    return (
        f"<figure><svg viewBox='0 0 {picture.width} {picture.height}' role='img' aria-label='{label}'>"
        f"<image href='{escape(picture.data)}' width='{picture.width}' height='{picture.height}'/>{outlines}</svg>"
        f"<figcaption>{escape(picture.note)}</figcaption></figure>"
    )


def _title(picture: EncodedPicture, number: int) -> str:
    return f"<title>{escape(picture.labels[number])}</title>" if number < len(picture.labels) else ""
