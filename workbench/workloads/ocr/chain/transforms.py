"""The albumentations chain, timed in place: each transform on the input that it really gets.

Validation: ``LongestMaxSize -> PadIfNeeded -> Normalize -> ToTensorV2``. Training puts random geometric and photometric
transforms in front. The chain's longest deterministic prefix up to normalization is what a prepared cache holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import albumentations as A
import cv2
import numpy as np
import numpy.typing as npt
import torch
from albumentations.pytorch import ToTensorV2

from workbench.measure.timing.stages import is_knocked_out, run, stage
from workbench.workloads.ocr.chain import normalize
from workbench.workloads.ocr.chain.decode import Pixels
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.words import Polygon


class TimedCompose(A.Compose):  # type: ignore[misc]
    """`albumentations.Compose` with a stage for each transform, and one, `keypoints`, for Compose's own work.

    That own work is checking the arguments, converting keypoints to arrays and back, and filtering them. The loop is
    that of albumentations 2.0.8; a test holds the results of the two together.
    """

    def __call__(self, *args: Any, force_apply: bool = False, **data: Any) -> dict[str, Any]:
        """Apply the chain; arguments and result as `albumentations.Compose`."""
        if args:
            raise KeyError("data goes in by name: chain(image=image)")
        with stage("keypoints"):
            if not (force_apply or self.py_random.random() < self.p):
                return data
            self.preprocess(data)
        for transform in self.transforms:
            name, given = type(transform).__name__, data
            if is_knocked_out(name):
                data = self._replayed(transform, name, given)
            else:
                with stage(name):
                    data = transform(**data)
            with stage("keypoints"):
                self._track_transform_params(transform, data)
                data = self.check_data_post_transform(data)
        with stage("keypoints"):
            result: dict[str, Any] = self.postprocess(data)
        return result

    def _replayed(self, transform: A.BasicTransform, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """What a knocked-out transform gives: an image from memory, and the page's own points where it puts them."""
        made = run(name, lambda: (given, transform(**given)), like=given["image"].shape)
        before, after = made
        data = {**given, "image": after["image"]}
        if "keypoints" in given and len(given["keypoints"]) and given is not before:
            points = given["keypoints"].copy()
            points[:, :2] = _moved(points[:, :2], before["keypoints"][:4, :2], after["keypoints"][:4, :2])
            data["keypoints"] = points
        elif "keypoints" in given:
            data["keypoints"] = after["keypoints"]
        return data


def _moved(
    points: npt.NDArray[np.float32], before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """float32 [N, 2]: points where a transform puts them that takes four points from `before` to `after`."""
    if np.array_equal(before, after):
        return points
    source, target = (np.ascontiguousarray(four, np.float32) for four in (before, after))
    matrix = cv2.getPerspectiveTransform(source, target)
    return np.asarray(cv2.perspectiveTransform(points[None].astype(np.float64), matrix)[0], np.float32)


@dataclass(frozen=True)
class Transformed:
    """A page after some part of the chain.

    Attributes:
        image: uint8 [H, W, 3] in the middle of the chain; at its end a tensor, float32 or uint8 [3, S, S].
        points: float32 [N, 2], x y in pixels of `image`: the corners of the original image (4), then all words' points.
    """

    image: Any
    points: npt.NDArray[np.float32]


class Chain(Protocol):
    """The transforms of a set of knobs, in two parts that can run at different times."""

    def __call__(self, image: Pixels, points: npt.NDArray[np.float32]) -> Transformed:
        """The whole chain, from the decoded image to the tensor."""

    def prepare(self, image: Pixels, points: npt.NDArray[np.float32]) -> Transformed:
        """The chain up to, and without, normalization: uint8 [S, S, 3]."""

    def finish(self, prepared: Pixels) -> torch.Tensor:
        """The rest of the chain after `prepare`: float32 or uint8 [3, S, S]. No point moves in it."""


class AlbumentationsChain:
    """See `Chain`: a timed `albumentations.Compose`, as the study had it."""

    def __init__(self, knobs: OcrKnobs, seed: int) -> None:
        resize: list[A.BasicTransform] = [
            A.LongestMaxSize(max_size=knobs.image_size),
            A.PadIfNeeded(min_height=knobs.image_size, min_width=knobs.image_size, border_mode=0, fill=0),
        ]
        random = _random_transforms() if knobs.mode == "train" else []
        finish = finishing_transforms(knobs)
        #: What is applied one after the other.
        self.transforms = [*random, *resize, *finish]
        self._whole = _compose([*random, *resize, *finish], seed)
        self._prepare = _compose([*random, *resize], seed)
        self._finish = TimedCompose(finish)

    def __call__(self, image: Pixels, points: npt.NDArray[np.float32]) -> Transformed:
        """See `Chain`."""
        return _apply(self._whole, image, points)

    def prepare(self, image: Pixels, points: npt.NDArray[np.float32]) -> Transformed:
        """See `Chain`."""
        return _apply(self._prepare, image, points)

    def finish(self, prepared: Pixels) -> torch.Tensor:
        """See `Chain`."""
        tensor: torch.Tensor = self._finish(image=prepared)["image"]
        return tensor


def finishing_transforms(knobs: OcrKnobs) -> list[A.BasicTransform]:
    """What is left of the chain after resizing and padding: normalization (or not), and the tensor."""
    make_normalize = normalize.TRANSFORMS[knobs.normalize]
    return [*([make_normalize()] if make_normalize else []), ToTensorV2()]


def corners(width: int, height: int) -> npt.NDArray[np.float32]:
    """float32 [4, 2]: the corners of an image, clockwise from the top left; they show where the chain puts the page."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def pack_points(width: int, height: int, polygons: list[Polygon]) -> npt.NDArray[np.float32]:
    """float32 [N, 2]: the image's corners, then the points of all polygons, as the chain takes them."""
    return np.concatenate([corners(width, height), *polygons]) if polygons else corners(width, height)


def _apply(compose: TimedCompose, image: npt.NDArray[np.uint8], points: npt.NDArray[np.float32]) -> Transformed:
    result = compose(image=image, keypoints=points)
    with stage("keypoints"):
        return Transformed(result["image"], np.asarray(result["keypoints"], np.float32).reshape(-1, 2))


def _compose(transforms: list[A.BasicTransform], seed: int) -> TimedCompose:
    # Invisible keypoints stay: a word that leaves the page partly is cut later, as a polygon.
    keypoints = A.KeypointParams(format="xy", remove_invisible=False)
    return TimedCompose(transforms, keypoint_params=keypoints, seed=seed)


def _random_transforms() -> list[A.BasicTransform]:
    return [
        A.Affine(rotate=(-10, 10), scale=(0.7, 1.3), translate_percent=(-0.1, 0.1), p=1.0),
        A.Perspective(scale=(0.02, 0.05), p=0.3),
        A.RandomBrightnessContrast(p=0.5),
        A.HueSaturationValue(p=0.3),
    ]
