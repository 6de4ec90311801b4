"""The rules: a small function for each cause, from facts and losses to that cause with its evidence, or to none.

What they are held against stands in `thresholds`.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.explain.breakdown import LEFT_OVER, NO_WORK, UNATTRIBUTED
from workbench.explain.diagnosis.cause import Cause
from workbench.explain.diagnosis.facts import Facts
from workbench.explain.diagnosis.losses import Losses
from workbench.explain.diagnosis.measures import (
    MOVES,
    against_isolated,
    blocked_share,
    each,
    only_moves,
    rare_share,
    stage_total,
    waiting_stage,
)
from workbench.explain.diagnosis.thresholds import Thresholds
from workbench.explain.prediction.moved_bytes import bytes_per_page
from workbench.records import Policy
from workbench.units import format_bytes, format_duration, format_ratio, format_share

SENDING = ("send", "receive", "release")
TRANSFER = ("transfer", "pin")
RESULTS = ("postprocess", "metric")


def loading(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Loader-bound, by stage: every stage of the workers by what its removal would save."""
    if facts.wait < limits.waits:
        return
    waits = f"The main process waits for pages {format_share(facts.wait)} of the time"
    if facts.worker is None:
        told = f"{waits}; what the {facts.record.knobs.loader} loader does meanwhile is not timed."
        yield Cause("loader-bound", None, told, facts.wait)
        return
    moves = only_moves(facts, limits)
    for part in facts.worker.parts:
        if part.stage in NO_WORK or part.stage in SENDING or (moves and part.stage in MOVES):
            continue
        share = facts.of_work(part.stage)
        if part.stage in LEFT_OVER:
            taken = f"{format_duration(part.per_sample_s)} a page that no stage explains"
        else:
            taken = each(facts, part.stage)
        where = "the main process's loading" if facts.worker.in_main else "the workers' work"
        told = f"{waits}; '{part.stage}' takes {taken}, {format_share(share)} of {where}"
        yield Cause(
            "loader-bound", part.stage, f"{told}{against_isolated(facts, part.stage)}.", losses.of_stages(part.stage)
        )


def unexplained(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """The main process spends time that no stage explains: what it is must be found out first."""
    share = facts.of_main(UNATTRIBUTED)
    told = f"No stage explains {format_share(share)} of the main process's time: find out first what is missed there."
    yield Cause("breakdown does not close", None, told, share)


def rare_pages(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Starved by rare slow pages: a few take many times as long as the median one, and much of the time."""
    rare = rare_share(facts, limits)
    if rare is None or facts.wait < limits.waits:
        return
    pages = facts.pages
    median = float(pages["wall_s"].median())
    slow = pages[pages["wall_s"] > limits.rare_page * median]
    by_page = slow.groupby("page")["wall_s"].mean().sort_values(ascending=False)
    names = ", ".join(f"page {number} {format_duration(value)}" for number, value in by_page.head(3).items())
    of_time = float(slow["wall_s"].sum() / pages["wall_s"].sum())
    told = (
        f"{len(by_page)} of {pages['page'].nunique()} pages take over {limits.rare_page:g} times the median of "
        f"{format_duration(median)} ({names}) and {format_share(of_time)} of the time of all pages."
    )
    yield Cause("rare slow pages", None, told, losses.of_rare_pages(rare))


def slow_worker(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Starved by one slow worker: batches are taken in turn, so all wait for it."""
    pages = facts.pages
    if facts.wait < limits.waits or pages["process"].nunique() < 2:
        return
    medians = pages.groupby("process")["wall_s"].median().sort_values()
    slowest, others = float(medians.iloc[-1]), float(medians.iloc[:-1].median())
    if slowest < limits.straggler * others:
        return
    told = (
        f"Worker {medians.index[-1]} takes {format_duration(slowest)} for its median page, the "
        f"{'others' if len(medians) > 2 else 'other'} {format_duration(others)}: {format_ratio(slowest / others)}; the "
        f"main process waits {format_share(facts.wait)} of the time."
    )
    yield Cause("one slow worker", None, told, facts.wait * (1.0 - others / slowest))


def blocked(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Lock contention, or slow files: workers are neither on a core nor waiting for one."""
    cores = facts.cores
    if cores is None or facts.wait < limits.waits or blocked_share(facts) < limits.blocked:
        return
    severity = losses.of_lock()
    share = format_share(blocked_share(facts))
    counted = f"of {format_duration(cores.work_s)} work, {format_duration(cores.cpu_s)} on a core"
    read = facts.stage("read")
    if read is not None and read.total_s >= limits.files * cores.blocked_s:
        told = f"Workers wait {share} of their work for files ({counted}); 'read' takes {each(facts, 'read')}."
        yield Cause("slow files", "read", told, severity)
        return
    stage = waiting_stage(facts)
    where = f", most of it in '{stage}', which takes {each(facts, stage)}{against_isolated(facts, stage)}" if stage else ""
    told = (
        f"Workers are neither on a core nor waiting for one {share} of their work ({counted}){where}. No knob takes "
        "that away: look at what the code waits for there."
    )
    yield Cause("lock contention", stage, told, severity)


def oversubscribed(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Cores oversubscribed: workers wait longer for a core than they have one, and hold up the main process."""
    cores = facts.cores
    held_up = facts.wait + facts.without_core
    if cores is None or held_up < limits.waits or cores.ready_s < limits.ready * cores.cpu_s:
        return
    environment, machine = facts.record.environment, facts.record.machine
    number = environment.cores if environment else 1
    is_disturbed = machine is not None and machine.other_cores >= Policy().disturbed_share * number
    beside = f"; other programs kept {machine.other_cores:.1f} cores busy" if machine and is_disturbed else ""
    told = (
        f"{facts.record.knobs.num_workers} workers and the main process share {number} cores: workers had a core for "
        f"{format_duration(cores.cpu_s)} and waited for one for {format_duration(cores.ready_s)}; the main process "
        f"waits for pages {format_share(facts.wait)} of its time and for a core "
        f"{format_share(facts.without_core)}{beside}."
    )
    yield Cause("cores oversubscribed", None, told, losses.of_missing_cores())


def worker_start(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Slow worker start: workers are started anew in every epoch, and the main process waits meanwhile."""
    start = facts.stage("start")
    if start is None or not start.count:
        return
    told = (
        f"Workers start anew in every epoch (persistent_workers=false): {start.count} starts of "
        f"{format_duration(start.mean_s)} in {facts.steady.num_epochs:.2g} epochs, for which the main process waits "
        f"{format_share(facts.starting)} of the time."
    )
    yield Cause("slow worker start", "start", told, facts.starting)


def start_up(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Start-up outweighs the counted steps, and the imports that come with any program; warm-up steps are steps."""
    startup = facts.record.startup
    if startup is None:
        return
    parts = {
        "reading the data set": startup.dataset_s,
        "filling the cache": startup.cache_fill_s or 0.0,
        "building the model": startup.model_s,
        "starting the workers until the first batch": startup.workers_s,
    }
    preparing_s, wall_s = sum(parts.values()), facts.steady.wall_s
    if preparing_s < max(limits.start_up * wall_s, startup.imports_s):
        return
    largest = max(parts, key=parts.__getitem__)
    told = (
        f"Start-up without imports and warm-up takes {format_duration(preparing_s)}, most of it {largest} "
        f"({format_duration(parts[largest])}); the counted {facts.steady.num_epochs:.2g} epochs take "
        f"{format_duration(wall_s)}."
    )
    yield Cause("start-up-bound", None, told, preparing_s / (preparing_s + wall_s))


def sending(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Heavy send and receive: batches take long from the worker that made them to the main process."""
    stages = [name for name in SENDING if facts.stage(name)]
    if not stages:
        return
    taken = ", ".join(f"'{name}' {each(facts, name)}" for name in stages)
    size = bytes_per_page(facts.record.knobs) * facts.record.knobs.batch_size
    told = f"A batch on its way: {taken}; its images and target maps alone are {format_bytes(size)}."
    largest = max(stages, key=lambda name: stage_total(facts, name))
    yield Cause("heavy send and receive", largest, told, losses.of_stages(*stages))


def transfer(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Transfer-bound: batches take long from the main process to the device."""
    stages = [name for name in TRANSFER if facts.stage(name)]
    share = facts.of_main(*stages)
    if not stages or facts.own_work < facts.wait or share < limits.notable:
        return
    taken = ", ".join(f"'{name}' takes {each(facts, name)}" for name in stages)
    told = f"{taken}, {format_share(share)} of the main process's time; the device is at work "
    yield Cause("transfer-bound", "transfer", f"{told}{format_share(facts.device_busy)}.", losses.of_stages(*stages))


def results(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Main-thread-bound: what is done with the device's results holds up the next step."""
    stages = [name for name in RESULTS if facts.stage(name)]
    if not stages or facts.own_work < facts.wait:
        return
    taken = ", ".join(f"'{name}' takes {each(facts, name)}" for name in stages)
    largest = max(stages, key=lambda name: stage_total(facts, name))
    where = "in a thread beside it" if facts.record.knobs.postprocess == "threads" else "before the next step"
    told = (
        f"Post-processing and scoring run in the main process, {where}: {taken}; the device is at work "
        f"{format_share(facts.device_busy)} of the time."
    )
    yield Cause("main-thread-bound", largest, told, losses.of_turns(*stages))


def cache(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Memory-bound cache: workers only copy pages that lie in memory, or the memory is full."""
    record = facts.record
    if record.knobs.cache == "none" and record.knobs.targets != "cached":
        return
    peak, there = record.memory.peak_pss_bytes, record.environment.memory_bytes if record.environment else 0
    if peak is not None and there and peak >= limits.memory * there:
        told = f"The run takes {format_bytes(peak)} of {format_bytes(there)}: files are no longer kept in memory."
        yield Cause("memory-bound cache", "cache", told, facts.wait)
    elif facts.wait >= limits.waits and only_moves(facts, limits):
        rate = facts.steady.samples_per_s * bytes_per_page(record.knobs)
        told = (
            f"Workers only copy pages that lie in memory already: {format_share(facts.of_work(*MOVES))} of their work, "
            f"{format_bytes(rate)} a second; without them (`num_workers=0`) a page makes one way less."
        )
        yield Cause("memory-bound cache", "cache", told, facts.wait * facts.of_work(*MOVES))


def epoch_ends(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Workers run dry where epochs end."""
    knobs = facts.record.knobs
    if facts.worker is None or facts.worker.in_main or knobs.epochs == "joined" or facts.starting >= limits.notable:
        return
    told = (
        f"Workers wait for each other where an epoch ends, {facts.steady.num_epochs:.2g} times here: they have no "
        f"order {format_share(facts.idle)} of their time, and the main process waits {format_share(facts.wait)}."
    )
    yield Cause("epochs end dry", None, told, losses.of_epoch_ends())


def device(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Device-bound: the device is at work all the time, and all else could feed a much faster one."""
    if facts.device_busy < limits.device_busy:
        return
    gain = losses.gain_of_twice_the_device()
    told = f"The {facts.device_name} is at work {format_share(facts.device_busy)} of the time"
    if gain is None and facts.idle >= limits.idle:
        yield Cause(
            "device-bound", None, f"{told}; workers have no order {format_share(facts.idle)}.", facts.device_busy
        )
    elif gain is not None and gain >= limits.headroom:
        told += f", and all else keeps up: one twice as fast would gain {format_share(gain)} (simulated)."
        yield Cause("device-bound", None, told, losses.of_device())


def matched(facts: Facts, losses: Losses, limits: Thresholds) -> Cause | None:
    """Healthy because the device is at work all the time, and the rest is matched to it."""
    if facts.device_busy < limits.device_busy:
        return None
    gain = losses.gain_of_twice_the_device()
    told = f"The {facts.device_name} is at work {format_share(facts.device_busy)} of the time"
    if gain is not None:
        told += f", and the rest is matched to it: one twice as fast would gain only {format_share(gain)} (simulated)"
    return Cause("healthy", None, f"{told}.", 0.0)
