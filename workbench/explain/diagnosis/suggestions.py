"""What to try next for a stage: the knobs that address it."""

from __future__ import annotations

from workbench.errors import BadInput
from workbench.records import Record

#: The knobs that address a stage.
_REMEDIES = {
    "read": ("cache=encoded", "cache=prepared"),
    "decode": ("image_decoder=turbojpeg", "scaled_decode=true", "cache=prepared", "cache=decoded"),
    "orient": ("scaled_decode=true", "cache=prepared"),
    "LongestMaxSize": ("scaled_decode=true", "cache=prepared"),
    "PadIfNeeded": ("transforms=direct", "cache=prepared"),
    "keypoints": ("transforms=direct",),
    "resize": ("scaled_decode=true", "cache=prepared"),
    "pad": ("cache=prepared",),
    "Normalize": ("normalize=device", "normalize=opencv"),
    "ConditionalNormalize": ("normalize=device", "normalize=opencv"),
    "OpenCVNormalize": ("normalize=device",),
    "targets": ("targets=fast", "targets=cached"),
    "collate": ("transport=ring", "normalize=device"),
    "start": ("persistent_workers=true",),
    "epoch": ("persistent_workers=true",),
    "receive": ("transport=ring", "normalize=device"),
    "release": ("transport=ring", "normalize=device"),
    "transfer": ("pin_memory=true", "normalize=device"),
    "postprocess": ("postprocess=threads",),
    "metric": ("postprocess=threads",),
}


def remedies(record: Record, stage: str) -> list[str]:
    """Settings that address a stage, and are others than the run's."""
    return [remedy for remedy in _REMEDIES.get(stage, ()) if settings_of(record, remedy) is not None]


def addressed_by(settings: str) -> list[str]:
    """The stages that settings address: all of them, by the knobs set together."""
    wanted = settings.split()
    return [stage for stage, known in _REMEDIES.items() if any(remedy in wanted for remedy in known)]


def settings_of(record: Record, text: str) -> dict[str, object] | None:
    """Settings by knob name, typed, from ``"cache=prepared targets=cached"``.

    None where the run has one of them already, or they cannot be had.
    """
    named = dict(part.split("=", 1) for part in text.split())
    if "pin_memory" in named and not (record.environment and record.environment.gpu):
        return None
    try:
        changed = record.knobs.changed(**named)
    except BadInput:
        return None
    typed = {name: getattr(changed, name) for name in named}
    return typed if all(value != getattr(record.knobs, name) for name, value in typed.items()) else None
