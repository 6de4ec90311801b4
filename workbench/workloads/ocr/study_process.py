"""The study of the transforms in a process of its own: ``python -m workbench.workloads.ocr.study_process FOLDER``.

Reads `knobs.json` from the folder and leaves `transforms.json` there; progress goes to stdout, a line for each round.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.files import child_environment
from workbench.records.in_use import Hold
from workbench.records.run_folder import new_run_folder, read_knobs, write_json
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.transform_study import TransformStudy

TRANSFORMS = "transforms.json"

_BAD_INPUT = 2


def run_study(knobs: OcrKnobs, runs: Path, *, on_round: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Study the validation chain.

    Args:
        knobs: Pages, decoder, normalization, size and targets.
        runs: Folder of run folders; the study makes its own in it.
        on_round: Called with the rounds done, and all rounds.

    Returns:
        The folder with the study in it.

    Raises:
        BadInput: For knobs that aren't about this chain, and for what is wrong with the pages.
        WorkbenchError: Where the process ended otherwise.
    """
    check_study(knobs)
    folder = new_run_folder(runs, knobs)
    held = Hold(folder)
    command = [sys.executable, "-m", "workbench.workloads.ocr.study_process", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=child_environment()) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            done, _, total = line.strip().partition("/")
            if done.isdigit() and total.isdigit():  # and not something that a library prints
                on_round(int(done), int(total))
        message = process.stderr.read().strip()
    held.release()
    if process.returncode == 0:
        return folder
    if process.returncode == _BAD_INPUT:
        raise BadInput("transforms", [Problem(message)])
    raise WorkbenchError(f"the study of the transforms ended with exit code {process.returncode}: {message[-2000:]}")


def check_study(knobs: OcrKnobs) -> None:
    """See whether the knobs are about the validation chain of albumentations.

    Raises:
        BadInput: With all that aren't.
    """
    problems = []
    if knobs.mode != "validate":
        problems.append(Problem("only the validation chain is studied", "mode", "Take mode=validate"))
    if knobs.transforms != "albumentations":
        problems.append(Problem("there are no transforms to look at", "transforms", "Take transforms=albumentations"))
    if knobs.cache != "none":
        problems.append(Problem("pages are decoded once and then transformed", "cache", "Take cache=none"))
    if problems:
        raise BadInput("transforms", problems)


def read_study(folder: Path) -> TransformStudy:
    """The study that a folder holds."""
    return TransformStudy.model_validate_json((folder / TRANSFORMS).read_text(encoding="utf-8"))


def main() -> int:
    """Study, and leave the figures. Returns 0, or 2 for bad input."""
    from workbench.workloads.ocr.description import in_force
    from workbench.workloads.ocr.pages.survey import survey_pages
    from workbench.workloads.ocr.time_transforms import study_transforms

    folder = Path(sys.argv[1])
    knobs = read_knobs(folder)
    assert isinstance(knobs, OcrKnobs)
    try:
        pages, counts = survey_pages(knobs)
        study = study_transforms(
            pages, in_force(knobs, counts), on_round=lambda done, total: print(f"{done}/{total}", flush=True)
        )
    except BadInput as error:
        print(error, file=sys.stderr)
        return _BAD_INPUT
    write_json(folder / TRANSFORMS, study)
    return 0


if __name__ == "__main__":
    sys.exit(main())
