"""Two ranks of DistributedDataParallel on the CPU, started by torchrun or (with an argument) by `mp.spawn`."""

import os
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset


def train(rank, world):
    dist.init_process_group("gloo", rank=rank, world_size=world)
    data = TensorDataset(torch.rand(256, 8), torch.rand(256, 1))
    loader = DataLoader(data, batch_size=4, sampler=DistributedSampler(data), num_workers=1)
    net = DistributedDataParallel(nn.Linear(8, 1))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(50):
        for value, target in loader:
            if rank == 1:
                time.sleep(0.01)
            loss = (net(value) - target).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=sys.argv[1])
        mp.spawn(train, args=(2,), nprocs=2)
    else:
        train(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
