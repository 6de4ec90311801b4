"""What evidence adds to a stage's share: which profiler looks into it, waits once a round, files that take longer."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.explain.diagnosis.facts import Facts
from workbench.explain.diagnosis.losses import Losses
from workbench.knobs.observed import DECODE
from workbench.records import ImageKind
from workbench.units import format_duration, format_ratio, format_share

#: Kinds that differ by less, by pixel, are alike; and of fewer samples nothing is said.
_SLOWER = 1.3
_SAMPLES = 4

_WITHOUT_LOSS = "`jpegtran -optimize` makes baseline files of progressive ones without loss"


def profiler_remark(facts: Facts, stage: str) -> str:
    """Which profiler tells what code of the user's own spends its time on: a script shows only what it sums up to."""
    script = facts.record.script
    if script is None or facts.record.knobs.profilers:
        return ""
    own_collate = stage == "collate" and not facts.record.catalogue.find("worker", stage).moves_bytes
    if stage.startswith("rest of ") or own_collate:
        return " The same command with `-p profilers=lines` tells which of its lines."
    if stage.startswith("validation") and stage.endswith("wait"):
        others = [loader for loader in script.loaders if loader.name != script.training_loader and loader.most_work]
        return "".join(f" The batches of {loader.name} take longest in {loader.most_work}." for loader in others)
    if stage == "your code" or stage.startswith("validation"):
        return " The same command with `-p profilers=stacks` tells in which functions."
    return ""


def rounds_remark(facts: Facts, stage: str) -> str:
    """Once a round of the workers a long wait: it is the whole round that is slow, and not one batch or one worker."""
    parts = facts.worker.parts if facts.worker is not None else []
    largest = max(parts, key=lambda part: part.share if part.is_work else 0.0, default=None)
    if facts.round_wait_s is None or largest is None or largest.stage != stage:
        return ""
    workers = facts.record.knobs.num_workers
    return (
        f" Of every {workers} batches one is waited for, {format_duration(facts.round_wait_s)} each time, and the rest "
        f"hardly: {workers} workers make whole batches side by side. Neither that batch nor its worker is slower."
    )


def kinds_remark(facts: Facts, stage: str, losses: Losses) -> str:
    """Files that take longer to decode than others of their size, and what it would gain if they did not."""
    if stage != DECODE.name:
        return ""
    known = [kind for kind in facts.record.images if kind.samples >= _SAMPLES]
    if not known:
        return ""
    fastest, slow = known[0], [kind for kind in known[1:] if _per_pixel(kind) >= _SLOWER * _per_pixel(known[0])]
    if not slow:
        return _all_progressive(known)
    takes = ", ".join(f"{kind.samples} are {kind.kind} ({format_duration(kind.decode_s)} each)" for kind in known)
    took_s = sum(kind.samples * kind.decode_s for kind in known)
    would_take_s = took_s - sum(kind.samples * (kind.decode_s - kind.pixels * _per_pixel(fastest)) for kind in slow)
    cost = losses.of_slower(stage, would_take_s / took_s)
    gain = f"{format_share(cost / max(1.0 - cost, 1e-3))} ({'simulated' if losses.is_predicted else 'from shares'})"
    remedy = f"; {_WITHOUT_LOSS}" if any("progressive" in kind.kind for kind in slow) else ""
    ratio = format_ratio(_per_pixel(slow[-1]) / _per_pixel(fastest))
    return (
        f" Of {sum(kind.samples for kind in known)} samples whose files were looked at, {takes}: by pixel, "
        f"{slow[-1].kind} takes {ratio} as long as {fastest.kind}. If all took as long as that, the run would gain "
        f"{gain}{remedy}."
    )


def _all_progressive(kinds: Sequence[ImageKind]) -> str:
    if not all("progressive" in kind.kind for kind in kinds):
        return ""
    return (
        f" All {sum(kind.samples for kind in kinds)} samples whose files were looked at are {kinds[0].kind}, which is "
        f"decoded in several scans: baseline files mostly take one to two thirds of that, and {_WITHOUT_LOSS}."
    )


def _per_pixel(kind: ImageKind) -> float:
    return kind.decode_s / max(kind.pixels, 1.0)
