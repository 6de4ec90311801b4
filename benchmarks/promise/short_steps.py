"""A loop of short steps: python short_steps.py WORKERS BATCH_SIZE STEPS SECONDS_OF_WORK_IN_A_STEP."""

import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class _Scale:
    def __call__(self, sample):
        return sample * 2


class _Flip:
    def __call__(self, sample):
        return sample.flip(0)


class _Samples(Dataset):
    def __init__(self, count):
        self.count = count
        self.values = torch.rand(64, 32)
        self.transforms = [_Scale(), _Flip()]

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        sample = self.values[number % 64]
        for transform in self.transforms:
            sample = transform(sample)
        return sample


def _work(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def _train(workers, batch_size, steps, work_s):
    torch.set_num_threads(1)
    net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for batch in DataLoader(_Samples(batch_size * steps), batch_size, num_workers=workers):
        loss = net(batch).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        _work(work_s)


if __name__ == "__main__":
    _train(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
