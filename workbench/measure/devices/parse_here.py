"""Knobs for a trial on this machine: what needs CUDA where there is none is refused as that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import BadInput, Problem
from workbench.knobs.joined import knobs_of, parse_knobs
from workbench.knobs.knobs import Knobs

NO_CUDA, CUDA_REMEDY = "there is no CUDA device on this machine", "Take device=auto or device=cpu"


def parse_here(settings: Mapping[str, Any], *, subject: str = "knobs") -> Knobs:
    """Knobs from settings, for a trial on this machine.

    Raises:
        BadInput: As `knobs.joined.parse_knobs`; where settings need CUDA and there is none, that is said first: what
            else would have to be set with CUDA is of no use then.
    """
    wrong: tuple[Problem, ...] = ()
    try:
        knobs = parse_knobs(settings, subject=subject)
    except BadInput as error:
        wrong = error.problems
    missing = _needs_cuda(settings)
    named = [problem.where for problem in missing]
    others = [p for p in wrong if not any(where in p.where.split(" with ") for where in named)]
    if missing or others:
        raise BadInput(subject, [*missing, *others])
    return knobs


def _needs_cuda(settings: Mapping[str, Any]) -> list[Problem]:
    """The settings that need a CUDA device, each as a problem; none where there is one, or nothing needs one."""
    kind = knobs_of(settings)
    if kind.wrong_values(settings):
        return []
    typed = {name: kind.typed(name, value) for name, value in settings.items()}
    asked = kind(workload=typed.get("workload", kind().workload)).unchecked(**typed)
    if asked.device not in ("auto", "cuda"):
        return []
    # What the device would be here; page-locked memory is left out without CUDA, and costs nothing.
    refused = asked.unchecked(device="replay", pin_memory=False).refusals()
    rules = [rule for rule in refused if "device=cpu/replay/none" in rule.knobs]
    if not rules and asked.device == "auto":
        return []
    import torch

    if torch.cuda.is_available():
        return []
    device = [Problem(NO_CUDA, "device=cuda", CUDA_REMEDY)] if asked.device == "cuda" else []
    for rule in rules:
        remedy = rule.remedy.split(", or device=cuda")[0]
        device.append(Problem(f"{NO_CUDA}, and {rule.what}", rule.knobs[0], remedy))
    return device
