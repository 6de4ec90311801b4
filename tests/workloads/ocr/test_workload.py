"""The OCR workload in one process: it validates, it trains, and its quality is that of its pages."""

from __future__ import annotations

from collections import defaultdict
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from workbench.measure.devices.cpu import CpuDevice
from workbench.measure.devices.nothing import NoDevice

from workbench.measure.devices.replay import ReplayDevice
from workbench.workload import Timers
from workbench.workloads.ocr import detected
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.workload import OcrWorkload

UNTIMED = Timers(lambda name: nullcontext(), lambda name, batch: nullcontext())


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class KeepingDevice(CpuDevice):
    """Keeps what the workload has had computed, by the name of the work: one entry for each batch."""

    def __init__(self):
        super().__init__()
        self.results = defaultdict(list)

    def submit(self, stage, work, **options):
        def kept():
            result = work()
            self.results[stage].append(result.detach().clone())
            return result

        return super().submit(stage, kept, **options)


def make(on=None, **settings):
    workload = OcrWorkload(OcrKnobs(**{"num_pages": 4, "encoder": "resnet10t", **settings}))
    workload.open()
    workload.fill_cache(lambda done, total: None)
    workload.build(on or ReplayDevice(ms_per_sample=0.01))
    return workload


def step(workload, pages, number=0, counted=True):
    batch = workload.collate([workload.dataset[page] for page in pages])
    stages = []

    def timed(name, batch=None):
        stages.append(name if batch is None else f"{name} beside")
        return nullcontext()

    workload.step(batch, number, pages, Timers(timed, timed), counted=counted)
    workload.flush()
    return stages


def test_validation_goes_through_its_stages_and_finds_the_words():
    workload = make()
    stages = step(workload, [0, 1, 2, 3])
    assert stages == ["transfer", "forward", "fetch", "postprocess", "metric"]
    quality = workload.quality()
    assert quality.num_pages == 4
    assert quality.hmean > 0.6
    assert quality.origin == "simulated"


def test_a_page_that_comes_round_again_counts_once():
    workload = make()
    step(workload, [0, 1])
    once = workload.quality()
    step(workload, [0, 1])
    assert workload.quality() == once


def test_a_warm_up_does_not_count():
    workload = make()
    step(workload, [0, 1], counted=False)
    assert workload.quality().num_pages == 0


def test_detections_against_another_page_are_wrong():
    """The planted fault: a data set that gives one page for another."""
    workload = make()
    batch = workload.collate([workload.dataset[page] for page in (1, 2)])
    workload.step(batch, 0, [2, 3], UNTIMED, counted=True)
    assert workload.quality().hmean < 0.3


WAYS = [{}, {"normalize": "device"}, {"channels_last": True}, {"precision": "bf16"}]


@pytest.mark.parametrize("settings", WAYS, ids=str)
def test_a_real_detector_runs_on_the_cpu(settings):
    workload = make(CpuDevice(), device="cpu", image_size=160, **settings)
    assert step(workload, [0, 1]) == ["transfer", "forward", "fetch", "postprocess", "metric"]
    assert workload.quality().origin == "measured"


def shrink_map(**settings):
    """The map that the detector gives of the first page."""
    device = KeepingDevice()
    step(make(device, device="cpu", image_size=160, **settings), [0])
    (shrink,) = device.results["forward"]
    return shrink


def test_normalizing_on_the_device_gives_the_same_maps():
    plain = shrink_map(normalize="albumentations")
    assert torch.allclose(plain, shrink_map(normalize="device"), atol=1e-5)
    assert not torch.allclose(plain, shrink_map(normalize="albumentations", seed=1), atol=1e-5), "other weights"


def test_training_goes_through_its_stages_and_changes_the_model():
    device = KeepingDevice()
    workload = make(device, device="cpu", mode="train", image_size=320)  # smaller, no word would be learned
    for _ in range(2):
        assert step(workload, [0, 1]) == ["transfer", "forward", "loss", "backward", "optimizer"]
    first, second = device.results["loss"]
    assert second < first, "the same pages again, after one step"
    assert workload.quality() is None
    assert workload.parity_sample(2) is None


def test_training_on_the_replay_device_takes_a_step_once():
    device = ReplayDevice(ms_per_sample=0.01)
    step(make(device, mode="train"), [0, 1])
    assert [span.stage for span in device.spans()] == ["forward"]


def test_the_parity_sample_is_what_the_model_gets():
    samples = []
    for way in ("albumentations", "device"):
        workload = make(normalize=way, checked_samples=2)
        step(workload, [0, 1, 2, 3], counted=False)
        assert workload.parity_sample(2)["times_seen"].tolist() == [0, 0, 0, 0], "the warm-up is no part of the epoch"
        workload.look(workload.collate([workload.dataset[page] for page in range(4)]), [0, 1, 2, 3])
        samples.append(workload.parity_sample(2))
    assert samples[0]["images"].shape == (2, 640, 640, 3)
    assert list(samples[0]["names"]) == list(samples[1]["names"])
    difference = np.abs(samples[0]["images"].astype(float) - samples[1]["images"].astype(float))
    assert difference.max() <= 0.25  # float16 near 255
    assert samples[0]["shrink_map"].max() == 255
    assert samples[0]["times_seen"].tolist() == [1, 1, 1, 1]
    assert np.abs(samples[0]["prints"].astype(int) - samples[1]["prints"]).max() == 0
    assert len(samples[0]["detected_lengths"]) > 0


def test_in_threads_the_same_words_are_found_beside_the_loop():
    workloads = [make(postprocess=way) for way in ("inline", "threads")]
    stages = [step(workload, [0, 1, 2, 3]) for workload in workloads]
    assert stages[1] == ["transfer", "forward", "backlog", "fetch beside", "postprocess beside", "metric beside"]
    assert workloads[0].quality() == workloads[1].quality()


def test_what_goes_wrong_beside_the_loop_is_raised(monkeypatch):
    def broken(probability):
        raise ZeroDivisionError("in the helper thread")

    monkeypatch.setattr(detected, "find_words", broken)
    with pytest.raises(ZeroDivisionError, match="helper thread"):
        step(make(postprocess="threads"), [0, 1])


def test_packed_targets_are_predicted_like_the_plain_ones():
    qualities = []
    for targets in ("compute", "fast"):
        workload = make(targets=targets)
        step(workload, [0, 1, 2, 3])
        qualities.append(workload.quality())
    assert qualities[0] == qualities[1]


def test_without_a_device_nothing_is_scored():
    workload = make(NoDevice(), device="none")
    assert step(workload, [0, 1]) == []
    assert workload.quality() is None


@pytest.mark.parametrize("encoder", ["resnet10t", "lcnet_050"])
def test_folded_normalization_gives_the_same_maps_to_the_border(encoder):
    maps = [shrink_map(normalize=normalize, encoder=encoder) for normalize in ("albumentations", "folded")]
    assert torch.allclose(*maps, atol=1e-4)
