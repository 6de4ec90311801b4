"""Samples to be looked at, made in a process of its own: ``python -m workbench.measure.trial.preview``.

It reads requests from stdin, one JSON line each, and answers on stdout likewise. So the libraries that a workload needs
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
from workbench.knobs.joined import parse_knobs
from workbench.knobs.knobs import Knobs

if TYPE_CHECKING:
    from workbench.workload import Picture

#: Pictures are made no larger than this; outlines are given in the pixels of the picture.
_SIDE_PX = 560
_QUALITY = 82

Outline = list[tuple[float, float]]


class EncodedPicture(BaseModel):
    """A picture with outlines on it.

    Attributes:
        data: The image as a ``data:`` address.
        width: Of the picture, in pixels.
        height: Likewise.
        outlines: Closed outlines, x y in pixels of the picture.
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


class PreviewAnswer(BaseModel):
    """The answer to a request: a sample, or what is wrong with the data set.

    Attributes:
        number: The sample's number in the data set, from 0.
        num_samples: Samples in the data set.
        name: The sample's name.
        summary: The data set and this sample, in a line.
        pictures: From what lies in the data set to what the model gets.
        problem: What is wrong; empty where nothing is.
    """

    model_config = ConfigDict(frozen=True)

    number: int = 0
    num_samples: int = 0
    name: str = ""
    summary: str = ""
    pictures: list[EncodedPicture] = []
    problem: str = ""


class PreviewMaker:
    """Asks the process for previews, one at a time; starts it when it is asked for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, knobs: Knobs, number: int) -> PreviewAnswer:
        """The sample of that number, with these knobs. Waits for the answer.

        Args:
            knobs: Of the workload.
            number: The sample's number; beyond either end it goes round.
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
                answer, reason = "", str(error)
            else:
                reason = "it ended" if not answer else ""
            if not answer:
                self._end()
                return PreviewAnswer(problem=f"the process that makes previews is gone ({reason}); ask again")
        return PreviewAnswer.model_validate_json(answer)

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
    opened: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = _answer(parse_knobs(request["knobs"]), int(request["number"]), opened)
        except WorkbenchError as error:
            answer = PreviewAnswer(problem=str(error))
        except Exception as error:  # whatever it is, whoever asked waits for an answer
            answer = PreviewAnswer(problem=f"{type(error).__name__}: {error}")
        answers.write(answer.model_dump_json() + "\n")
        answers.flush()
    return 0


def _answer(knobs: Knobs, number: int, opened: dict[str, Any]) -> PreviewAnswer:
    from workbench.registry import make_workload
    from workbench.workload import Previews

    asked = knobs.model_dump_json()
    if asked not in opened:
        opened.clear()
        opened[asked] = make_workload(knobs)
    workload = opened[asked]
    if not isinstance(workload, Previews):
        return PreviewAnswer(problem=f"samples of the workload '{knobs.workload}' cannot be shown")
    shown = workload.preview(number)
    return PreviewAnswer(
        number=number % shown.num_samples,
        num_samples=shown.num_samples,
        name=shown.name,
        summary=shown.summary,
        pictures=[_encoded(picture) for picture in shown.pictures],
    )


def _encoded(picture: Picture) -> EncodedPicture:
    from PIL import Image

    image = Image.fromarray(picture.pixels)
    width = image.width
    image.thumbnail((_SIDE_PX, _SIDE_PX))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    scale = image.width / width
    return EncodedPicture(
        data=f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}",
        width=image.width,
        height=image.height,
        outlines=[
            [(round(float(x) * scale, 1), round(float(y) * scale, 1)) for x, y in outline]
            for outline in picture.outlines
        ],
        labels=list(picture.labels),
        note=picture.note,
    )


if __name__ == "__main__":
    sys.exit(main())
