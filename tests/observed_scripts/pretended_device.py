"""A plain loop on a CUDA device that is not there: torch.cuda as the observer asks it, with the host's clock.

python pretended_device.py MILLISECONDS: what the device takes for a forward pass after the host has gone on.
"""

import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

FREE_NS = [0]


class Event:
    def __init__(self, enable_timing=False):
        self.at_ns = 0

    def record(self):
        self.at_ns = max(time.perf_counter_ns(), FREE_NS[0])

    def query(self):
        return time.perf_counter_ns() >= self.at_ns

    def synchronize(self):
        while not self.query():
            time.sleep(1e-4)

    def elapsed_time(self, end):
        return (end.at_ns - self.at_ns) / 1e6


def launch(took_ns):
    FREE_NS[0] = max(time.perf_counter_ns(), FREE_NS[0]) + took_ns


class Launches(nn.Module):
    def __init__(self, milliseconds):
        super().__init__()
        self.layer = nn.Linear(8, 2)
        self.took_ns = int(milliseconds * 1e6)
        self.layer.weight.register_hook(lambda gradient: launch(self.took_ns // 10))  # backward takes some too

    def forward(self, values):
        launch(self.took_ns)
        return self.layer(values)


def finish():
    while time.perf_counter_ns() < FREE_NS[0]:
        time.sleep(1e-4)


def main():
    torch.cuda.is_initialized = lambda: True
    torch.cuda.is_current_stream_capturing = lambda: False
    torch.cuda.synchronize = lambda device=None: finish()
    torch.cuda.max_memory_allocated = lambda device=None: 12_345
    torch.cuda.get_device_name = lambda device=None: "pretended"
    torch.cuda.Event = Event
    to = torch.Tensor.to
    torch.Tensor.to = lambda self, *args, **kw: self.clone() if "cuda" in args else to(self, *args, **kw)
    data = TensorDataset(torch.rand(4000, 8), torch.zeros(4000, dtype=torch.long))
    model = Launches(float(sys.argv[1]))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for values, labels in DataLoader(data, batch_size=4, shuffle=True, num_workers=2):
        values, labels = values.to("cuda"), labels.to("cuda")
        loss = nn.functional.cross_entropy(model(values), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        finish()  # as loss.item() does
    print("done")


if __name__ == "__main__":
    main()
