"""Weights come back as they were written; those that ship detect; those that don't fit are refused with the remedy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from workbench.errors import BadInput
from workbench.files import sample_pages_dir
from workbench.workloads.ocr.detector.model import build_detector
from workbench.workloads.ocr.detector.postprocess import find_words
from workbench.workloads.ocr.detector.weights_file import (
    SHIPPED_ENCODER,
    SHIPPED_NECKS,
    describe,
    load_fitting_weights,
    load_weights,
    save_weights,
    teacher_from,
    weights_path,
)
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.dataset import PageDataset
from workbench.workloads.ocr.pages.survey import survey


def test_weights_come_back_in_half_precision(tmp_path):
    detector, other = (build_detector("lcnet_050", "fpn_small", seed=seed).eval() for seed in (1, 2))
    save_weights(detector, tmp_path / "a.safetensors", encoder="lcnet_050", neck="fpn_small", notes={"command": "x"})
    load_weights(other, str(tmp_path / "a.safetensors"), encoder="lcnet_050", neck="fpn_small")
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(detector(image).shrink, other(image).shrink, atol=0.02)
    assert describe(tmp_path / "a.safetensors")["command"] == "x"


@pytest.mark.parametrize("neck", SHIPPED_NECKS)
def test_the_shipped_weights_are_small_and_say_where_they_come_from(neck):
    path = weights_path("shipped", neck)
    assert path.stat().st_size < 1_000_000
    made_for = describe(path)
    assert (made_for["encoder"], made_for["neck"]) == (SHIPPED_ENCODER, neck)
    assert "train" in made_for["command"] and "drawn pages" in made_for["pages"]


@pytest.mark.parametrize("neck", SHIPPED_NECKS)
def test_every_shipped_detector_finds_the_words_of_a_page(neck):
    pages, _ = survey(sample_pages_dir(), limit=2)
    dataset = PageDataset(pages, OcrKnobs(targets="none"))
    detector = build_detector(SHIPPED_ENCODER, neck)
    load_weights(detector, "shipped", encoder=SHIPPED_ENCODER, neck=neck)
    detector.eval()
    for number, page in enumerate(pages):
        with torch.inference_mode():
            probability = detector(dataset[number].image[None]).shrink[0].numpy()
        found = find_words(probability)
        words = sum(not word.ignore for word in page.words)
        assert 0.5 * words < len(found) < 2 * words
        assert np.isfinite(probability).all()


def test_a_teacher_is_the_detector_that_its_file_is_for(tmp_path):
    own = build_detector("resnet10t", "fpem", seed=1)
    save_weights(own, tmp_path / "a.safetensors", encoder="resnet10t", neck="fpem", notes={})
    teacher = teacher_from(str(tmp_path / "a.safetensors"))
    assert teacher.state_dict().keys() == own.state_dict().keys() and not teacher.training


def test_a_teacher_whose_file_does_not_say_what_it_is_for_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(BadInput, match="does not say which encoder"):
        teacher_from(str(tmp_path / "a.safetensors"))


def test_a_teacher_that_is_not_there_is_named_as_the_teacher(tmp_path):
    with pytest.raises(BadInput, match=r"teacher: there is no file .*Take teacher=shipped\."):
        teacher_from(str(tmp_path / "nobody.safetensors"))


def test_weights_of_another_neck_are_of_use_for_the_rest():
    detector = build_detector(SHIPPED_ENCODER, "fpem", seed=3)
    left = load_fitting_weights(detector, str(weights_path("shipped", "fpn_small")))
    assert left and all("neck" in name for name in left)
    assert torch.equal(next(detector.encoder.parameters()), next(teacher_from("shipped").encoder.parameters()))


def test_weights_of_another_architecture_are_refused():
    with pytest.raises(BadInput, match="encoder=lcnet_050 and neck=fpn_small"):
        load_weights(build_detector("resnet10t"), "shipped", encoder="resnet10t", neck="fpn")


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_weights_in_which_a_bit_has_turned_are_refused_by_name(tmp_path, share):
    detector = build_detector("lcnet_050", "fpn_small")
    data = bytearray(weights_path("shipped", "fpn_small").read_bytes())
    data[int(share * (len(data) - 1))] ^= 1
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(BadInput, match=r"a.safetensors has been damaged"):
        load_weights(detector, str(tmp_path / "a.safetensors"), encoder="lcnet_050", neck="fpn_small")


def test_what_is_no_file_of_weights_is_refused(tmp_path):
    detector = build_detector("lcnet_050", "fpn_small")
    (tmp_path / "a.safetensors").write_bytes(b"nothing of the kind")
    for path in (tmp_path / "a.safetensors", tmp_path / "missing.safetensors"):
        with pytest.raises(BadInput, match=path.name):
            load_weights(detector, str(path), encoder="lcnet_050", neck="fpn_small")
