"""What keeps the main process, its threads and the device from going on: rules as in `loading_rules`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from workbench.explain.diagnosis.cause import Cause, Name, Thresholds
from workbench.explain.diagnosis.facts import Facts, largest_of, names_of
from workbench.explain.diagnosis.losses import Losses
from workbench.explain.diagnosis.remarks import profiler_remark
from workbench.explain.words.items import counted, with_article
from workbench.records import StageStats
from workbench.stages import UNATTRIBUTED
from workbench.units import format_bytes, format_duration, format_share


def unexplained(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """The main process spends time that no stage explains: what it is must be found out first."""
    share = facts.of_main(UNATTRIBUTED)
    evidence = (
        f"No stage explains {format_share(share)} of the main process's time: find out first what is missed there."
    )
    yield Cause("breakdown does not close", None, evidence, share)


def start_up(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Start-up outweighs the counted steps, and the imports that come with any program; warm-up steps are steps."""
    startup = facts.record.startup
    if startup is None:
        return
    parts = {
        "reading the data set": startup.dataset_s or 0.0,
        "filling the cache": startup.cache_fill_s or 0.0,
        "building the model": startup.model_s or 0.0,
        "building or loading the engine": startup.engine_s or 0.0,
        "building data sets and model": startup.building_s or 0.0,
        "starting the workers until the first batch": startup.workers_s,
    }
    preparing_s, wall_s = sum(parts.values()), facts.steady.wall_s
    counted_epochs = f"the counted {facts.steady.num_epochs:.2g} epochs take"
    if facts.record.script is not None and 0.0 < facts.steady.num_epochs < 1.0:  # it goes on after the counted steps
        counted_epochs, wall_s = "an epoch takes", wall_s / facts.steady.num_epochs
    if preparing_s < max(limits.start_up * wall_s, startup.imports_s):
        return
    largest = max(parts, key=parts.__getitem__)
    evidence = (
        f"Start-up without imports and warm-up takes {format_duration(preparing_s)}, most of it {largest} "
        f"({format_duration(parts[largest])}); {counted_epochs} {format_duration(wall_s)}."
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
        spends = f"The main process spends {format_share(share)} of its time in '{row.name}' ({facts.each(row)})"
        device = "" if facts.is_model_on_cpu else f"; the device is at work {format_share(facts.device_busy)}"
        evidence = f"{spends}{device}.{profiler_remark(facts, row.name)}"
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
    stage, parts = _of_device(facts)
    if gain is None and facts.idle >= limits.idle:
        evidence = f"{busy}{parts}; workers are idle {format_share(facts.idle)}."
        yield Cause("device-bound", stage, evidence, facts.device_busy)
    elif gain is not None and gain >= limits.headroom:
        keeps_up = f"all else keeps up: a device twice as fast would gain {format_share(gain)} (simulated)"
        yield Cause("device-bound", stage, f"{busy}{parts}, and {keeps_up}.", losses.of_device())


def _of_device(facts: Facts) -> tuple[str | None, str]:
    """The stage that takes most of a device's work, and the shares of all; None where there is one stage only."""
    rows = facts.rows("device", "work", background=False)
    if len(rows) < 2:
        return None, ""
    whole_s = sum(row.total_s for row in rows)
    most = sorted(rows, key=lambda row: -row.total_s)
    listed = ", ".join(f"'{row.name}' {format_share(row.total_s / whole_s)}" for row in most)
    return most[0].name, f" (of that {listed})"


def ranks(facts: Facts, losses: Losses, limits: Thresholds) -> Iterator[Cause]:
    """Processes that train together wait for the slowest of them, and for their gradients to be exchanged."""
    found = [rank for rank in facts.record.ranks if rank.rank_wait_s is not None and rank.exchange_s is not None]
    if not found:
        return
    step_s = facts.steady.wall_s / facts.steady.num_steps
    slowest = max(found, key=lambda rank: rank.own_step_s)
    waits = max(found, key=lambda rank: rank.rank_wait_s or 0.0)
    waiting, exchanging = (
        sum(values) / len(found) / step_s
        for values in (
            [rank.rank_wait_s or 0.0 for rank in found],
            [rank.exchange_s or 0.0 for rank in found],
        )
    )
    evidence = (
        f"Rank {slowest.rank} is the slowest: a step takes it {format_duration(slowest.own_step_s)} by itself, most of "
        f"it '{slowest.own_stage}'; rank {waits.rank} waits {format_duration(waits.rank_wait_s or 0.0)} in each."
    )
    yield Cause("slowest rank", None, evidence, waiting)
    evidence = (
        f"{counted(len(found), 'rank')} exchange gradients {format_share(exchanging)} of the time with nothing else to "
        "do; what the backward pass hides is not in it."
    )
    yield Cause("gradient exchange", None, evidence, exchanging)


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
