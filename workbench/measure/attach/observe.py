"""One observed trial: a user's command from its start to the record. Runs in the trial's own process, beside it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.knobs.observed import DATA_LOADER_KNOBS, ObservedKnobs
from workbench.measure.attach.command import check_command, environment_of, folder_of, words_of
from workbench.measure.attach.looks import keep_looks
from workbench.measure.attach.profilers import ScriptProfilers, line_profiler_folder
from workbench.measure.attach.record import NothingCounted, make_record
from workbench.measure.attach.script import Ended
from workbench.measure.attach.seen import ProcessSeen, Seen, shared_folder
from workbench.measure.profilers.memory_over_time import tree_pss_bytes
from workbench.measure.profilers.profiler import ProfilerContext
from workbench.measure.timing.moment import Moment
from workbench.measure.timing.spans import Clock, monotonic_ns
from workbench.measure.trial.events import Event
from workbench.measure.trial.process_tree import adopt_orphans, collect_orphans, end_others
from workbench.observer.clock import pauses
from workbench.observer.session import SETTINGS
from workbench.observer.steps import warmup_steps
from workbench.records import Phase, Record
from workbench.records.run_folder import PROFILES
from workbench.units import NS_PER_S, format_duration

_POLL_S = 0.1

#: Without a sign of the observer for this time, it has not got in.
_HELLO_S = 30.0

#: Without a loader for this time, there is a message.
_NO_LOADER_S = 60.0

#: A script that has no more time than this is stopped: the trial's own time would be over soon.
_LEFT_S = 4.0

#: Samples that are looked at when all is counted may take so long.
_MOST_LOOKING_S = 60.0

#: Steps that are counted at least where whoever has started the trial says when there are enough.
_LEAST_STEPS = 2

OUTPUT = "stdout.txt"


class Observed:
    """Observes one command.

    Args:
        knobs: What is to be observed.
        folder: The run folder.
        started_ns: When this process was started, on the clock.
        on_event: Called with progress.
        clock: Reads the time.

    Attributes:
        phase: What the script is doing.
    """

    def __init__(
        self,
        knobs: ObservedKnobs,
        folder: Path,
        *,
        started_ns: int,
        on_event: Callable[[Event], None],
        clock: Clock = monotonic_ns,
    ) -> None:
        self.phase: Phase = "launch"
        self._knobs = knobs
        self._folder = folder
        self._on_event = on_event
        self._clock = clock
        self._told_no_loader = False
        self._pss: dict[str, int] = {}
        self._steps_done = self._weighed_after = 0
        self._profilers = ScriptProfilers(ProfilerContext(knobs, folder / PROFILES, clock))

    def run(self) -> Record:
        """Do it.

        Returns:
            The record of a trial that ended well.

        Raises:
            BadInput: For a command that cannot be observed.
            NothingCounted: Where the script ended before anything could be counted.
        """
        check_command(self._knobs)
        adopt_orphans()
        began = Moment()
        shared = shared_folder(self._folder)
        shared.mkdir(mode=0o700, exist_ok=True)  # the sockets of this process lie there
        seen = Seen(shared)
        try:
            return self._observe(seen, began)
        finally:
            end_others(began, also=seen.processes)
            collect_orphans()
            shutil.rmtree(shared, ignore_errors=True)

    def _observe(self, seen: Seen, began: Moment) -> Record:
        (seen.folder / SETTINGS).write_text(json.dumps(self._settings()), encoding="utf-8")
        started_ns = self._clock()
        with (self._folder / OUTPUT).open("wb") as output:
            process = subprocess.Popen(
                words_of(self._knobs),
                cwd=folder_of(self._knobs),
                env=environment_of(self._knobs, seen.folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
            )
        self._profilers.started(process.pid, seen)
        self._follow(process, seen, started_ns)
        self._profilers.stop()
        stopped = process.returncode is None
        if stopped:
            self._pss["steady"] = tree_pss_bytes(process.pid)
        end_others(began, also=seen.processes)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        kept = sum(file.stat().st_blocks * 512 for file in seen.folder.glob("*/*") if file.is_file())
        ended = Ended(
            started_ns=started_ns,
            ended_ns=self._clock(),
            returncode=None if stopped else process.returncode,
            pss_bytes=self._pss,
            cache_bytes=kept if self._knobs.cache != "none" else None,
        )
        seen.update()
        self._refuse(seen)
        in_phase = self.phase
        self._begin("finish")
        keep_looks(seen.folder, self._folder)
        try:
            return make_record(self._knobs, self._folder, seen, ended, self._profilers)
        except NothingCounted:
            self.phase = in_phase  # where the script came to its end
            raise

    def _settings(self) -> dict[str, object]:
        """What the observer is asked for."""
        asked = self._knobs.asked()
        return {
            "steps": self._knobs.num_steps if pauses is None else _LEAST_STEPS,
            "warmup": self._knobs.warmup_steps,
            "let_finish": self._knobs.let_finish,
            "loader": self._knobs.which_loader,
            "loader_knobs": {DATA_LOADER_KNOBS[name]: asked[name] for name in asked if name in DATA_LOADER_KNOBS},
            "cache": self._knobs.cache,
            "normalize": self._knobs.normalize,
            "knock_out": list(self._knobs.knock_out),
            "profilers": list(self._knobs.profilers),
            "profiles": str((self._folder / PROFILES).resolve()),
            "line_functions": list(self._knobs.line_functions),
            "line_profiler": line_profiler_folder() if "lines" in self._knobs.profilers else None,
            "isolated_samples": 0 if self._knobs.profilers else self._knobs.isolated_samples,
            "checked_samples": self._knobs.checked_samples,
            "opencv_threads": self._knobs.opencv_threads,
            "torch_threads": self._knobs.torch_threads,
        }

    def _begin(self, phase: Phase) -> None:
        if self._enter(phase):
            self._on_event(Event(phase=phase))

    def _enter(self, phase: Phase) -> bool:
        """Whether the phase is another one than before."""
        is_new = self.phase != phase
        self.phase = phase
        if is_new:
            self._profilers.phase(phase)
        return is_new

    def _follow(self, process: subprocess.Popen[bytes], seen: Seen, started_ns: int) -> None:
        """Look on until the script has ended, or has come to where it is to be stopped."""
        self._begin("imports")
        while process.poll() is None:
            time.sleep(_POLL_S)
            seen.update()
            self._profilers.follow()
            since_s = (self._clock() - started_ns) / NS_PER_S
            if since_s > _HELLO_S and not seen.processes:
                raise BadInput("the command", [_not_attached(self._knobs)])
            self._refuse(seen)
            left_s = self._knobs.timeout_s - since_s
            loops = seen.loops
            if not loops and since_s > _NO_LOADER_S and not self._told_no_loader:
                self._told_no_loader = True
                message = f"no torch DataLoader was iterated in the first {format_duration(_NO_LOADER_S)}"
                self._on_event(Event(phase=self.phase, message=message))
            if loops:
                self._tell_steps(seen)
            if any(len(loop.count("given").at_ns) for loop in _training(loops)):
                self._weigh(process.pid)
            if loops and left_s < _LEFT_S:  # what was counted until then is kept
                return
            if loops and all(loop.first("stop") or self._looks_too_long(loop) for loop in _training(loops)):
                return

    def _refuse(self, seen: Seen) -> None:
        """End the trial where a strategy would be wrong for the script.

        Raises:
            BadInput: With the reasons.
        """
        problems = [Problem(fact["reason"], fact["strategy"], fact["remedy"]) for _, fact in seen.of("refused")]
        if problems:
            raise BadInput("the script", list(dict.fromkeys(problems)))

    def _looks_too_long(self, loop: ProcessSeen) -> bool:
        """Whether a loop has been counted, and what is looked at after that takes too long."""
        counted = None if self._knobs.let_finish else loop.first("counted")
        return counted is not None and self._clock() - int(counted["at_ns"]) > _MOST_LOOKING_S * NS_PER_S

    def _weigh(self, pid: int) -> None:
        """Look how much memory there is: at the first batch, and after 1, 2, 4, ... steps of the warm-up.

        Later it would disturb what counts, and after each step the filling of a cache. A model has its gradients, the
        state of its optimizer and what it keeps for the way back after a step or two. A script that ends by itself is
        not there any more to be looked at.
        """
        is_first = "warmup" not in self._pss
        if is_first or (self.phase == "warmup" and self._steps_done >= max(1, 2 * self._weighed_after)):
            self._weighed_after = self._steps_done
            self._pss["warmup"] = max(tree_pss_bytes(pid), self._pss.get("warmup", 0))

    def _tell_steps(self, seen: Seen) -> None:
        loop = seen.loops[0]
        asked = loop.count("asked")
        training = loop.last("training")
        number = training["loader"] if training else (int(asked.first[-1]) if len(asked.first) else 0)
        ended = loop.count("ended")
        done = int((asked.first == number).sum()) - int((ended.first == number).sum()) - 1
        facts = [fact for fact in loop.of("iterator") if fact["loader"] == number]
        if not facts:
            return
        warmup = warmup_steps(facts[-1], self._knobs.warmup_steps, fills=self._knobs.fills_cache)
        phase: Phase = "warmup" if done < warmup else "steady"
        self._enter(phase)
        self._steps_done = done
        total = warmup if phase == "warmup" else self._knobs.num_steps
        shown = done if phase == "warmup" else done - warmup
        if pauses is None:
            self._on_event(Event(phase=phase, done=min(max(shown, 0), total), total=total))
        else:
            self._on_event(Event(phase=phase, done=max(shown, 0)))


def _training(loops: list[ProcessSeen]) -> list[ProcessSeen]:
    trained = [loop for loop in loops if loop.first("training")]
    return trained or loops


def _not_attached(knobs: ObservedKnobs) -> Problem:
    what = f"in {format_duration(_HELLO_S)} no Python was started by it that could be observed"
    remedy = (
        "Python must be 3.9 or later and be given its environment: not through sudo, docker, ssh or srun, and not with "
        "-I, -E or -S"
    )
    return Problem(what, knobs.command, remedy)
