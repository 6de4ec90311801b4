"""What can be known before a trial starts: its data set, and whether device, loader, model and profilers take it.

A trial would find out as well, after it has started processes, read files and maybe filled a cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.knobs.inference import InferenceKnobs
from workbench.knobs.knobs import Knobs
from workbench.knobs.measuring import DeviceKnobs, LoaderKnobs
from workbench.knobs.observed import ObservedKnobs
from workbench.measure.attach.command import check_command
from workbench.records import Description
from workbench.registry import INPUTS_CHECKED, checked, make_workload

if TYPE_CHECKING:
    from workbench.workload import Workload


def check_inputs(knobs: Knobs, on_sample: Callable[[int, int], None] | None = None) -> Description | None:
    """Look at all that knobs name before any trial starts.

    A data set may take long to read through, so it is checked once: None, and nothing is looked at, where the command
    that runs this process has done it (`INPUTS_CHECKED`). A trial checks its own data set all the same.

    Args:
        knobs: The knobs.
        on_sample: Told the number of samples looked over, and of all samples, of a large data set.

    Raises:
        BadInput: With everything that is wrong with the data set; or, where that is fine, with everything that a trial
            would refuse later.
    """
    if os.environ.get(INPUTS_CHECKED):
        return None
    if isinstance(knobs, ObservedKnobs):
        check_command(knobs)
        return None
    workload = make_workload(knobs)
    description = checked(workload, knobs.workload, on_sample)
    _check_parts(workload, knobs)
    return description


def check_combination(knobs: Knobs) -> None:
    """Likewise, where the data set is known to be fine.

    Raises:
        BadInput: With everything that a trial would refuse.
    """
    if isinstance(knobs, ObservedKnobs):
        check_command(knobs)
    elif not os.environ.get(INPUTS_CHECKED):
        _check_parts(make_workload(knobs), knobs)


def _check_parts(workload: Workload, knobs: Knobs) -> None:
    # What looks at them imports torch, which a process that is spared the looking does without.
    from workbench.measure.loaders.choose import check_loader
    from workbench.measure.profilers.choose import check_profilers
    from workbench.measure.ranks.ranked_trial import check_ranks

    checks: list[Callable[[], Any]] = [
        lambda: _check_device(workload, knobs),
        lambda: check_loader(workload, knobs.slice(LoaderKnobs)),
        lambda: check_profilers(knobs),
        lambda: check_ranks(knobs),
    ]
    found: list[BadInput] = []
    for check in checks:
        try:
            check()
        except BadInput as error:
            found.append(error)
    if found:
        subjects = dict.fromkeys(error.subject for error in found)
        raise BadInput(", ".join(subjects), [problem for error in found for problem in error.problems])


def _check_device(workload: Workload, knobs: Knobs) -> None:
    """Whether the device is there, goes with the other knobs, and takes the model."""
    from workbench.measure.devices.choose import make_device, resolve_device
    from workbench.measure.inference.open_engine import check_engine
    from workbench.workload import ChecksModel, Placeholder, RunsEngines

    placeholder = workload.placeholder if isinstance(workload, Placeholder) else None
    kind, _ = resolve_device(knobs.device, placeholder is not None)
    knobs.changed(device=kind, pin_memory=knobs.pin_memory and kind == "cuda")
    if kind == "replay" and knobs.replay_record:
        make_device(knobs.slice(DeviceKnobs), placeholder)
    if kind in ("cpu", "cuda"):
        has_model = isinstance(workload, RunsEngines)
        check_engine(knobs.slice(InferenceKnobs), has_model=has_model, on_gpu=kind == "cuda")
        if isinstance(workload, ChecksModel):
            workload.check_model()
