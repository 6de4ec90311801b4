"""Any timm encoder that gives feature maps; the others are refused with the fix."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from workbench.errors import BadInput
from workbench.workloads.ocr.detector.encoder import EXAMPLES, Encoder


def maps_of(encoder, height=64, width=96):
    with torch.inference_mode():
        return encoder.eval()(torch.randn(1, 3, height, width))


@pytest.mark.parametrize(
    ("name", "strides"),
    [
        *[(name, [4, 8, 16, 32]) for name in EXAMPLES],
        ("resnet18.a1_in1k", [4, 8, 16, 32]),  # with the tag of its weights, which are not fetched
        ("mobilenetv3_small_050", [4, 8, 16, 32]),
        ("mambaout_femto", [4, 8, 16, 32]),  # gives its maps with the channels last
        ("csatv2", [8, 16, 32]),  # has no stride 4, but one of 64
        ("efficientvit_m0", [16, 32]),
    ],
)
def test_encoders_that_fit(name, strides):
    encoder = Encoder(name)
    maps = maps_of(encoder)
    assert encoder.strides == strides
    for map_, stride, channels in zip(maps, strides, encoder.channels, strict=True):
        assert map_.shape == (1, channels, 64 // stride, 96 // stride)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vit_tiny_patch16_224", "all its feature maps are at stride 16"),
        ("xcit_nano_12_p8_224", "all its feature maps are at stride 8"),
        ("swin_tiny_patch4_window7_224", "doesn't take images of any size .*224"),
        ("crossvit_9_240", r"at strides \[12, 17\], not \[4, 8, 16, 32\]"),
        ("inception_v3", "odd size"),
    ],
)
def test_models_that_do_not_fit_are_refused(name, why):
    with pytest.raises(BadInput, match=why) as caught:
        Encoder(name)
    assert f"'{name}' cannot be the encoder" in str(caught.value)
    assert "resnet18" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("resnet81", "resnet18"), ("convnext_tini", "convnext_tiny"), ("mobilnetv3_large_100", "mobilenetv3_large_100")],
)
def test_a_name_that_timm_does_not_know(name, meant):
    with pytest.raises(BadInput, match=f"timm has no model '{name}'") as caught:
        Encoder(name)
    assert f"'{meant}'" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["", "no such thing at all", "hf-hub:timm/resnet18", "local-dir:/tmp"])
def test_a_name_like_none_that_timm_knows(name):
    with pytest.raises(BadInput, match="that fit are resnet18"):
        Encoder(name)


def test_a_model_that_timm_cannot_cut_up(monkeypatch):
    import timm

    def refuse(*args, **settings):
        raise RuntimeError("features_only not implemented\nfor this one")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(BadInput, match=r"gives no feature maps of it \(features_only not implemented\)"):
        Encoder("resnet18")


def made_up(monkeypatch, strides):
    """Have timm give a model with one map per stride, each of as many channels as its number and one."""
    import timm

    class MadeUp(torch.nn.Module):
        feature_info = SimpleNamespace(reduction=lambda: strides, channels=lambda: [n + 1 for n in range(len(strides))])

        def forward(self, images):
            height, width = images.shape[-2:]
            sizes = [(n + 1, height // stride, width // stride) for n, stride in enumerate(strides)]
            return [torch.zeros(len(images), *size) for size in sizes]

    monkeypatch.setattr(timm, "create_model", lambda *args, **settings: MadeUp())


def test_a_single_map_that_fits_is_no_pyramid(monkeypatch):
    made_up(monkeypatch, [2, 8, 64])
    with pytest.raises(BadInput, match=r"at strides \[2, 8, 64\]"):
        Encoder("resnet18")


def test_of_two_maps_at_one_stride_the_deeper_one_is_taken(monkeypatch):
    made_up(monkeypatch, [2, 4, 8, 8, 16])
    encoder = Encoder("resnet18")
    assert encoder.strides == [4, 8, 16]
    assert encoder.channels == [2, 4, 5]
    assert [map_.shape[1] for map_ in maps_of(encoder)] == [2, 4, 5]


def test_nothing_is_fetched(monkeypatch):
    import socket

    def refuse(*args, **settings):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(maps_of(Encoder("resnet10t"))) == 4
