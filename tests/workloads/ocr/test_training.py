"""A training step: when weights are updated, what is skipped, and what is left to compare two trainings by."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench.files import sample_pages_dir
from workbench.knobs.knob import Maths
from workbench.measure.devices.device import CpuDevice
from workbench.records.checks import Checks
from workbench.workloads.ocr.checks.training import check_training
from workbench.workloads.ocr.detector.distillation import Teacher
from workbench.workloads.ocr.detector.model import build_detector
from workbench.workloads.ocr.detector.weights_file import teacher_from
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.dataset import PageDataset
from workbench.workloads.ocr.pages.survey import survey_pages
from workbench.workloads.ocr.sample import collate
from workbench.workloads.ocr.training import Training

KNOBS = OcrKnobs(
    dataset=str(sample_pages_dir()), num_pages=4, image_size=128, targets="fast", mode="train", device="cpu",
    encoder="lcnet_050", neck="fpn_small", batch_size=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def batches():
    """Two batches of two pages, without random transforms."""
    knobs = KNOBS.changed(mode="validate")
    pages = PageDataset(survey_pages(knobs)[0], knobs)
    made = [collate([pages[number] for number in numbers]) for numbers in ((0, 1), (2, 3))]
    return [SimpleNamespace(data=data, number=n, samples=[2 * n, 2 * n + 1]) for n, data in enumerate(made)]


def training(**settings) -> Training:
    return Training(build_detector("lcnet_050", "fpn_small", seed=1), CpuDevice(), KNOBS.changed(**settings))


def run(own: Training, batches, steps: int = 4, *, counted: bool = True) -> list[str]:
    """The stages of some steps, in their order."""
    stages: list[str] = []

    def timer(name):
        stages.append(name)
        return nullcontext()

    for step in range(steps):
        own.step(batches[step % 2], timer, counted=counted)
    return stages


def test_a_teacher_is_a_stage_of_its_own_and_changes_what_is_learned(batches):
    alone, taught = (
        Training(build_detector("lcnet_050", "fpem", seed=1), CpuDevice(), KNOBS, teacher)
        for teacher in (None, Teacher(teacher_from("shipped")))
    )
    assert "teacher" not in run(alone, batches, 1)
    assert run(taught, batches, 1) == ["transfer", "forward", "teacher", "loss", "backward", "optimizer"]
    losses = [own.recorded()["trained_losses"] for own in (alone, taught)]
    assert losses[1][0] > losses[0][0]  # of the same output: what the teacher says comes on top


def test_weights_are_updated_when_all_batches_of_a_group_have_been_seen(batches):
    own = training(accumulate=2)
    before = copy.deepcopy(own.module.state_dict())
    assert run(own, batches, 1).count("optimizer") == 0
    weights = dict(own.module.named_parameters())
    assert all(torch.equal(weights[name], before[name]) for name in weights)
    assert run(own, batches[::-1], 1).count("optimizer") == 1
    assert any(not torch.equal(weights[name], before[name]) for name in weights)
    facts = own.facts()
    assert (facts.optimizer_steps, facts.samples_per_step, facts.skipped_steps) == (1, 4.0, 0)


def test_gradients_of_a_group_are_the_mean_of_its_batches(batches):
    own = training(accumulate=2)
    run(own, batches, 1)
    first = {name: weight.grad.clone() for name, weight in own.module.named_parameters()}
    alone = training()
    alone._optimizer.step = lambda *args, **kwargs: None
    run(alone, batches, 1)
    for name, weight in alone.module.named_parameters():
        assert torch.allclose(first[name] * 2.0, weight.grad, atol=1e-6), name


def test_groups_begin_anew_where_steps_begin_to_count(batches):
    own = training(accumulate=2)
    run(own, batches, 1, counted=False)
    assert run(own, batches, 2).count("optimizer") == 1
    assert own.facts().optimizer_steps == 1


def test_updates_whose_gradients_overflow_are_counted(batches):
    """The planted fault: a scale that no gradient survives."""
    own = training(precision="fp16")
    own._scaler = torch.amp.GradScaler("cpu", init_scale=1e30)
    run(own, batches, 2)
    assert own.facts().skipped_steps == 2
    assert training(precision="fp16")._scaler.is_enabled()
    assert not training(precision="bf16")._scaler.is_enabled()


def left(own: Training) -> dict:
    return {name: np.asarray(value) for name, value in own.recorded().items()}


def test_identical_trainings_are_the_same(batches):
    pair = training(), training()
    for own in pair:
        run(own, batches)
    checks = check_training(left(pair[0]), left(pair[1]), Maths.SAME)
    assert Checks(checks=checks).status == "same" and len(checks) == 4


def test_checkpointing_trains_the_same(batches):
    plain, own = training(), training(checkpointing=True)
    for each in (plain, own):
        run(each, batches)
    assert Checks(checks=check_training(left(own), left(plain), Maths.SAME)).status == "same"


FAULTS = {
    "statistics moved twice": lambda module: [
        layer.num_batches_tracked.mul_(2) for layer in module.modules() if isinstance(layer, torch.nn.BatchNorm2d)
    ],
    "a layer that did not learn": lambda module: [weight.data.mul_(1.5) for weight in list(module.parameters())[:1]],
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_faulty_training_is_found(batches, fault):
    plain, own = training(), training()
    for each in (plain, own):
        run(each, batches)
    fault(own.module)
    assert Checks(checks=check_training(left(own), left(plain), Maths.SAME)).status == "different"
