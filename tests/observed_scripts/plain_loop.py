"""A plain training loop: seeded, with validation; prints a digest of all batches and the last loss.

python plain_loop.py WORKERS START_METHOD [map|iterable|subset] [persistent] [once]; PLANT names what is slow. With
`once` two epochs are one of twice the length: workers that import torch are started half as often.
"""

import hashlib
import os
import random
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, get_worker_info

PLANT = os.environ.get("PLANT", "")
EPOCHS = 1 if "once" in sys.argv else 2
LENGTH = 128 // EPOCHS


def pause(where):
    if where == PLANT:
        time.sleep(0.3 if where in ("collate", "validation") else 0.1)  # once a batch


class Scale:
    def __call__(self, image):
        pause("transform")
        return image * 2.0


def shift(image):
    return image + 1.0


class Images(Dataset):
    def __init__(self):
        self.transforms = [Scale(), shift]

    def __len__(self):
        return LENGTH

    def __getitem__(self, index):
        pause("sample")
        image = np.random.rand(3, 16, 16).astype(np.float32) + random.random()
        for transform in self.transforms:
            image = transform(image)
        return torch.from_numpy(image) + torch.rand(1), index % 4


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        first, step = (info.id, info.num_workers) if info else (0, 1)
        for index in range(first, LENGTH, step):
            yield torch.rand(3, 16, 16), index % 4


def collate(samples):
    pause("collate")
    return torch.stack([image for image, _ in samples]), torch.tensor([label for _, label in samples])


class Criterion(nn.Module):
    def forward(self, output, label):
        pause("loss")
        return nn.functional.cross_entropy(output, label)


def main():
    workers, method, kind = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    torch.set_num_threads(1)  # others are at work on the same cores
    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    data = {"map": Images, "iterable": Stream, "subset": lambda: Subset(Images(), range(LENGTH - 4))}[kind]()
    context = method if workers else None
    common = {"batch_size": 4, "num_workers": workers, "multiprocessing_context": context, "collate_fn": collate}
    training = DataLoader(
        data, shuffle=kind != "iterable", persistent_workers=workers > 0 and "persistent" in sys.argv, **common
    )
    validation = DataLoader(Subset(Images(), range(16)), **common)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    optimizer, criterion, digest = torch.optim.SGD(net.parameters(), 0.1), Criterion(), hashlib.md5()
    for _ in range(EPOCHS):
        for image, label in training:
            digest.update(image.numpy().tobytes())
            loss = criterion(net(image), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for image, _ in validation:
            pause("validation")
            with torch.no_grad():
                net(image)
    iterator = "" if EPOCHS == 1 else type(iter(training)).__name__
    print(digest.hexdigest(), f"{loss.item():.12f}", iterator, flush=True)


if __name__ == "__main__":
    main()
    if "fail" in sys.argv:
        raise SystemExit(7)
