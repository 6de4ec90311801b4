"""A trial through lenses, beside the same trial without: what the lenses cost belongs to what they show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from workbench.knobs import Knobs
from workbench.records import LensPrice, Record
from workbench.run_store import RECORD, write_json
from workbench.trial.launcher import run_trial
from workbench.trial.progress import Event


def trials_of(knobs: Knobs) -> int:
    """How many trials `run_profiled` runs."""
    return 3 if knobs.lenses else 1


def run_profiled(
    knobs: Knobs,
    runs: Path,
    *,
    on_event: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
) -> Record:
    """Run one trial; where the knobs ask for lenses, once without them before it and once after.

    The price is the throughput without the lenses over that with them. The two plain trials give it a spread: how far
    they are apart is what this machine makes up by itself.

    Args:
        knobs: What is to be measured.
        runs: Folder of run folders.
        on_event: Told of progress.
        cancel: When set, the running trial is ended.

    Returns:
        The record of the trial through the lenses, with their price; of the trial that was cancelled, if one was.
    """
    if not knobs.lenses:
        return run_trial(knobs, runs, on_event=on_event, cancel=cancel)
    plain_knobs = knobs.changed(profilers="", line_functions="", native_stacks=False, parity_pages=0)
    before = run_trial(plain_knobs, runs, on_event=on_event, cancel=cancel)
    if cancel is not None and cancel.is_set():
        return before
    record = run_trial(knobs, runs, on_event=on_event, cancel=cancel)
    if cancel is not None and cancel.is_set():
        return record
    after = run_trial(plain_knobs, runs, on_event=on_event, cancel=cancel)
    price = price_of(record, [before, after])
    if price is None:
        return record
    priced = record.model_copy(update={"lens_price": price})
    write_json(runs / record.run_id / RECORD, priced)
    return priced


def price_of(record: Record, plain: list[Record]) -> LensPrice | None:
    """What the lenses of a trial cost; None where it, or every trial without them, has failed."""
    rates = [one.steady.pages_per_s for one in plain if one.steady is not None]
    if record.steady is None or not rates:
        return None
    factors = sorted(rate / record.steady.pages_per_s for rate in rates)
    return LensPrice(
        lenses=list(record.knobs.lenses),
        factor=float(sum(factors) / len(factors)),
        lowest=factors[0],
        highest=factors[-1],
        run_ids=[one.run_id for one in plain if one.steady is not None],
    )
