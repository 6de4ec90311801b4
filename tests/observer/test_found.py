"""What the observer finds in somebody else's objects: transforms wherever they lie, models that were compiled."""

from __future__ import annotations

import pickle
from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from workbench.observer import model, transforms


class Flip(nn.Module):
    def forward(self, image):
        return image.flip(-1)


class Scale:
    def __call__(self, image):
        return image * 2


def shift(image):
    return image + 1


def found_in(value) -> set[str]:
    return {transforms._name_of(part) for _, _, part in transforms._callables(value, 0, set())}


@pytest.mark.parametrize(
    "chain",
    [
        [Flip(), Scale(), shift],
        {"train": (Flip(), Scale(), shift)},
        SimpleNamespace(transforms=[Flip(), Scale(), shift]).transforms,
    ],
)
def test_transforms_are_found_in_whatever_holds_them(chain):
    assert found_in(SimpleNamespace(chain=chain)) == {"Flip", "Scale", "shift"}


def test_torchs_own_lists_of_modules_are_opened_and_hooks_are_no_transforms():
    flip = Flip()
    flip.register_forward_pre_hook(model.Hook(lambda: None))
    assert found_in(SimpleNamespace(chain=nn.Sequential(nn.Sequential(flip), Flip()))) == {"Flip"}


def test_a_model_that_was_compiled_in_place_is_seen_from_outside_and_put_back():
    net = nn.Linear(2, 2)
    net.compile(backend="eager")
    original = net._compiled_call_impl
    calls = []
    handle = model._CompiledCall(net, lambda: calls.append("begin"), lambda: calls.append("end"))
    expected = nn.functional.linear(torch.ones(1, 2), net.weight, net.bias)
    assert torch.equal(net(torch.ones(1, 2)), expected)
    assert calls == ["begin", "end"]
    with pytest.raises(RuntimeError):
        net(torch.ones(1, 3))
    assert calls == ["begin", "end"] * 2
    pickle.loads(pickle.dumps(net))
    deepcopy(net)
    handle.remove()
    assert net._compiled_call_impl is original


class LabelSmoothingCrossEntropy(nn.Module):
    pass


@pytest.mark.parametrize(
    ("module", "stage"),
    [(nn.CrossEntropyLoss(), "loss"), (LabelSmoothingCrossEntropy(), "loss"), (Flip(), "Flip"), (nn.ReLU(), None)],
)
def test_modules_without_parameters_are_a_loss_or_called_by_their_class(module, stage):
    assert model._stage_without_parameters(module) == stage
