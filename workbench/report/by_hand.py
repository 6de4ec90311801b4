"""What a comparison that is run by hand needs of a report: a folder, a rule to stop by, its judgement, and the HTML."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.knobs.knobs import Knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import ComparisonRun
from workbench.measure.comparison.variants import check_variants
from workbench.measure.trial.process_tree import ProcessTree
from workbench.records import Comparison, Policy, Record
from workbench.report.outcome import new_comparison_folder, save_comparison
from workbench.report.verdicts import compare_run, stopping_rule

_REPORT = "Report: "
_POLL_S = 0.05


class Judging:
    """Opens, judges and exports the comparisons of a reports folder.

    Args:
        reports: The folder for the results.
    """

    def __init__(self, reports: Path) -> None:
        self.reports = reports

    def open(self, variants: Mapping[str, Knobs], num_blocks: int) -> Journal:
        """A comparison of these variants, the baseline first.

        Raises:
            BadInput: For variants that cannot be compared, or a data set that cannot be used.
        """
        check_variants(variants)
        seed = next(iter(variants.values())).seed
        folder = new_comparison_folder(self.reports)
        return Journal.begin(folder, variants, runs=self.reports / "runs", seed=seed, num_blocks=num_blocks)

    def go_on(self, folder: Path, num_blocks: int) -> Journal:
        """A comparison that was cancelled, or is to have more blocks.

        Raises:
            BadInput: Where there is none in the folder.
        """
        return Journal.resume(folder, num_blocks=num_blocks)

    def stopping_rule(self, policy: Policy) -> Callable[[Mapping[str, Sequence[Record]]], bool]:
        """Says of the records so far whether every verdict is clear."""
        return stopping_rule(policy)

    def judge(self, compared: ComparisonRun, folder: Path) -> Comparison:
        """The comparison, which is written into the comparison's folder."""
        comparison = compare_run(compared)
        save_comparison(comparison, folder)
        return comparison

    def export(self, folder: Path, cancel: threading.Event) -> Path:
        """The comparison as one HTML file, made by the command that makes it of any comparison: it finds all trials done.

        Args:
            folder: Folder of a comparison that has ended.
            cancel: When set, the export ends.

        Raises:
            WorkbenchError: Where there is no report in the end; what the command said.
        """
        command = [sys.executable, "-m", "workbench", "compare", "--resume", str(folder), "--out", str(self.reports)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        told = _Told(process)
        while process.poll() is None and not cancel.wait(_POLL_S):
            pass
        if process.poll() is None:
            ProcessTree(process).end()
        out, err = told.all()
        paths = [line.removeprefix(_REPORT) for line in out.splitlines() if line.startswith(_REPORT)]
        if not paths:
            why = "cancelled" if cancel.is_set() else (err.strip() or out.strip())[-2000:]
            raise WorkbenchError(f"the report was not made: {why}")
        return Path(paths[-1])


class _Told:
    """Reads both pipes of a process, so that neither fills up."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._texts = ["", ""]
        pipes = (process.stdout, process.stderr)
        self._threads = [
            threading.Thread(target=self._read, args=(number, pipe), daemon=True) for number, pipe in enumerate(pipes)
        ]
        for thread in self._threads:
            thread.start()

    def all(self) -> tuple[str, str]:
        """What was written to stdout and stderr."""
        for thread in self._threads:
            thread.join(timeout=5.0)
        return self._texts[0], self._texts[1]

    def _read(self, number: int, pipe: object) -> None:
        with pipe as stream:  # type: ignore[attr-defined]
            self._texts[number] = stream.read()
