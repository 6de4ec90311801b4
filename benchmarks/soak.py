"""Long use: does anything grow? A working day of trials, comparisons and reports in half an hour, with the lab open.

One process runs trials, comparisons and reports through the public functions, as a notebook of a user's own would; in a
JupyterLab beside it the panel runs trials; `workbench clean` keeps the newest results. After every step it is sampled
what either process holds, and what lies on the disk. A figure is the slope of a line through the samples after the
warm-up, and it is met only where the whole 95 % interval lies below its bound.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from promise.figure import Figure, finish
from promise.lab_kernel import LabKernel, lab_kernel
from promise.long_use import Samples, repeatedly
from promise.slope import slope

from workbench.commands.headless import run_headless
from workbench.files import child_environment
from workbench.knobs.joined import parse_knobs
from workbench.measure.comparison.journal import Journal
from workbench.measure.comparison.run import run_comparison
from workbench.measure.trial.launcher import run_trial
from workbench.records import Slicing
from workbench.report.outcome import new_comparison_folder, save_comparison
from workbench.report.verdicts import compare_run

#: Rounds in half an hour, and what is in a round: 300 trials, 40 comparisons and 20 reports in all.
ROUNDS, HALF_HOUR_MIN = 20, 30.0
TRIALS, LAB_TRIALS, COMPARISONS, REPORTS = 10, 5, 2, 1

#: The first part, in which all is loaded that is loaded once; and so many results stay, by rounds, that the folder has
#: its size by the end of it.
WARM_UP_SHARE, KEEP_SHARE = 0.3, 0.25

#: Slices as short as can be: a comparison is to take seconds, and nobody reads its verdict.
SLICING = Slicing(slice_s=0.3, rounds=1, least_steps=2)

TOY = {
    "workload": "examples.toy_workload:Toy", "num_images": 16, "image_side": 16, "batch_size": 4, "num_workers": 1,
    "num_steps": 4, "warmup_steps": 1, "device": "replay", "replay_ms_per_sample": 0.1, "checked_samples": 2,
    "isolated_samples": 2,
}  # fmt: skip

#: Most growth per step of use, by what was sampled: unit, factor to it, bound. A day has some 360 steps.
BOUNDS = {
    "caller objects": ("", 1.0, 10.0),
    "caller own bytes": ("kB", 1e-3, 50.0),
    "caller descriptors": ("", 1.0, 0.01),
    "caller threads": ("", 1.0, 0.01),
    "caller processes": ("", 1.0, 0.01),
    "kernel own bytes": ("kB", 1e-3, 100.0),
    "kernel descriptors": ("", 1.0, 0.01),
    "kernel threads": ("", 1.0, 0.01),
    "kernel processes": ("", 1.0, 0.01),
    "/dev/shm entries": ("", 1.0, 0.01),
    "/dev/shm bytes": ("kB", 1e-3, 1.0),
    "temporary entries": ("", 1.0, 0.01),
    "results bytes": ("kB", 1e-3, 20.0),
    "cache bytes": ("kB", 1e-3, 1.0),
    "history, times that of nothing": ("", 1.0, 0.002),
}


def measure(minutes: float) -> list[Figure]:
    """All figures.

    Args:
        minutes: How long it takes, about: the number of rounds is laid out for that.
    """
    rounds = max(1, round(ROUNDS * minutes / HALF_HOUR_MIN))
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        os.environ["WORKBENCH_CACHE"] = str(folder / "cache")
        (folder / "cache").mkdir()
        (folder / "reports").mkdir()
        with lab_kernel(folder / "lab") as kernel:
            return Use(folder / "reports", kernel, keep=max(1, round(KEEP_SHARE * rounds))).figures(rounds)


class Use:
    """A day's use.

    Args:
        reports: The folder of results.
        kernel: The lab's kernel.
        keep: How many results stay when it is cleaned.
    """

    def __init__(self, reports: Path, kernel: LabKernel, *, keep: int) -> None:
        self._reports = reports
        self._kernel = kernel
        self._keep = keep
        self._samples = Samples(reports, kernel.pid)
        self._steps = 0
        self._began_s = time.perf_counter()
        self._kernel.run(
            "import gc\nfrom pathlib import Path\nfrom workbench.knobs.joined import parse_knobs\n"
            "from workbench.panel.workbench_panel import Workbench\n"
            f"workbench = Workbench(Path({str(reports)!r}), parse_knobs({TOY!r}))\ndisplay(workbench)"
        )

    def figures(self, rounds: int) -> list[Figure]:
        """Use it for so many rounds, and see what has grown."""
        steps = (
            (TRIALS, self.trial),
            (LAB_TRIALS, self.lab_trial),
            (COMPARISONS, self.comparison),
            (REPORTS, self.report),
        )
        repeatedly(rounds, *steps, (2, self.clean), after=self.sample)
        counts = (
            f"{rounds * (TRIALS + LAB_TRIALS)} trials ({rounds * LAB_TRIALS} of them in the lab), "
            f"{rounds * COMPARISONS} comparisons, {rounds * REPORTS} reports, the newest {self._keep} kept"
        )
        return [self.figure(name, counts) for name in BOUNDS]

    def trial(self) -> None:
        """One trial."""
        record = run_trial(parse_knobs(TOY), self._reports / "runs")
        assert record.failure is None, record.failure

    def lab_trial(self) -> None:
        """One trial by the panel, whose figures are drawn."""
        self._kernel.run(
            "workbench.run({'seed': 0})\nworkbench.queue.wait_until_idle(60)\nworkbench.look.wait_until_drawn(60)\n"
            "_ = gc.collect()"
        )

    def comparison(self) -> None:
        """Two variants over two blocks."""
        knobs = parse_knobs(TOY)
        journal = Journal.begin(
            new_comparison_folder(self._reports),
            {"baseline": knobs, "no workers": knobs.changed(num_workers=0)},
            runs=self._reports / "runs",
            seed=0,
            num_blocks=2,
            slicing=SLICING,
        )
        save_comparison(compare_run(run_comparison(journal)), journal.folder)

    def report(self) -> None:
        """A trial with its page."""
        run_headless("profile", TOY, self._reports, trials_s=300.0, title="Where the time goes")

    def clean(self) -> None:
        """Old results go; and it is timed what the history takes."""
        command = [sys.executable, "-m", "workbench", "clean", "--yes", "--keep", str(self._keep)]
        command += ["--out", str(self._reports)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=child_environment())
        self._samples.take_cleaned(self._steps)

    def sample(self) -> None:
        """After each step."""
        self._steps += 1
        self._samples.take(self._steps)
        if self._steps % TRIALS == 0:
            print(f"{self._steps} steps after {time.perf_counter() - self._began_s:.0f} s", file=sys.stderr, flush=True)

    def figure(self, name: str, counts: str) -> Figure:
        """What has come of one of what was sampled."""
        unit, factor, most = BOUNDS[name]
        unit = f"{unit or name.split()[-1]} per step"
        goal = f"<= {most:g}"
        values = [value * factor for value in self._samples.values.get(name, ())]
        found = slope(self._samples.work.get(name, ()), values, warm_up=WARM_UP_SHARE * self._steps)
        if found is None:
            return Figure(name, None, unit, goal, False, detail=f"too few samples: {len(values)}; take more --minutes")
        if found.is_within(most):
            said = "does not grow"
        else:
            said = "grows" if found.surely_grows() else "cannot be told: take more --minutes"
        detail = f"{said}; from {values[0]:.5g} to {values[-1]:.5g}, {found.num_samples} samples; {counts}"
        return Figure(name, found.value, unit, goal, found.is_within(most), found.interval, detail)


def main() -> None:
    """Take the figures, write and print them, and exit: 0 only if every one is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    parser.add_argument("--minutes", type=float, default=HALF_HOUR_MIN, help="for how long, about")
    arguments = parser.parse_args()
    finish(measure(arguments.minutes), arguments.out)


if __name__ == "__main__":
    main()
