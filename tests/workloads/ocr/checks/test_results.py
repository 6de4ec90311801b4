"""What the model makes of the pages is compared by class: each lets through what it should, and no planted fault."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from workbench.files import sample_pages_dir
from workbench.knobs.inference import InferenceKnobs
from workbench.knobs.knob import Maths
from workbench.measure.inference.open_engine import open_engine
from workbench.measure.timing.spans import monotonic_ns
from workbench.records.checks import Checks
from workbench.workload import InferenceModel
from workbench.workloads.ocr.checks.results import check_results
from workbench.workloads.ocr.detector.inference import ShrinkMaps, calibration_inputs
from workbench.workloads.ocr.detector.model import build_detector
from workbench.workloads.ocr.detector.weights_file import shipped_detector
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.dataset import PageDataset
from workbench.workloads.ocr.pages.survey import survey_pages
from workbench.workloads.ocr.sample import collate
from workbench.workloads.ocr.sample_recorder import PageRecorder

KNOBS = OcrKnobs(
    dataset=str(sample_pages_dir()), num_pages=4, image_size=320, normalize="device", targets="none",
    encoder="lcnet_050", neck="fpn_small", weights="shipped",
)  # fmt: skip


@pytest.fixture(scope="module")
def pages():
    return PageDataset(survey_pages(KNOBS)[0], KNOBS)


@pytest.fixture(scope="module")
def batch(pages):
    return collate([pages[number] for number in range(4)])


def left_by(pages, batch, run) -> dict:
    """What a trial leaves whose model is this."""
    recorder = PageRecorder(pages.pages, 4)
    recorder.record(batch, range(4))
    with torch.inference_mode():
        return {**recorder.arrays(None), **recorder.results(run, 3)}


@pytest.fixture(scope="module")
def baseline(pages, batch):
    return left_by(pages, batch, ShrinkMaps(shipped_detector(), KNOBS).eval())


def engine(tmp_path, batch, module=None, calibration=None, **knobs):
    module = module or ShrinkMaps(shipped_detector(), KNOBS).eval()
    inputs = calibration or (lambda: [batch.images[n : n + 1] for n in range(4)] * 2)
    model = InferenceModel(module, batch.images, inputs, "the pages themselves")
    return open_engine(InferenceKnobs(**knobs), model, [3], monotonic_ns, tmp_path)


def status(own, other, maths: Maths) -> str:
    return Checks(checks=check_results(own, other, maths, on_cuda=False)).status


def one_thread(run):
    def with_one(images):
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return run(images)
        finally:
            torch.set_num_threads(before)

    return with_one


def test_identical_pairs_are_far_inside_the_tolerance(pages, batch, baseline):
    own = left_by(pages, batch, one_thread(ShrinkMaps(shipped_detector(), KNOBS).eval()))
    assert status(own, baseline, Maths.SAME) in ("same", "within_tolerance")
    assert np.abs(own["result_probability"] - baseline["result_probability"]).max() < 1e-5
    assert baseline["result_lengths"].size > 20  # a detector that detects something


CLASSES = {
    "export": (Maths.SAME, {"engine": "exported"}),
    "trace": (Maths.SAME, {"engine": "torchscript"}),
    "ONNX Runtime": (Maths.SAME, {"engine": "onnx"}),
    "fp16": (Maths.FP16, {"precision": "fp16"}),
    "bf16": (Maths.BF16, {"precision": "bf16_weights"}),
    "int8": (Maths.INT8, {"engine": "onnx", "precision": "int8"}),
}


@pytest.mark.parametrize(("maths", "knobs"), CLASSES.values(), ids=CLASSES)
def test_each_class_lets_through_what_belongs_to_it(pages, batch, baseline, tmp_path, maths, knobs):
    own = left_by(pages, batch, engine(tmp_path, batch, **knobs))
    checks = check_results(own, baseline, maths, on_cuda=False)
    assert Checks(checks=checks).status in ("same", "within_tolerance"), checks
    assert len(checks) == 3


def test_a_coarser_arithmetic_than_was_asked_for_is_found(pages, batch, baseline, tmp_path):
    own = left_by(pages, batch, engine(tmp_path, batch, precision="bf16"))
    assert status(own, baseline, Maths.SAME) == "different"


def without_statistics(detector):
    """As where a normalization is dropped in a conversion, and not folded."""
    for layer in detector.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.zero_()
            layer.running_var.fill_(1.0)
    return detector


def nearly_folded(detector):
    """As where one normalization is folded with another epsilon."""
    layer = next(layer for layer in detector.modules() if isinstance(layer, torch.nn.BatchNorm2d))
    layer.eps = 1e-2
    return detector


def of_another_seed(detector):
    return build_detector("lcnet_050", "fpn_small", seed=5).eval()


FAULTS = {
    "normalizations lost": (without_statistics, lambda images: images),
    "red and blue swapped": (lambda detector: detector, lambda images: images.flip(1)),
    "weights of another seed": (of_another_seed, lambda images: images),
}


@pytest.mark.parametrize("maths", [Maths.SAME, Maths.FP16, Maths.BF16, Maths.INT8], ids=lambda maths: maths.name)
@pytest.mark.parametrize(("model", "given"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_model_is_found_in_every_class(pages, batch, baseline, model, given, maths):
    module = ShrinkMaps(model(copy.deepcopy(shipped_detector())), KNOBS).eval()
    own = left_by(pages, batch, lambda images: module(given(images)))
    assert status(own, baseline, maths) == "different"


@pytest.mark.parametrize("maths", [Maths.SAME, Maths.FP16, Maths.BF16], ids=lambda maths: maths.name)
def test_a_small_fault_is_found_where_little_is_allowed(pages, batch, baseline, maths):
    module = ShrinkMaps(nearly_folded(copy.deepcopy(shipped_detector())), KNOBS).eval()
    assert status(left_by(pages, batch, module), baseline, maths) == "different"


def test_int8_that_was_calibrated_on_noise_is_found(pages, batch, baseline, tmp_path):
    noise = [torch.randint(0, 3, (1, 3, 320, 320), dtype=torch.uint8) for _ in range(8)]
    own = left_by(pages, batch, engine(tmp_path, batch, calibration=lambda: noise, engine="onnx", precision="int8"))
    assert status(own, baseline, Maths.INT8) == "different"


def test_another_model_is_not_compared_pixel_by_pixel(baseline):
    assert check_results(baseline, baseline, Maths.OTHER, on_cuda=False) == []


def test_results_of_another_size_are_different(baseline):
    own = {**baseline, **{name: baseline[name][:, :10] for name in ("result_probability", "result_tinted")}}
    assert status(own, baseline, Maths.SAME) == "different"


def test_results_that_are_no_numbers_are_different(baseline):
    broken = baseline["result_probability"].copy()
    broken[0, 0, 0] = np.nan
    assert status({**baseline, "result_probability": broken}, baseline, Maths.BF16) == "different"


def test_calibration_pages_are_not_those_that_are_scored(batch):
    drawn = calibration_inputs(KNOBS)
    assert len(drawn) == 32
    assert drawn[0].shape == batch.images[:1].shape and drawn[0].dtype == batch.images.dtype
    assert not any(torch.equal(image[0], page) for image in drawn for page in batch.images)
