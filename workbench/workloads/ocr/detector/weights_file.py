"""Weights of a detector as a safetensors file: half precision, with what they were trained for beside them.

`scripts/train_shipped_weights.py` makes the file that ships, `weights/lcnet_050.safetensors`; its metadata says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from workbench.errors import BadInput, Problem
from workbench.workloads.ocr.detector.model import Detector, build_detector

#: The weights that ship with the workbench, and the architecture that they fit.
SHIPPED = Path(__file__).parent / "weights" / "lcnet_050.safetensors"
SHIPPED_ENCODER, SHIPPED_NECK = "lcnet_050", "fpn_small"

_TRAIN = "To train some: python scripts/train_shipped_weights.py"


def save_weights(detector: Detector, path: Path, *, encoder: str, neck: str, notes: Mapping[str, str]) -> None:
    """Write a detector's weights; floating-point ones in half precision."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in detector.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"encoder": encoder, "neck": neck, **notes})


def load_weights(detector: Detector, weights: str, *, encoder: str, neck: str) -> None:
    """Set a detector's weights, in float32.

    Args:
        detector: A detector of this encoder and neck.
        weights: `shipped`, or a file.
        encoder: Its encoder.
        neck: Its neck.

    Raises:
        BadInput: Where there is no such file, it is none, or it is of another architecture.
    """
    path = SHIPPED if weights == "shipped" else Path(weights).expanduser()
    if not path.is_file():
        remedy = f"Take weights=shipped or random. {_TRAIN}"
        raise BadInput("knobs", [Problem(f"there is no file {path}", "weights", remedy)])
    try:
        with safe_open(path, framework="pt") as file:
            made_for = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (SafetensorError, OSError) as error:
        raise BadInput("knobs", [Problem(f"{path} is no safetensors file ({error})", "weights")]) from None
    theirs = made_for.get("encoder"), made_for.get("neck")
    if theirs != (encoder, neck):
        remedy = f"Take encoder={theirs[0]} and neck={theirs[1]}" if all(theirs) else _TRAIN
        what = f"{path.name} is for encoder {theirs[0]}, neck {theirs[1]}"
        raise BadInput("knobs", [Problem(what, "weights", remedy)])
    try:
        detector.load_state_dict({name: v.float() if v.is_floating_point() else v for name, v in tensors.items()})
    except RuntimeError as error:
        what = f"{path.name} does not fit ({str(error).splitlines()[0]})"
        raise BadInput("knobs", [Problem(what, "weights", _TRAIN)]) from None


def shipped_detector() -> Detector:
    """The detector that ships, ready to detect, on the CPU."""
    detector = build_detector(SHIPPED_ENCODER, SHIPPED_NECK)
    load_weights(detector, "shipped", encoder=SHIPPED_ENCODER, neck=SHIPPED_NECK)
    return detector.eval()


def describe(path: Path) -> Mapping[str, str]:
    """What a file of weights says of itself."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})
