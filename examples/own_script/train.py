"""A training script as anybody might write it; it knows nothing of the workbench.

workbench attach -- python examples/own_script/train.py
"""

import argparse
import random
import time
from pathlib import Path

import albumentations as A
import numpy as np
import torch
from albumentations.pytorch import ToTensorV2
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Invert(A.ImageOnlyTransform):
    """Text is bright on a dark page, so that what is padded looks like page."""

    def __init__(self, options):
        super().__init__(p=1.0)
        self.options = options

    def apply(self, image, **_):
        pause(self.options, "transform")
        return 255 - image


class Pages(Dataset):
    def __init__(self, folder, options):
        self.paths = sorted(Path(folder).rglob("*.jpg")) * options.repeat
        self.options = options
        flip = [A.HorizontalFlip(p=0.5)] if options.flip else []
        own = [A.LongestMaxSize(320), A.PadIfNeeded(320, 320), Invert(options), *flip]
        self.chain = A.Compose([*own, A.Normalize(), ToTensorV2()])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, number):
        pause(self.options, "sample")
        for _ in range(self.options.decodes):
            image = np.array(Image.open(self.paths[number]).convert("RGB"))
        return self.chain(image=image)["image"], number


class Maps:
    """Targets are made where a batch is put together, as many text detectors do."""

    def __init__(self, options):
        self.options = options

    def __call__(self, samples):
        pause(self.options, "collate")
        images = torch.stack([image for image, _ in samples])
        maps = np.hypot(*np.mgrid[0:320, 0:320]).astype(np.float32)
        return {"images": images, "maps": torch.from_numpy(np.stack([maps / 452.0] * len(samples)))}


def pause(options, where):
    if options.slow == where:
        time.sleep({"validation": 1.0, "collate": 0.3}.get(where, 0.1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=Path(__file__).parents[2] / "data_samples")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--decodes", type=int, default=1, help="how often each image is decoded")
    parser.add_argument("--repeat", type=int, default=4, help="how often each page is in an epoch")
    parser.add_argument("--flip", action="store_true", help="flip pages at random")
    parser.add_argument("--step-ms", type=float, default=0.0, help="let a step take longer")
    parser.add_argument("--slow", default="", help="sleep in: transform, sample, collate, loss, validation")
    options = parser.parse_args()
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    common = {"batch_size": options.batch_size, "num_workers": options.workers, "collate_fn": Maps(options)}
    pages = Pages(options.data, options)
    training = DataLoader(pages, shuffle=True, **common)
    validation = DataLoader(torch.utils.data.Subset(pages, range(8)), **common)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1), nn.Upsample(scale_factor=4)
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for epoch in range(options.epochs):
        net.train()
        for batch in training:
            loss = (net(batch["images"])[:, 0, :316, :316] - batch["maps"][:, :316, :316]).pow(2).mean()
            pause(options, "loss")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            time.sleep(options.step_ms / 1000)
        net.eval()
        for batch in validation:
            pause(options, "validation")
            with torch.no_grad():
                net(batch["images"])
        print(f"epoch {epoch}: loss {loss.item():.6f}", flush=True)


if __name__ == "__main__":
    main()
