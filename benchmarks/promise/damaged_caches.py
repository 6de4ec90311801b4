"""Faults of what is kept between trials: page caches, engines, words, weights, compiled code.

What is damaged is made anew, or refused by name; what comes of it is never another result.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

import numpy as np
import torch
from promise.changed_data import drawn_pages
from promise.damage import DAMAGES
from promise.fault import Fault

from workbench.errors import WorkbenchError
from workbench.files import child_environment
from workbench.knobs.inference import InferenceKnobs
from workbench.measure.inference.open_engine import open_engine
from workbench.measure.timing.spans import monotonic_ns
from workbench.workload import InferenceModel
from workbench.workloads.ocr.detector.model import build_detector
from workbench.workloads.ocr.detector.shipped_words import ShippedWords
from workbench.workloads.ocr.detector.weights_file import SHIPPED_ENCODER, SHIPPED_NECK, load_weights, weights_path
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.dataset import PageDataset
from workbench.workloads.ocr.pages.survey import survey

#: Keeps something in a folder, or uses what is there; gives the result as bytes.
Use = Callable[[Path], bytes]


def _cached_pages(folder: Path, kind: str) -> bytes:
    pages, _ = survey(drawn_pages(), limit=3)
    dataset = PageDataset(pages, OcrKnobs(cache=kind, cache_store="disk", image_size=64))
    with patch.dict("os.environ", {"WORKBENCH_CACHE": str(folder)}):
        dataset.fill_cache(threads=1)
    samples = [dataset[number] for number in range(len(pages))]
    return b"".join(sample.image.numpy().tobytes() + np.concatenate(sample.polygons).tobytes() for sample in samples)


def _words(folder: Path) -> bytes:
    image = torch.zeros(1, 3, 128, 128)
    image[:, :, 40:60, 20:100] = 1.0
    return b"".join(word.tobytes() for word in ShippedWords(folder).on([image])[0])


def _weights(folder: Path) -> bytes:
    path = folder / "own.safetensors"
    if not any(folder.iterdir()):
        shutil.copyfile(weights_path("shipped", SHIPPED_NECK), path)
    return _detector(str(path))


def _shipped_weights(folder: Path) -> bytes:
    if not any(folder.iterdir()):
        shutil.copy(weights_path("shipped", SHIPPED_NECK), folder)
    with patch("workbench.workloads.ocr.detector.weights_file._FOLDER", folder):
        return _detector("shipped")


def _detector(weights: str) -> bytes:
    detector = build_detector(SHIPPED_ENCODER, SHIPPED_NECK)
    load_weights(detector, weights, encoder=SHIPPED_ENCODER, neck=SHIPPED_NECK)
    return b"".join(value.numpy().tobytes() for value in detector.state_dict().values())


def _engine(folder: Path, kind: str) -> bytes:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 1, 3)).eval()
        images = torch.rand(2, 3, 16, 16)
    engine = open_engine(InferenceKnobs(engine=kind), InferenceModel(module, images), [2], monotonic_ns, folder)
    return engine(images).numpy().tobytes()


_DRAW = """
import numpy as np
from workbench.workloads.ocr.compiled import compile_ahead
compile_ahead()
from workbench.workloads.ocr.fast_targets import fast_targets
targets = fast_targets([np.array([[10, 10], [50, 10], [50, 30], [10, 30]], np.float32)], (False,), 64)
print(int(targets.levels.sum()), int(targets.flags.sum()))
"""


def _compiled(folder: Path) -> bytes:
    """In a process of its own, as a trial does: numba loads what it has kept as it is imported."""
    places = {"NUMBA_CACHE_DIR": str(folder / "numba"), "WORKBENCH_CACHE": str(folder / "cache")}
    environment = child_environment(places)
    done = subprocess.run([sys.executable, "-c", _DRAW], env=environment, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b"died: " + done.stderr[-300:]


#: By name: what uses it, and a pattern of the files that are damaged one after the other, the first of them.
USES: Mapping[str, tuple[Use, str]] = {
    "decoded pages on disk": (partial(_cached_pages, kind="decoded"), "*.pages"),
    "prepared pages on disk": (partial(_cached_pages, kind="prepared"), "*.pages"),
    "words of the shipped detector": (_words, "*/*.npz"),
    "weights of a file": (_weights, "*.safetensors"),
    "shipped weights": (_shipped_weights, "*.safetensors"),
    "exported engine": (partial(_engine, kind="exported"), "*/*.pt2"),
    "exported engine's label": (partial(_engine, kind="exported"), "*/engine.json"),
    "ONNX engine": (partial(_engine, kind="onnx"), "*/optimized.onnx"),
    "compiled code": (_compiled, "numba/*/fast_targets.*.nbc"),
    "index of compiled code": (_compiled, "numba/*/fast_targets.*.nbi"),
    "stamp of compiled code": (_compiled, "cache/compiled/*"),
}

#: torch.compile takes most of a minute: the one damage that nobody but a digest would notice.
_TORCH_COMPILE = {"engine of torch.compile": (partial(_engine, kind="compiled"), "*/inductor/*/*.main.so")}
_MACHINE_CODE = ("one bit turned at two thirds",)


def plant_damage(folder: Path, name: str, damage: str) -> list[str]:
    """Damage what is kept, and use it twice: what is made anew is kept again.

    Args:
        folder: An empty folder, which is not needed: see `_kept`.
        name: What is damaged, a key of `USES`.
        damage: What is done to it, a key of `DAMAGES`.

    Returns:
        Every way in which it was not survived.
    """
    use, pattern = {**USES, **_TORCH_COMPILE}[name]
    place, whole, expected = _kept(name)
    shutil.rmtree(place)
    shutil.copytree(whole, place)  # to where it was made: paths are part of some of it
    path = sorted(place.glob(pattern))[0]
    DAMAGES[damage](path)
    lost = []
    for time in ("first", "second"):
        try:
            result = use(place)
        except WorkbenchError as error:
            if path.name not in str(error):
                lost.append(f"the {time} refuses it and names no file: {error}")
            break
        if result != expected:
            lost.append(f"the {time} has another result: {result[:300]!r}")
    return lost


@cache
def _kept(name: str) -> tuple[Path, Path, bytes]:
    """A folder in which something is kept, a copy of it, and the result of it."""
    use, pattern = {**USES, **_TORCH_COMPILE}[name]
    place = Path(mkdtemp(prefix="fault-kept-"))
    atexit.register(shutil.rmtree, place)  # the faults of a file share it
    folder, whole = place / "kept", place / "whole"
    folder.mkdir()
    result = use(folder)
    shutil.copytree(folder, whole)
    assert any(folder.glob(pattern)), f"{name} has left nothing: {sorted(folder.rglob('*'))}"
    return folder, whole, result


#: What each use of takes a process of its own: fewer damages.
_SLOW = ("compiled code", "index of compiled code", "stamp of compiled code")
_FEWER = ("empty", "cut at the middle", "zeros at the middle", "bits turned at the middle", "random bytes")

#: One bit of a label may make another digit of a digit: texts have no checksum.
_TEXT, _OF_BINARY = ("exported engine's label",), ("one bit turned at a third", "one bit turned at two thirds")
_SHORT = ("cut at the middle", "one bit turned at two thirds", "a folder in its place")


def _faults() -> Iterator[Fault]:
    for name in USES:
        for damage in _FEWER if name in _SLOW else DAMAGES:
            if not (name in _TEXT and damage in _OF_BINARY):
                plant = partial(plant_damage, name=name, damage=damage)
                is_short = damage in _SHORT and name in ("prepared pages on disk", "weights of a file")
                yield Fault(f"{name} damaged", "kept", damage, plant, is_short)
    for name in _TORCH_COMPILE:
        for damage in _MACHINE_CODE:
            yield Fault(f"{name} damaged", "kept", damage, partial(plant_damage, name=name, damage=damage))


FAULTS: tuple[Fault, ...] = tuple(_faults())
