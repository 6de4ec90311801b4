"""The rules: a small function for each cause, from facts and losses to that cause with its evidence, or to none.

The numbers that they compare with are in `cause.Thresholds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.explain.breakdown import LEFT_OVER, Part
from workbench.explain.diagnosis.cause import Cause, Name, Thresholds
from workbench.explain.diagnosis.facts import Facts, largest_of, names_of
from workbench.explain.diagnosis.losses import Losses
from workbench.explain.words.items import counted, with_article
from workbench.records import Policy, StageStats
from workbench.stages import UNATTRIBUTED
from workbench.units import format_bytes, format_duration, format_ratio, format_share

#: An import that takes this share of a worker's start makes it slow.
_SLOW_IMPORT = 0.3


def loading(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Loader-bound, by stage: every stage of the workers by what its removal would save.

    They hold up the main process: it waits for samples, or for a core that they have.
    """
    takes_cores = facts.is_short_of_cores and facts.wait + facts.without_core >= limits.waits
    if facts.wait < limits.waits and not takes_cores:
        return
    waits = facts.wait_words[0].upper() + facts.wait_words[1:]
    if facts.wait < limits.waits:
        waits += f" and for a core, which the workers have meanwhile, {format_share(facts.without_core)}"
    if facts.worker is None:
        evidence = f"{waits}; what the {facts.record.knobs.loader} loader does meanwhile is not timed."
        yield Cause("loader-bound", None, evidence, facts.wait)
        return
    only_moves = facts.only_moves(limits)
    where = "the main process's loading" if facts.worker.in_main else "the workers' work"
    for part in facts.worker.parts:
        if part.is_work and part.kind.role != "send" and not (only_moves and part.stage in facts.moves):
            share = f"{format_share(facts.of_work(part.stage))} of {where}"
            evidence = f"{waits}; '{part.stage}' takes {_takes(facts, part, share)}."
            yield Cause("loader-bound", part.stage, evidence, losses.of_stages(part.stage))


def _takes(facts: Facts, part: Part, share: str) -> str:
    row = facts.record.stage(part.stage, "worker")
    if part.stage in LEFT_OVER or row is None:
        each = f"{format_duration(part.per_sample_s)} {with_article(facts.item)} that no stage explains"
        return f"{each}, {share}"
    return f"{facts.each(row)}, {share}{facts.against_isolated(row)}"


def unexplained(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """The main process spends time that no stage explains: what it is must be found out first."""
    share = facts.of_main(UNATTRIBUTED)
    evidence = (
        f"No stage explains {format_share(share)} of the main process's time: find out first what is missed there."
    )
    yield Cause("breakdown does not close", None, evidence, share)


def rare_samples(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Starved by rare slow samples: a few take many times as long as the median one, and much of the time."""
    rare = facts.rare_share(limits)
    if rare is None or facts.wait < limits.waits:
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
    if facts.wait < limits.waits or samples["process"].nunique() < 2:
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
    yield Cause("one slow worker", None, evidence, facts.wait * (1.0 - others / slowest))


def blocked(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Lock contention, or slow files: workers are neither on a core nor waiting for one."""
    cores = facts.cores
    if cores is None or facts.wait < limits.waits or cores.blocked_share < limits.blocked:
        return
    if not facts.is_contended or facts.own_threads:
        return
    share = format_share(cores.blocked_share)
    counted = f"of {format_duration(cores.work_s)} work, {format_duration(cores.cpu_s)} on a core"
    read = facts.record.stage("read", "worker")
    if read is not None and read.total_s >= limits.files * cores.blocked_s:
        evidence = f"Workers wait {share} of their work for files ({counted}); 'read' takes {facts.each(read)}."
        yield Cause("slow files", "read", evidence, losses.of_lock())
        return
    stage = facts.waiting_stage()
    row = facts.record.stage(stage, "worker") if stage else None
    where = f", most of it in '{stage}'" if stage else ""
    where += f", which takes {facts.each(row)}{facts.against_isolated(row)}" if row else ""
    evidence = (
        f"Workers are neither on a core nor waiting for one {share} of their work ({counted}){where}. No knob takes "
        "that away: look at what the code waits for there."
    )
    yield Cause("lock contention", stage, evidence, losses.of_lock())


def oversubscribed(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Cores oversubscribed: workers wait longer for a core than they have one, and hold up the main process."""
    cores = facts.cores
    held_up = facts.wait + facts.without_core
    if cores is None or held_up < limits.waits:
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
    yield Cause("cores oversubscribed", None, evidence, losses.of_missing_cores())


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
    yield Cause("slow worker start", "start", evidence, facts.starting)


def _slow_import(facts: Facts, start_s: float) -> str:
    """The import that makes a worker's start slow, where there is one."""
    imports = facts.record.script.start_imports if facts.record.script is not None else {}
    module = max(imports, key=imports.__getitem__, default=None)
    if module is None or imports[module] < _SLOW_IMPORT * start_s:
        return ""
    return f" Of each start, the import of '{module}' takes {format_duration(imports[module])}."


def start_up(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Start-up outweighs the counted steps, and the imports that come with any program; warm-up steps are steps."""
    startup = facts.record.startup
    if startup is None:
        return
    parts = {
        "reading the data set": startup.dataset_s or 0.0,
        "filling the cache": startup.cache_fill_s or 0.0,
        "building the model": startup.model_s or 0.0,
        "building data sets and model": startup.building_s or 0.0,
        "starting the workers until the first batch": startup.workers_s,
    }
    preparing_s, wall_s = sum(parts.values()), facts.steady.wall_s
    if preparing_s < max(limits.start_up * wall_s, startup.imports_s):
        return
    largest = max(parts, key=parts.__getitem__)
    evidence = (
        f"Start-up without imports and warm-up takes {format_duration(preparing_s)}, most of it {largest} "
        f"({format_duration(parts[largest])}); the counted {facts.steady.num_epochs:.2g} epochs take "
        f"{format_duration(wall_s)}."
    )
    yield Cause("start-up-bound", None, evidence, preparing_s / (preparing_s + wall_s))


def threads(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """A thread beside the loop is at work all the time, and what comes after it waits: it bounds the run."""
    in_background = [row for row in facts.results if row.background]
    is_bound = facts.is_bound_by_background
    if in_background and (is_bound or facts.backlog >= facts.wait):
        evidence = (
            f"The background thread of the main process is at work {format_share(facts.main.background_busy)} of the "
            f"time ({_list(facts, in_background)}), and the main process waits for it {format_share(facts.backlog)}; "
            f"the device is at work {format_share(facts.device_busy)}."
        )
        cost = losses.of_background(*names_of(in_background))
        yield Cause("background-thread-bound", largest_of(in_background).name, evidence, cost, is_bound)
    for name, busy, rows in _on_the_way(facts, limits):
        who = "threads that send batches are" if name == "sending-thread-bound" else "thread that receives batches is"
        evidence = (
            f"The {who} at work {format_share(busy)} of the time ({_list(facts, rows)}), and the main process waits "
            f"for {facts.items} {format_share(facts.wait)}."
        )
        yield Cause(name, largest_of(rows).name, evidence, losses.of_thread(*names_of(rows)), bounds=True)


def _on_the_way(facts: Facts, limits: Thresholds) -> Iterator[tuple[Name, float, Sequence[StageStats]]]:
    """The threads between workers and main process that bound the run: they are busier than the workers."""
    at_least = max(limits.busy, 1.0 - facts.idle)
    if facts.worker is None or facts.worker.in_main or facts.wait < limits.waits:
        return
    if facts.worker.sending_busy >= at_least:
        yield "sending-thread-bound", facts.worker.sending_busy, facts.rows("worker", "send", background=True)
    if facts.main.receiving_busy >= at_least:
        rows = facts.rows("main", "receive", "submit", background=True)
        yield "receiving-thread-bound", facts.main.receiving_busy, rows


def sending(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Heavy send and receive: batches take long from the worker that made them to the main process."""
    rows = facts.sending
    if not rows or any(_on_the_way(facts, limits)):
        return
    num_bytes = facts.record.batches.bytes_per_batch
    size = f"; its arrays are {format_bytes(num_bytes)}" if num_bytes else ""
    evidence = f"A batch on its way: {_list(facts, rows)}{size}."
    yield Cause("heavy send and receive", largest_of(rows).name, evidence, losses.of_stages(*names_of(rows)))


def transfer(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Transfer-bound: batches take long from the main process to the device."""
    rows = facts.transfers
    share = facts.of_main(*names_of(rows))
    if not rows or facts.own_work < facts.wait or share < limits.notable:
        return
    evidence = (
        f"The main process spends {format_share(share)} of its time on bringing batches to the device "
        f"({_list(facts, rows)}); the device is at work {format_share(facts.device_busy)}."
    )
    yield Cause("transfer-bound", largest_of(rows).name, evidence, losses.of_stages(*names_of(rows)))


def results(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Main-thread-bound: what is done with the device's results holds up the next step."""
    rows = [row for row in facts.results if not row.background]
    if not rows or facts.own_work < facts.wait:
        return
    evidence = (
        f"The main process works on results before the next step ({_list(facts, rows)}); the device is at work "
        f"{format_share(facts.device_busy)} of the time."
    )
    yield Cause("main-thread-bound", largest_of(rows).name, evidence, losses.of_turns(*names_of(rows)))


def other_work(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Main-thread-bound: what the main process does for a step itself keeps the device waiting."""
    if facts.own_work < facts.wait or facts.device_busy >= limits.busy:
        return
    for row in facts.rows("main", "work", "submit", "end", "epoch", background=False):
        if facts.kind(row).moves_bytes:
            continue
        share = facts.of_main(row.name)
        evidence = (
            f"The main process spends {format_share(share)} of its time in '{row.name}' ({facts.each(row)}); the "
            f"device is at work {format_share(facts.device_busy)}."
        )
        cost = share if facts.kind(row).role == "epoch" else losses.of_own_work(row.name)
        yield Cause("main-thread-bound", row.name, evidence, cost)


def cache(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Memory-bound cache: workers only copy samples that lie in memory, or the memory is full."""
    record = facts.record
    if not facts.keeps_samples:
        return
    peak, there = record.memory.peak_pss_bytes, record.environment.memory_bytes if record.environment else 0
    if peak is not None and there and peak >= limits.memory * there:
        evidence = f"The run takes {format_bytes(peak)} of {format_bytes(there)}: files are no longer kept in memory."
        yield Cause("memory-bound cache", None, evidence, facts.wait)
    elif facts.wait >= limits.waits and facts.only_moves(limits):
        share, num_bytes = facts.of_work(*facts.moves), record.batches.bytes_per_sample
        rate = f", {format_bytes(facts.steady.samples_per_s * num_bytes)} a second" if num_bytes else ""
        evidence = (
            f"Workers only copy {facts.items} that lie in memory already: {format_share(share)} of their work{rate}; "
            f"without workers (`num_workers=0`) {with_article(facts.item)} is copied once less."
        )
        moving = [row for row in facts.rows("worker", "work", "send", background=False) if row.name in facts.moves]
        yield Cause("memory-bound cache", largest_of(moving).name, evidence, facts.wait * share)


def epoch_ends(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Workers run dry where epochs end."""
    knobs = facts.record.knobs
    if facts.worker is None or facts.worker.in_main or knobs.epoch_overlap or facts.starting >= limits.notable:
        return
    description = facts.record.description
    per_epoch = -(-description.num_samples // knobs.batch_size) if description else knobs.num_workers
    few = ""
    if per_epoch < knobs.num_workers:
        unused, batches = knobs.num_workers - per_epoch, "1 batch" if per_epoch == 1 else f"{per_epoch} batches"
        never = "1 never gets" if unused == 1 else f"{unused} never get"
        few = f" An epoch has {batches} for {knobs.num_workers} workers: {never} any work."
    every = f"where an epoch ends, every {counted(per_epoch, 'step')} here"
    idle, wait = format_share(facts.idle), format_share(facts.wait)
    if knobs.num_workers > 1:
        what = f"Workers wait for each other {every}: they are idle {idle} of their time"
    else:
        what = f"The worker waits for the next epoch {every}: it is idle {idle} of its time"
    evidence = f"{what}, and the main process waits {wait}.{few}"
    yield Cause("idle at epoch ends", None, evidence, losses.of_epoch_ends())


def device(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Device-bound: the device is at work all the time, or most of it while it is waited for, and all else keeps up."""
    if facts.device_busy < limits.busy and facts.device_wait < limits.idle:
        return
    gain = losses.gain_of_twice_the_device()
    busy = f"The {facts.device_name} is at work {format_share(facts.device_busy)} of the time"
    if gain is None and facts.idle >= limits.idle:
        evidence = f"{busy}; workers are idle {format_share(facts.idle)}."
        yield Cause("device-bound", None, evidence, facts.device_busy)
    elif gain is not None and gain >= limits.headroom:
        evidence = f"{busy}, and all else keeps up: a device twice as fast would gain {format_share(gain)} (simulated)."
        yield Cause("device-bound", None, evidence, losses.of_device())


def matched(facts: Facts, losses: Losses, limits: Thresholds) -> Cause | None:
    """Healthy because the device is at work all the time, and the rest is matched to it."""
    if facts.device_busy < limits.busy:
        return None
    gain = losses.gain_of_twice_the_device()
    evidence = f"The {facts.device_name} is at work {format_share(facts.device_busy)} of the time"
    if gain is not None:
        gained = f"a device twice as fast would gain only {format_share(gain)} (simulated)"
        evidence += f", and the rest is matched to it: {gained}"
    return Cause("healthy", None, f"{evidence}.", 0.0)


def _list(facts: Facts, rows: Sequence[StageStats]) -> str:
    """``"'postprocess' 10 ms a batch, 'metric' 5 ms a batch"``."""
    return ", ".join(f"'{row.name}' {facts.each(row)}" for row in rows)
