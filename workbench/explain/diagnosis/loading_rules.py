"""What keeps the workers from giving batches in time: a small rule for each cause, from facts and losses to that cause.

A rule gives the cause with its evidence, or none. The numbers that it compares with are in `cause.Thresholds`.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.explain.breakdown import LEFT_OVER, Part
from workbench.explain.diagnosis.cause import Cause, Thresholds
from workbench.explain.diagnosis.facts import Facts
from workbench.explain.diagnosis.losses import Losses
from workbench.explain.diagnosis.remarks import kinds_remark, profiler_remark, rounds_remark
from workbench.explain.words.items import counted, with_article
from workbench.records import Policy
from workbench.units import format_duration, format_ratio, format_share

#: An import that takes this share of a worker's start makes it slow.
_SLOW_IMPORT = 0.3


def loading(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Loader-bound, by stage: every stage of the workers by what its removal would save.

    They hold up the main process: it waits for samples, or for a core that they have.
    """
    takes_cores = facts.is_short_of_cores and facts.wait + facts.without_core_for_workers >= limits.waits
    if not facts.is_held_up(limits) and not takes_cores:
        return
    waits = facts.wait_words[0].upper() + facts.wait_words[1:]
    if takes_cores and facts.wait < limits.waits:
        held = format_share(facts.without_core_for_workers)
        waits += f" and for a core, which the workers have meanwhile, {held}"
    if facts.worker is None:
        evidence = f"{waits}; what the {facts.record.knobs.loader} loader does meanwhile is not timed."
        yield Cause("loader-bound", None, evidence, facts.wait)
        return
    only_moves = facts.only_moves(limits)
    where = "the main process's loading" if facts.worker.in_main else "the workers' work"
    for part in facts.worker.parts:
        if part.is_work and part.kind.role != "send" and not (only_moves and part.stage in facts.moves):
            share = f"{format_share(facts.of_work(part.stage))} of {where}"
            remarks = rounds_remark(facts, part.stage) + profiler_remark(facts, part.stage)
            remarks += kinds_remark(facts, part.stage, losses)
            evidence = f"{waits}; '{part.stage}' takes {_takes(facts, part, share)}.{remarks}"
            yield Cause("loader-bound", part.stage, evidence, losses.of_loading(part.stage))


def _takes(facts: Facts, part: Part, share: str) -> str:
    row = facts.record.stage(part.stage, "worker")
    if part.stage in LEFT_OVER or row is None:
        each = f"{format_duration(part.per_sample_s)} {with_article(facts.item)} that no stage explains"
        return f"{each}, {share}"
    return f"{facts.each(row)}, {share}{facts.against_isolated(row)}"


def rare_samples(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Starved by rare slow samples: a few take many times as long as the median one, and much of the time."""
    rare = facts.rare_share(limits)
    if rare is None or not facts.is_held_up(limits):
        return
    samples = facts.samples
    median = float(samples["wall_s"].median())
    slow = samples[samples["wall_s"] > limits.rare_sample * median]
    slowest = slow.groupby("sample")["wall_s"].mean().sort_values(ascending=False)
    names = ", ".join(f"{facts.item} {number} {format_duration(value)}" for number, value in slowest.head(3).items())
    of_time = format_share(float(slow["wall_s"].sum() / samples["wall_s"].sum()))
    evidence = (
        f"{len(slowest)} of {samples['sample'].nunique()} {facts.items} take over {limits.rare_sample:g} times the "
        f"median of {format_duration(median)} ({names}) and {of_time} of the time of all {facts.items}."
    )
    yield Cause("rare slow samples", None, evidence, losses.of_rare_samples(rare))


def slow_worker(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Starved by one slow worker: batches are taken in turn, so all wait for it.

    Samples that several workers made are compared with themselves. Where each worker has its own, in every epoch the
    same, it may be these that take longer: then hardly any of the slow worker's may be as fast as the others'.
    """
    samples = facts.samples
    if not facts.is_held_up(limits) or samples["process"].nunique() < 2:
        return
    shared = samples[samples.groupby("sample")["process"].transform("nunique") > 1]
    is_shared = shared["process"].nunique() == samples["process"].nunique()
    if is_shared:  # as if all were one sample
        typical = shared.groupby("sample")["wall_s"].transform("median")
        samples = shared.assign(wall_s=shared["wall_s"] / typical * typical.median())
    times = samples.groupby("process")["wall_s"]
    medians = times.median().sort_values()
    slowest, others = float(medians.iloc[-1]), float(medians.iloc[:-1].median())
    if slowest < limits.straggler * others:
        return
    few = samples.groupby("process")["sample"].nunique().min() < limits.own_samples
    overlaps = times.quantile(0.25)[medians.index[-1]] < times.quantile(0.9)[medians.index[:-1]].max()
    if not is_shared and (few or overlaps):
        return
    hedge = "" if is_shared else f" It makes the same {facts.items} in every epoch: it may be these that take longer."
    evidence = (
        f"Worker {medians.index[-1]} takes {format_duration(slowest)} for its median {facts.item}, the "
        f"{'others' if len(medians) > 2 else 'other'} {format_duration(others)}: {format_ratio(slowest / others)}; the "
        f"main process waits {format_share(facts.wait)} of the time.{hedge}"
    )
    slower = 1.0 - others / slowest
    yield Cause("one slow worker", None, evidence, facts.wait * slower, of_loading=slower)


def blocked(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Lock contention, or slow files: workers are neither on a core nor waiting for one."""
    cores = facts.cores
    if cores is None or not facts.is_held_up(limits) or cores.blocked_share < limits.blocked:
        return
    if not facts.is_contended or facts.own_threads:
        return
    share = format_share(cores.blocked_share)
    counted = f"of {format_duration(cores.work_s)} work, {format_duration(cores.cpu_s)} on a core"
    read = facts.record.stage("read", "worker")
    if read is not None and read.total_s >= limits.files * cores.blocked_s:
        evidence = f"Workers wait {share} of their work for files ({counted}); 'read' takes {facts.each(read)}."
        yield Cause("slow files", "read", evidence, losses.of_lock(), of_loading=cores.blocked_share)
        return
    stage = facts.waiting_stage()
    row = facts.record.stage(stage, "worker") if stage else None
    where = f", most of it in '{stage}'" if stage else ""
    where += f", which takes {facts.each(row)}{facts.against_isolated(row)}" if row else ""
    evidence = (
        f"Workers are neither on a core nor waiting for one {share} of their work ({counted}){where}. No knob takes "
        "that away: look at what the code waits for there."
    )
    yield Cause("lock contention", stage, evidence, losses.of_lock(), of_loading=cores.blocked_share)


def throttled(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Throttled by a quota: the time that a control group has is used up, and all its processes are stopped."""
    environment, machine = facts.record.environment, facts.record.machine
    if environment is None or machine is None or not facts.is_throttled(limits):
        return
    waiting = f" The main process waits for a core {format_share(facts.without_core)} of its time"
    if facts.cores is not None:
        had, waited = (format_duration(seconds) for seconds in (facts.cores.cpu_s, facts.cores.ready_s))
        waiting += f"; workers had one for {had} and waited for one for {waited}"
    evidence = (
        f"Of the {counted(environment.cores, 'core')} that programs see, the control group (a container's limit) gives "
        f"{environment.quota:g}: {format_share(machine.throttled_share)} of its periods ended with the quota used up "
        f"and every process stopped, for {format_duration(machine.throttled_s)} of the cores' time.{waiting}. Raise "
        "the limit, or start fewer workers with one thread each: libraries count the cores that they see."
    )
    yield Cause("throttled by a quota", None, evidence, losses.of_missing_cores(), of_loading=facts.waiting_for_core)


def oversubscribed(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Cores oversubscribed: workers wait longer for a core than they have one, and hold up the main process."""
    cores = facts.cores
    held_up = facts.wait + facts.without_core
    if cores is None or held_up < limits.waits or facts.is_throttled(limits):
        return
    if cores.ready_s < limits.ready * cores.cpu_s and not facts.own_threads:
        return
    if facts.idle >= limits.busy:  # workers that have nothing to do take no cores from anybody
        return
    environment, machine = facts.record.environment, facts.record.machine
    number = environment.cores if environment else 1
    is_disturbed = machine is not None and machine.other_cores >= Policy().disturbed_share * number
    others = f"; other programs kept {machine.other_cores:.1f} cores busy" if machine and is_disturbed else ""
    threads = f" with {counted(facts.own_threads, 'thread')} of OpenCV each" if facts.own_threads else ""
    evidence = (
        f"{counted(facts.record.knobs.num_workers, 'worker')}{threads} and the main process share "
        f"{counted(number, 'core')}: "
        f"workers had a core for {format_duration(cores.cpu_s)} and waited for one for "
        f"{format_duration(cores.ready_s)}; the main process waits for {facts.items} "
        f"{format_share(facts.wait)} of its time and for a core "
        f"{format_share(facts.without_core)}{others}."
    )
    yield Cause("cores oversubscribed", None, evidence, losses.of_missing_cores(), of_loading=facts.waiting_for_core)


def worker_start(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Slow worker start: workers are started anew in every epoch, and the main process waits meanwhile."""
    start = facts.record.stage("start", "worker")
    if start is None or not start.count:
        return
    evidence = (
        f"Workers start anew in every epoch (persistent_workers=false): {counted(start.count, 'start')} of "
        f"{format_duration(start.mean_s)} in {facts.steady.num_epochs:.2g} epochs, for which the main process waits "
        f"{format_share(facts.starting)} of the time.{_slow_import(facts, start.mean_s)}"
    )
    if losses.after_start_s:
        evidence += (
            f" Its first step after that takes {format_duration(losses.after_start_s)} longer than others: of memory "
            "that it shares with new workers, it copies what it writes to."
        )
    yield Cause("slow worker start", "start", evidence, facts.starting + losses.of_first_steps())


def _slow_import(facts: Facts, start_s: float) -> str:
    """The import that makes a worker's start slow, where there is one."""
    imports = facts.record.script.start_imports if facts.record.script is not None else {}
    module = max(imports, key=imports.__getitem__, default=None)
    if module is None or imports[module] < _SLOW_IMPORT * start_s:
        return ""
    return f" Of each start, the import of '{module}' takes {format_duration(imports[module])}."
