"""A workload of your own: a small classifier of made-up images. `docs/own_workload.md` explains it step by step."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torchvision.datasets import FakeData
from torchvision.transforms.functional import pil_to_tensor

from workbench.errors import BadInput, Problem
from workbench.knobs.knob import Effect, knob
from workbench.measure.timing.stages import run, stage
from workbench.records import Count, Description, Score
from workbench.stages import Stage
from workbench.workload import Batch, Device, Timers

CLASSES = 10


class ToyKnobs(BaseModel):
    """What can be set beside the knobs of measuring."""

    #: What `workbench report` compares with the defaults.
    suggested_variants: ClassVar = ("kept images: keep_images=true", "no workers: num_workers=0")

    num_images: int = knob(256, "workload", "images in the data set", unit="images", predicted="nothing", ge=1)
    image_side: int = knob(64, "workload", "side of the square images", unit="px", ge=1)
    keep_images: bool = knob(
        False, "workload", "draw every image once, before the workers start, and keep them all in memory",
        effects={True: Effect(frees=("draw",), assumes="There is memory for all images.")}, predicted="effects",
        cost="memory for all images, and the time to draw them at the start",
    )  # fmt: skip


class ToyImages(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """An ordinary map-style data set, with its stages timed where they happen."""

    def __init__(self, knobs: Any) -> None:
        side = knobs.image_side
        self.images: Any = FakeData(knobs.num_images, image_size=(3, side, side), num_classes=CLASSES)
        if knobs.keep_images:
            self.images = [self.images[number] for number in range(knobs.num_images)]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        image, label = run("draw", lambda: self.images[number])  # timed, and replayed from memory with knock_out=draw
        with stage("normalize"):
            return pil_to_tensor(image).float().div(127.5).sub(1.0), label


class Toy:
    """Meets `workbench.workload.Workload`, and `Placeholder`: it also runs where there is no GPU, in simulation."""

    Knobs = ToyKnobs
    item = "image"
    stages = (
        Stage("draw", "worker", "work", "sample", colour="#8E5EA2", replayable=True),
        Stage("normalize", "worker", "work", "sample", colour="#3B8686"),
        Stage("score", "main", "collect", colour="#B5532A"),
    )

    def __init__(self, knobs: Any) -> None:
        self.knobs = knobs
        self.right: dict[int, bool] = {}  # by number of the image

    def check(self) -> Description:
        if self.knobs.image_side < 8:
            raise BadInput("knobs", [Problem("the model needs 8 pixels", "image_side", "Take 8 or more")])
        return Description(num_samples=self.knobs.num_images, counts=[Count(name="classes", number=CLASSES)])

    @cached_property  # a trial asks for its data set twice
    def images(self) -> ToyImages:
        return ToyImages(self.knobs)

    def dataset(self) -> ToyImages:
        return self.images

    def collate(self) -> None:
        return None  # torch's way

    def build(self, device: Device) -> None:
        self.device = device
        layers = [nn.Conv2d(3, 32, 3, 2), nn.ReLU(), nn.Conv2d(32, 64, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
        self.model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, CLASSES)).to(device.torch_device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)

    def step(self, batch: Batch, timers: Timers, *, counted: bool) -> None:
        with timers.main("transfer"):
            images, labels = (self.device.put(part) for part in batch.data)
        if self.knobs.mode == "train":
            self.train(images, labels, batch, timers)
            return
        with timers.main("forward"), torch.inference_mode():
            pending = self.device.submit("forward", lambda: self.model(images), batch, fetch=True)
        with timers.main("fetch"):
            scores = pending.result()
        with timers.main("score"):
            right = scores.argmax(1) == batch.data[1]
            self.right |= dict(zip(batch.samples, right.tolist(), strict=True)) if counted else {}

    def train(self, images: Tensor, labels: Tensor, batch: Batch, timers: Timers) -> None:
        made: dict[str, Tensor] = {}

        def forward() -> Tensor:
            return made.setdefault("scores", self.model(images))

        def loss() -> Tensor:
            return made.setdefault("loss", nn.functional.cross_entropy(made["scores"], labels))

        def backward() -> Tensor:
            self.optimizer.zero_grad()
            made["loss"].backward()
            return made["loss"]

        def optimizer() -> Tensor:
            self.optimizer.step()
            return made["loss"]

        for work in (forward, loss, backward, optimizer):
            with timers.main(work.__name__):
                self.device.submit(work.__name__, work, batch)  # the replay device only takes its time

    def quality(self) -> dict[str, Score]:
        if not self.right:
            return {}
        count, origin = len(self.right), "simulated" if self.device.simulated else "measured"
        return {"accuracy": Score(value=sum(self.right.values()) / count, num_samples=count, origin=origin)}

    def placeholder(self, batch: Batch) -> Tensor:
        """What the replay device answers: it computes nothing, so every image is taken for what it is."""
        return nn.functional.one_hot(batch.data[1], CLASSES).float()
