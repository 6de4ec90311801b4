"""Tune: how far from the best is the setting that a search ends with, and does its interval hold the true gain?

Every setting of two small spaces is run in several blocks: the text detector's pipeline, and a script of a user's own.
Searches are then replayed from these trials: a trial by itself is one of those that were recorded, a block draws what
scatters from blocks in turns that ran for real, and the clock moves on as they did. In what is replayed the mean of a
setting's trials is the truth. Other tuners take the best of single trials, from the same trials, in the same time.

A part of the first space, whose best settings are close, is searched as well. The trials are so short that single ones
of all settings fit into the time, so that all is taken once more with a start-up that is longer, as that of most
training programs is ("simulated": only the clock knows of it). Two searches run for real.

About 80 minutes, of which the recording takes 35; `--recorded DIR` keeps it, and goes on from it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import scipy
from promise.figure import Figure, finish
from promise.other_tuners import OTHERS
from promise.recorded_space import RecordedSpace, Replay, record_space

from workbench.explain.tuning.screening import name_of
from workbench.explain.words.tuning import tuning_headline
from workbench.files import cache_dir
from workbench.knobs.joined import parse_knobs
from workbench.knobs.space import Space, space_of
from workbench.measure.comparison.run import run_comparison
from workbench.records import Tuning
from workbench.report.tuning.search import begin_search, run_search
from workbench.workloads.ocr.synthetic.draw import VERSION, draw_pages

BLOCKS = 3

#: What trials take longer to begin, where single ones of all settings are not to fit into the time.
LONGER_STARTUP_S = 20.0

#: Minutes of a search, and what its trials take longer to begin.
BUDGETS = ((10.0, 0.0), (20.0, 0.0), (10.0, LONGER_STARTUP_S), (20.0, LONGER_STARTUP_S))
NOTHING_MIN = 10.0

#: Of each search this many of identical settings, and of other tuners: rare errors and small differences need more.
TIMES_AS_MANY = 5

MOST_REGRET, LEAST_GOOD, LEAST_NOTHING, LEAST_HELD = 0.02, 0.9, 0.95, 0.93
REAL_MIN = 10.0

OCR = {"num_pages": 64, "batch_size": 8, "num_steps": 24, "num_workers": 2, "checked_samples": 2}
OCR_GRID = (
    "num_workers=0,1,2",
    "cache=none,decoded,prepared",
    "normalize=albumentations,device",
    "targets=compute,cached",
)

#: The value without which the best settings of the text detector are nearer to each other than single trials can tell.
CLOSER = ("num_workers", 0)

SCRIPT = {"workload": "observed", "num_steps": 40}
SCRIPT_GRID = ("num_workers=0,1", "prefetch_factor=4", "persistent_workers=true", "cache=none,decoded")


@dataclass(frozen=True)
class Outcome:
    """How a search ended.

    Attributes:
        regret: Share of the best setting's throughput that is lost with the one that it ended with.
        holds: Whether the reported interval holds the true gain; None: nothing was reported.
        answer: Its verdict, "nothing" where none was needed, or "open" where it asks for more time.
    """

    regret: float
    holds: bool | None
    answer: str


def ocr_space() -> Space:
    """The text detector's pipeline, of drawn pages."""
    pages = cache_dir() / f"tune-pages-{VERSION}"
    draw_pages(pages, count=64, seed=0)
    baseline = parse_knobs({**OCR, "dataset": str(pages), "device": "replay", "replay_ms_per_sample": 2.0})
    return space_of(baseline, axes=OCR_GRID, cores=len(os.sched_getaffinity(0)))


def script_space() -> Space:
    """A script of a user's own, observed as it is."""
    script = Path(__file__).resolve().parents[1] / "examples/own_script/train.py"
    command = shlex.join([sys.executable, str(script), "--epochs", "50"])
    baseline = parse_knobs({**SCRIPT, "command": command, "folder": str(script.parent)})
    return space_of(baseline, axes=SCRIPT_GRID, cores=len(os.sched_getaffinity(0)))


def search(
    recorded: RecordedSpace, minutes: float, seed: int, *, identical: bool = False, startup_s: float = 0.0
) -> tuple[Tuning, Replay]:
    """A search that is replayed."""
    replay = Replay(recorded, seed, identical=identical, startup_s=startup_s)
    with tempfile.TemporaryDirectory() as folder:
        state = begin_search(Path(folder), recorded.space, minutes=minutes, clock=replay.clock)
        state.change(runs=str(recorded.runs), seed=seed)
        compare = partial(
            run_comparison,
            clock=replay.clock,
            launch=replay.launch,
            run_slices=replay.run_slices,
            make_template=lambda to_import: None,
        )
        tuning = run_search(state, launch=replay.launch, compare=compare, open_predictor=recorded.predictor)
    return tuning, replay


def outcome(
    recorded: RecordedSpace, minutes: float, seed: int, *, identical: bool = False, startup_s: float = 0.0
) -> Outcome:
    """How a replayed search ended, beside the truth."""
    tuning, replay = search(recorded, minutes, seed, identical=identical, startup_s=startup_s)
    taken = tuning.winner if tuning.verdict == "faster" and tuning.winner else {}
    best = max(replay.true(setting) for setting in recorded.settings)
    holds = None
    if tuning.gain is not None and tuning.gain.ci95 is not None and tuning.winner:
        low, high = tuning.gain.ci95
        holds = bool(low <= np.exp(replay.true(tuning.winner)) <= high)
    answer = "open" if tuning.stop == "no_time" else tuning.verdict or "nothing"
    return Outcome(regret_of(replay.true(taken), best), holds, answer)


def measure(recorded: dict[str, RecordedSpace], searches: int) -> Iterator[Figure]:
    """All figures that are replayed."""
    outcomes: list[Outcome] = []
    for name, space in recorded.items():
        origin = (
            f"replayed from {BLOCKS} recorded trials of each of {len(space.settings)} settings ({space.trial_s:.1f} s "
            f"a trial; trials in turns scatter by {space.residuals().std() * 100:.1f} %, others by "
            f"{space.scatter * 100:.1f} %)"
        )
        for minutes, startup_s in BUDGETS:
            found = [outcome(space, minutes, seed, startup_s=startup_s) for seed in range(searches)]
            outcomes += found
            yield from regret_figures(name, minutes, startup_s, found, space, origin)
        nothing = [outcome(space, NOTHING_MIN, seed, identical=True) for seed in range(TIMES_AS_MANY * searches)]
        outcomes += nothing
        yield share_figure(
            f"{name}: identical settings, nothing to gain",
            [found.answer not in ("faster", "open") for found in nothing],
            LEAST_NOTHING,
            f"searches of {NOTHING_MIN:g} min; {origin}",
        )
    held = [found.holds for found in outcomes if found.holds is not None]
    yield share_figure(
        "reported interval holds the true gain of the winner",
        held,
        LEAST_HELD,
        f"all searches that ended with an interval; the winner was chosen from many; {len(outcomes)} searches",
    )


def regret_figures(
    name: str, minutes: float, startup_s: float, found: Sequence[Outcome], space: RecordedSpace, origin: str
) -> Iterator[Figure]:
    """Regret of the search, and of others in the same time.

    Where single trials of all settings fit into that time, others may well find the best, and nobody can be below.
    """
    all_fit = len(space.settings) * (space.trial_s + startup_s) <= minutes * 60.0
    title = f"{name}, {minutes:g} min"
    if startup_s:
        title += f", start-up {startup_s:g} s longer (simulated)"
    regrets = np.array([outcome.regret for outcome in found])
    detail = f"regret: median {np.median(regrets) * 100:.2f} %, largest {regrets.max() * 100:.1f} %; {origin}"
    yield share_figure(f"{title}: searches within 2 % of the best", list(regrets <= MOST_REGRET), LEAST_GOOD, detail)
    for other, tuner in OTHERS.items():
        theirs = []
        for seed in range(TIMES_AS_MANY * len(found)):
            replay = Replay(space, 10_000 + seed, startup_s=startup_s)
            taken = tuner(space, replay, minutes * 60.0, seed)
            best = max(replay.true(setting) for setting in space.settings)
            theirs.append(regret_of(replay.true(taken), best))
        own, others = float(regrets.mean()), float(np.mean(theirs))
        interval = difference_interval(regrets, np.array(theirs))
        words = f"mean regret {own * 100:.2f} % of {len(found)} searches, {others * 100:.2f} % of {len(theirs)}"
        fit = f"single trials of all {len(space.settings)} settings {'' if all_fit else 'do not '}fit into the time"
        yield Figure(
            f"{title}: mean regret less that of {other}",
            (own - others) * 100,
            "percentage points",
            "< 0, or both 0" if all_fit else "< 0, interval and all",
            own < others or own == others == 0.0 if all_fit else interval[1] < 0.0,
            interval,
            f"{words}; {other} takes the best of single trials; {fit}",
        )


def regret_of(taken: float, best: float) -> float:
    """Share of the best throughput that is lost, by the logs of both."""
    return float(1.0 - np.exp(taken - best))


def difference_interval(own: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """95 % interval of the difference of two means, in percentage points (Welch)."""
    found = scipy.stats.ttest_ind(own, theirs, equal_var=False).confidence_interval(0.95)
    return float(found.low) * 100, float(found.high) * 100


def share_figure(name: str, found: Sequence[bool | None], goal: float, detail: str) -> Figure:
    """A share of searches with its exact interval."""
    count, of = sum(map(bool, found)), len(found)
    if not of:
        return Figure(name, None, "share", f">= {goal:g}", False, None, "no search ended so")
    interval = scipy.stats.binomtest(count, of).proportion_ci(0.95)
    words = f"{count} of {of}; {detail}"
    return Figure(name, count / of, "share", f">= {goal:g}", count / of >= goal, tuple(interval), words)


def real_search(name: str, recorded: RecordedSpace, say: Callable[[str], None]) -> Figure:
    """A search with real trials, whose end is looked up in what was recorded before."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        state = begin_search(Path(folder), recorded.space, minutes=REAL_MIN)
        tuning = run_search(state, on_text=say)
    true = recorded.true
    taken = tuning.winner if tuning.verdict == "faster" and tuning.winner else {}
    regret = regret_of(true[name_of(taken)], max(true.values()))
    return Figure(
        f"{name}: regret of a real search of {REAL_MIN:g} min",
        regret * 100,
        "%",
        "<= 2",
        regret <= MOST_REGRET,
        None,
        f"{tuning_headline(tuning)}; took {tuning.spent.total_s:.0f} s; against means of {BLOCKS} recorded trials",
    )


def main() -> None:
    """Take the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the figures to this file as JSON")
    parser.add_argument("--recorded", type=Path, help="where the recorded trials are kept")
    parser.add_argument("--searches", type=int, default=10, help="replayed searches of each kind")
    parser.add_argument("--record-only", action="store_true", help="take the trials, and no figure")
    parser.add_argument("--replayed-only", action="store_true", help="leave out the searches with real trials")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.recorded or Path(scratch)
        say = partial(print, file=sys.stderr, flush=True)
        spaces = {"ocr": ocr_space(), "script": script_space()}
        recorded = {name: record_space(space, folder / name, blocks=BLOCKS, say=say) for name, space in spaces.items()}
        if arguments.record_only:
            return
        closer = {f"ocr without {CLOSER[0]}={CLOSER[1]}": recorded["ocr"].without(*CLOSER)}
        figures = list(measure({**recorded, **closer}, arguments.searches))
        if not arguments.replayed_only:
            figures += [real_search(name, space, say) for name, space in recorded.items()]
        finish(figures, arguments.out)


if __name__ == "__main__":
    main()
