"""Weights of a detector as a safetensors file: half precision, with what they were trained for beside them.

`scripts/train_shipped_weights.py` makes the files that ship, one for each small neck; their metadata says how.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from workbench.errors import BadInput, Problem
from workbench.files import expanded
from workbench.workloads.ocr.detector.model import Detector, build_detector

#: The encoder that weights ship for, the necks, and the neck of the detector that pages are compared by.
SHIPPED_ENCODER = "lcnet_050"
SHIPPED_NECKS = ("fpn_small", "rse_fpn", "replk_fpn", "fpem")
SHIPPED_NECK = SHIPPED_NECKS[0]

_FOLDER = Path(__file__).parent / "weights"

#: Of the metadata: the digest of all tensors. The format itself would not tell if a byte of them were another.
_DIGEST = "sha256"

_TRAIN = "To train some: python scripts/train_shipped_weights.py"


def weights_path(weights: str, neck: str) -> Path:
    """The file of weights that a knob names: those that ship for a neck, or one of the user's own."""
    return _FOLDER / f"{SHIPPED_ENCODER}-{neck}.safetensors" if weights == "shipped" else expanded(weights)


def save_weights(detector: Detector, path: Path, *, encoder: str, neck: str, notes: Mapping[str, str]) -> None:
    """Write a detector's weights; floating-point ones in half precision."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in detector.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"encoder": encoder, "neck": neck, **notes, _DIGEST: _digest(tensors)})


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
    made_for, tensors = _read(weights, encoder, neck)
    theirs = made_for.get("encoder"), made_for.get("neck")
    name = weights_path(weights, neck).name
    if theirs != (encoder, neck):
        remedy = f"Take encoder={theirs[0]} and neck={theirs[1]}" if all(theirs) else _TRAIN
        what = f"{name} is for encoder {theirs[0]}, neck {theirs[1]}"
        raise BadInput("knobs", [Problem(what, "weights", remedy)])
    try:
        detector.load_state_dict(tensors)
    except RuntimeError as error:
        what = f"{name} does not fit ({str(error).splitlines()[0]})"
        raise BadInput("knobs", [Problem(what, "weights", _TRAIN)]) from None


def load_fitting_weights(detector: Detector, path: str) -> list[str]:
    """Set those of a detector's weights that a file of another architecture has as well; gives the others' names.

    Raises:
        BadInput: Where there is no such file, or it is none.
    """
    own, (_, theirs) = detector.state_dict(), _read(path, "", "")
    fitting = {name: value for name, value in theirs.items() if name in own and own[name].shape == value.shape}
    detector.load_state_dict(fitting, strict=False)
    return [name for name in own if name not in fitting]


def teacher_from(weights: str) -> Detector:
    """The detector that a file of weights is for, with these weights, in evaluation mode.

    Args:
        weights: `shipped`, or a file.

    Raises:
        BadInput: Where there is no such file, it is none, or it does not say what it is for.
    """
    path = weights_path(weights, SHIPPED_NECK)
    made_for, _ = _read(str(path), "", "", knob="teacher")
    encoder, neck = made_for.get("encoder"), made_for.get("neck")
    if encoder is None or neck is None:
        what = f"{path.name} does not say which encoder and neck it is for"
        raise BadInput("knobs", [Problem(what, "teacher", _TRAIN)])
    detector = build_detector(encoder, neck)
    load_weights(detector, str(path), encoder=encoder, neck=neck)
    return detector.eval()


def _read(
    weights: str, encoder: str, neck: str, knob: str = "weights"
) -> tuple[Mapping[str, str], dict[str, torch.Tensor]]:
    """What a file says of itself, and its tensors in float32.

    Raises:
        BadInput: See `load_weights`.
    """
    path = weights_path(weights, neck)
    if weights == "shipped" and (encoder != SHIPPED_ENCODER or neck not in SHIPPED_NECKS):
        what = f"no weights ship for encoder={encoder} with neck={neck}"
        remedy = f"Take encoder={SHIPPED_ENCODER} and neck={' or '.join(SHIPPED_NECKS)}; or weights=random. {_TRAIN}"
        raise BadInput("knobs", [Problem(what, "weights", remedy)])
    if not path.is_file():
        otherwise = "shipped or random" if knob == "weights" else "shipped"
        remedy = f"Take {knob}={otherwise}. {_TRAIN}"
        raise BadInput("knobs", [Problem(f"there is no file {path}", knob, remedy)])
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            made_for = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise BadInput("knobs", [Problem(f"{path} is no safetensors file ({error})", knob, _TRAIN)]) from None
    if made_for.get(_DIGEST, (digest := _digest(tensors))) != digest:
        remedy = "Put back a copy of it, or install the workbench again" if weights == "shipped" else "Put back a copy"
        raise BadInput(
            "knobs", [Problem(f"{path} has been damaged: it holds other weights than were saved", knob, remedy)]
        )
    return made_for, {name: v.float() if v.is_floating_point() else v for name, v in tensors.items()}


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of tensors, as they are in the file: names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def shipped_detector() -> Detector:
    """The detector that ships, ready to detect, on the CPU."""
    detector = build_detector(SHIPPED_ENCODER, SHIPPED_NECK)
    load_weights(detector, "shipped", encoder=SHIPPED_ENCODER, neck=SHIPPED_NECK)
    return detector.eval()


def describe(path: Path) -> Mapping[str, str]:
    """What a file of weights says of itself."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})
