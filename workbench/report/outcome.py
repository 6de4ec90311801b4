"""What a headless notebook leaves: for its reader, and for the command that had it run."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.explain.figures.html_table import sentence_html
from workbench.files import expanded, reports_dir
from workbench.records import Comparison, Failure
from workbench.records.run_folder import COMPARISON, STATE, is_there, write_json

#: Kind of a notebook output that holds results by name.
RESULT_MIME = "application/vnd.workbench.result+json"

#: Folders in a folder of results.
COMPARISONS, TUNINGS = "comparisons", "tunings"


def results_folder(reports: str | Path | None) -> Path:
    """The folder that a notebook's `reports` or a command's `--out` means, made where it isn't there.

    Args:
        reports: A folder; nothing means the workbench's own.

    Raises:
        BadInput: Where no folder can be made of it.
    """
    folder = expanded(reports).resolve() if reports else reports_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = Problem(f"cannot be used as a folder ({error.strerror})", str(folder), "Name another one")
        raise BadInput("folder for the results", [problem]) from None
    return folder


def fresh_name(prefix: str = "") -> str:
    """A name that sorts by time and that nobody else has: ``"compare-20260131-120000-1a2b3c"``."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return "-".join(filter(None, (prefix, stamp, secrets.token_hex(3))))


def new_comparison_folder(reports: Path) -> Path:
    """A fresh folder for a comparison under `reports`; it is made by whoever writes there."""
    return reports / COMPARISONS / fresh_name()


def interrupted_comparisons(reports: Path) -> list[Path]:
    """The folders of comparisons under `reports` that have not come to their end, oldest first."""
    begun = sorted((reports / COMPARISONS).glob(f"*/{STATE}"))
    return [path.parent for path in begun if not is_there(path.parent / COMPARISON)]


def save_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write `comparison.json` into a folder, and give that folder."""
    write_json(folder / COMPARISON, comparison)
    return folder


def headline(sentence: str) -> Any:
    """A sentence as the headline of a page: large up to its first semicolon, which what follows explains."""
    from IPython.display import HTML

    style = "font-size:1.35em;line-height:1.35;border:0"
    lead, mark, rest = sentence.partition("; ")
    text = sentence_html(lead)
    if rest:
        small = "font-size:.78em;font-weight:400"
        text += (
            f"<span class='wb-joint'>{mark}</span><span class='wb-rest' style='{small}'>{sentence_html(rest)}</span>"
        )
    return HTML(f"<h2 class='wb-answer' style='{style}'>{text}</h2>")  # type: ignore[no-untyped-call]


def hand_over(**paths: Path) -> None:
    """Show where results lie, for the reader and, by name, for `notebook_run`."""
    from IPython.display import display

    named = {name: str(path) for name, path in paths.items()}
    lines = [f"{name.replace('_', ' ').capitalize()}: {path}" for name, path in named.items()]
    display({RESULT_MIME: named, "text/plain": "\n".join(lines)}, raw=True)  # type: ignore[no-untyped-call]


def results_of(notebook: Any) -> dict[str, Path]:
    """What an executed notebook has handed over.

    Args:
        notebook: An `nbformat` notebook.
    """
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    handed = [output.data[RESULT_MIME] for output in outputs if RESULT_MIME in output.get("data", ())]
    return {name: Path(path) for results in handed for name, path in results.items()}


def describe_failure(failure: Failure) -> str:
    """A failed trial in sentences: what it was doing, what happened, and the last lines that it wrote to stderr."""
    text = f"The trial failed while in phase '{failure.phase}' ({failure.kind}): {failure.message}"
    return "\n\n".join(filter(None, (text, describe_stderr(failure))))


def describe_stderr(failure: Failure) -> str:
    """The last lines that a failed trial wrote to stderr; empty where there are none."""
    return f"Last lines of its stderr:\n{failure.stderr_tail}" if failure.stderr_tail else ""
