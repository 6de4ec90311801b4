"""A loop of short steps: python short_steps.py WORKERS BATCH_SIZE STEPS SECONDS_OF_A_STEP."""

import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

W, N, STEPS, SPIN = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
torch.set_num_threads(1)


class Scale:
    def __call__(self, x):
        return x * 2


class Flip:
    def __call__(self, x):
        return x.flip(0)


class Ds(Dataset):
    def __init__(self):
        self.x = torch.rand(64, 32)
        self.t = [Scale(), Flip()]

    def __len__(self):
        return N * STEPS

    def __getitem__(self, i):
        x = self.x[i % 64]
        for t in self.t:
            x = t(x)
        return x


def spin(s):
    e = time.perf_counter() + s
    while time.perf_counter() < e:
        pass


if __name__ == "__main__":
    net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 1))
    opt = torch.optim.SGD(net.parameters(), 0.01)
    for x in DataLoader(Ds(), N, num_workers=W):
        loss = net(x).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        spin(SPIN)
