"""Pages to be looked at, made in a process of its own: ``python -m workbench.measure.trial.preview``.

It reads requests from stdin, one JSON line each, and answers on stdout likewise. So the libraries that a chain needs
are imported once, and never by whoever asks. Standard input is its leash: when it closes, the process ends.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from workbench.errors import WorkbenchError
from workbench.files import child_environment
from workbench.knobs.knobs import Knobs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Pictures are made no larger than this; polygons are given in the pixels of the picture.
_SIDE_PX = 560
_QUALITY = 82

Outline = list[tuple[float, float]]


class Picture(BaseModel):
    """A picture with outlines on it.

    Attributes:
        data: The image as a ``data:`` address.
        width: Of the picture, in pixels.
        height: Likewise.
        outlines: Polygons in pixels of the picture.
        labels: A text for each of them, or none at all.
        note: What the picture shows.
    """

    model_config = ConfigDict(frozen=True)

    data: str
    width: int
    height: int
    outlines: list[Outline] = []
    labels: list[str] = []
    note: str = ""


class Preview(BaseModel):
    """The answer to a request: a page, or what is wrong with the data set.

    Attributes:
        number: The page's number in the data set, from 0.
        num_pages: Pages in the data set.
        name: The page's name.
        told: What the data set is like, in words.
        pictures: The page as it lies in its folder, then what the chain makes of it.
        problem: What is wrong; empty where nothing is.
    """

    model_config = ConfigDict(frozen=True)

    number: int = 0
    num_pages: int = 0
    name: str = ""
    told: str = ""
    pictures: list[Picture] = []
    problem: str = ""


class PreviewMaker:
    """Asks the process for previews, one at a time; starts it when it is asked for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, knobs: Knobs, number: int) -> Preview:
        """The page of that number, with these knobs. Waits for the answer.

        Args:
            knobs: Data set, decoder, chain.
            number: The page's number; beyond either end it goes round.
        """
        request = json.dumps({"knobs": knobs.model_dump(), "number": number})
        with self._lock:
            process = self._running()
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(request + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except OSError as error:
                answer, told = "", str(error)
            else:
                told = "it ended" if not answer else ""
            if not answer:
                self._end()
                return Preview(problem=f"the process that makes previews is gone ({told}); ask again")
        return Preview.model_validate_json(answer)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workbench.measure.trial.preview"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
                env=child_environment(),
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def main() -> int:
    """Answer requests until standard input closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    surveys: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = _answer(Knobs.parse(request["knobs"]), int(request["number"]), surveys)
        except WorkbenchError as error:
            answer = Preview(problem=str(error))
        except Exception as error:  # whatever it is, whoever asked waits for an answer
            answer = Preview(problem=f"{type(error).__name__}: {error}")
        answers.write(answer.model_dump_json() + "\n")
        answers.flush()
    return 0


def _answer(knobs: Knobs, number: int, surveys: dict[str, Any]) -> Preview:
    from workbench.workloads.ocr.page_preview import preview_page
    from workbench.workloads.ocr.preflight import survey_pages

    asked = knobs.model_dump_json(include={"dataset", "annotations", "annotation_format", "num_pages"})
    if asked not in surveys:
        surveys.clear()
        surveys[asked] = survey_pages(knobs)
    pages, counts = surveys[asked]
    number %= len(pages)
    shown = preview_page(pages[number], knobs)
    height, width = shown.image.shape[:2]
    pictures = [
        _picture(shown.image, shown.polygons, f"as it lies in its folder: {width} x {height} px", list(shown.words)),
        _picture(shown.input, shown.input_polygons, f"after the chain: {knobs.image_size} x {knobs.image_size} px"),
    ]
    if shown.shrink_map is not None:
        levels = (shown.shrink_map * 255.0).astype("uint8")
        pictures.append(_picture(levels, (), "the target: where the detector is to find words"))
    dropped = f", {shown.dropped_words} of this page's words lost on the way" if shown.dropped_words else ""
    notes = "".join(f" {note}" for note in counts.notes)
    words = f"{counts.num_words} words ({counts.num_ignored_words} ignored)"
    told = f"{counts.num_pages} pages with {words}{dropped}.{notes}"
    return Preview(number=number, num_pages=len(pages), name=shown.name, told=told, pictures=pictures)


def _picture(
    pixels: npt.NDArray[np.uint8], polygons: tuple[Any, ...], note: str, labels: list[str] | None = None
) -> Picture:
    from PIL import Image

    image = Image.fromarray(pixels)
    width = image.width
    image.thumbnail((_SIDE_PX, _SIDE_PX))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    scale = image.width / width
    outlines = [[(round(float(x) * scale, 1), round(float(y) * scale, 1)) for x, y in one] for one in polygons]
    data = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Picture(
        data=data, width=image.width, height=image.height, outlines=outlines, labels=labels or [], note=note
    )


if __name__ == "__main__":
    sys.exit(main())
