"""Where there is no CUDA device, that is said first, and nothing that would only matter with one."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import BadInput
from workbench.measure.comparison.variants import parse_variants
from workbench.measure.devices.parse_here import parse_here
from workbench.panel.parameters import knobs_from

NVJPEG = (
    "image_decoder=nvjpeg: there is no CUDA device on this machine, and nvJPEG decodes on a CUDA device. "
    "Take image_decoder=turbojpeg"
)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says whether there is CUDA; at first there is none."""

    def is_there(there: bool) -> None:
        monkeypatch.setattr("torch.cuda.is_available", lambda: there)

    is_there(False)
    return is_there


@pytest.mark.parametrize("others", [{"loader": "dali"}, {}, {"start_method": "spawn"}])
def test_what_needs_cuda_is_refused_for_that(others, cuda):
    settings = {"image_decoder": "nvjpeg", **others}
    with pytest.raises(BadInput) as error:
        parse_here(settings, subject="-p")
    assert str(error.value) == f"-p {NVJPEG}"
    cuda(True)
    if "start_method" not in others:
        with pytest.raises(BadInput, match="Take start_method=spawn"):
            parse_here(settings)
    assert parse_here({"pin_memory": True}).pin_memory


def test_a_device_that_is_asked_for_and_not_there_comes_first(cuda):
    with pytest.raises(BadInput) as error:
        parse_here({"image_decoder": "nvjpeg", "device": "cuda"})
    device, decoder = error.value.problems
    assert (device.where, device.what) == ("device=cuda", "there is no CUDA device on this machine")
    assert decoder.where == "image_decoder=nvjpeg"


def test_variants_and_notebooks_are_told_the_same(cuda):
    with pytest.raises(BadInput, match=f"variants: variant 'x', {NVJPEG}"):
        parse_variants(["x: image_decoder=nvjpeg"], {})
    with pytest.raises(BadInput, match=NVJPEG):
        knobs_from({"image_decoder": "nvjpeg"})


def test_wrong_values_come_before(cuda):
    with pytest.raises(BadInput, match="batch_size=-3: is not a value of it"):
        parse_here({"image_decoder": "nvjpeg", "batch_size": -3})
