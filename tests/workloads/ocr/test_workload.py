"""The OCR workload in one process: it validates, it trains, and its quality is that of its pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from workbench import feeds
from workbench import workload as contract
from workbench.errors import BadInput
from workbench.files import sample_pages_dir
from workbench.knobs.joined import parse_knobs
from workbench.measure.devices.device import CpuDevice
from workbench.measure.devices.replay import ReplayDevice
from workbench.measure.loaders.indexed_batch import IndexedBatch
from workbench.registry import make_workload
from workbench.workload import Pending, Timers
from workbench.workloads.ocr import scoring
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.notes import NO_ANNOTATIONS
from workbench.workloads.ocr.synthetic.draw import draw_pages
from workbench.workloads.ocr.workload import OcrWorkload

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Watched(CpuDevice):
    """Keeps the results of all work, by stage."""

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[str, list[torch.Tensor]] = {}

    def submit(
        self, stage: str, work: Callable[[], torch.Tensor], batch: contract.Batch, *, fetch: bool = False
    ) -> Pending:
        def watched() -> torch.Tensor:
            value = work()
            self.results.setdefault(stage, []).append(value.detach().clone())
            return value

        return super().submit(stage, watched, batch, fetch=fetch)


def make(on: Any = None, **settings: Any) -> OcrWorkload:
    workload = OcrWorkload(OcrKnobs(**{"num_pages": 4, "encoder": "resnet10t", **settings}))
    workload.fill_cache(lambda done, total: None)
    workload.build(on or ReplayDevice(ms_per_sample=0.01, placeholder=workload.placeholder))
    return workload


def batch_of(workload: OcrWorkload, pages: Sequence[int], called: Sequence[int] | None = None) -> IndexedBatch:
    """A batch of some pages, which may be called others."""
    data = workload.collate()([workload.dataset()[page] for page in pages])
    return IndexedBatch(data, 0, list(pages if called is None else called))


def step(workload: OcrWorkload, batch: IndexedBatch | Sequence[int], *, counted: bool = True) -> list[str]:
    """Do a step and wait for it; gives the stages that were timed."""
    batch = batch if isinstance(batch, IndexedBatch) else batch_of(workload, batch)
    stages = []

    def timed(name: str) -> Any:
        stages.append(name)
        return nullcontext()

    def in_background(name: str, number: int) -> Any:
        assert number == batch.number
        stages.append(f"{name} in background")
        return nullcontext()

    workload.step(batch, Timers(timed, in_background), counted=counted)
    workload.flush()
    return stages


def hmean(workload: OcrWorkload) -> float:
    return workload.quality()["H-mean"].value


def test_it_meets_the_contracts_that_it_offers():
    workload = make_workload(parse_knobs({"num_pages": 2}))
    assert isinstance(workload, OcrWorkload)
    offered = (
        contract.Cached, feeds.Sharded, feeds.DecodesByLoader, contract.Placeholder, contract.AsyncSteps,
        contract.Checked, contract.Previews, contract.LineFunctions, contract.RunsEngines, contract.UsesProcesses,
        contract.LooksOver,
    )  # fmt: skip
    assert all(isinstance(workload, protocol) for protocol in offered)


def test_its_description_counts_pages_and_words():
    description = OcrWorkload(OcrKnobs(num_pages=3)).check()
    counts = {count.name: count.number for count in description.counts}
    assert description.num_samples == 3
    assert counts["words"] > counts["words to be ignored"] >= 0


def test_a_data_set_without_shards_is_refused_as_a_feed_of_shards():
    with pytest.raises(BadInput, match="workbench pages --to webdataset"):
        OcrWorkload(OcrKnobs()).shard_feed()


def test_validation_goes_through_its_stages_and_finds_the_words():
    workload = make()
    assert step(workload, [0, 1, 2, 3]) == ["transfer", "forward", "fetch", "postprocess", "metric"]
    quality = workload.quality()
    assert quality["H-mean"].num_samples == 4
    assert quality["H-mean"].value > 0.6
    assert set(quality) == {"H-mean", "precision", "recall"}
    assert {score.origin for score in quality.values()} == {"simulated"}


def test_a_page_that_comes_again_counts_once():
    workload = make()
    step(workload, [0, 1])
    once = workload.quality()
    step(workload, [0, 1])
    assert workload.quality() == once


def test_a_warm_up_does_not_count():
    workload = make()
    step(workload, [0, 1], counted=False)
    assert workload.quality()["H-mean"].num_samples == 0


def test_planted_fault_detections_against_another_page_are_wrong():
    """A data set that gives one page for another."""
    workload = make()
    step(workload, batch_of(workload, [1, 2], called=[2, 3]))
    assert hmean(workload) < 0.3


WAYS = [{}, {"normalize": "device"}, {"channels_last": True}, {"precision": "bf16"}]


@pytest.mark.parametrize("settings", WAYS, ids=str)
def test_a_real_detector_runs_on_the_cpu(settings):
    workload = make(CpuDevice(), device="cpu", image_size=160, **settings)
    assert step(workload, [0, 1]) == ["transfer", "forward", "fetch", "postprocess", "metric"]
    assert workload.quality()["H-mean"].origin == "measured"


@pytest.mark.parametrize(
    ("normalize", "encoder", "tolerance"),
    [("device", "resnet10t", 1e-5), ("folded", "resnet10t", 1e-4), ("folded", "lcnet_050", 1e-4)],
)
def test_however_pages_are_normalized_the_model_predicts_the_same_maps(normalize, encoder, tolerance):
    maps = []
    for way in ("albumentations", normalize):
        device = Watched()
        step(make(device, device="cpu", image_size=160, normalize=way, encoder=encoder), [0])
        maps += device.results["forward"]
    assert torch.allclose(maps[0], maps[1], atol=tolerance)


def losses(steps: int) -> list[float]:
    """Of training steps on one and the same batch."""
    device = Watched()
    workload = make(device, device="cpu", mode="train", image_size=320)  # smaller, no word would be learned
    batch = batch_of(workload, [0, 1])
    for _ in range(steps):
        assert step(workload, batch) == ["transfer", "forward", "loss", "backward", "optimizer"]
    assert workload.quality() == {}
    return [float(loss) for loss in device.results["loss"]]


def test_training_goes_through_its_stages_and_learns_its_batch():
    first, *_, last = losses(3)
    assert last < first


def test_planted_fault_without_the_optimizer_nothing_is_learned(monkeypatch):
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: None)
    first, second = losses(2)
    assert first == second


def test_training_on_the_replay_device_takes_the_time_of_a_step_once():
    workload = OcrWorkload(OcrKnobs(num_pages=4, mode="train"))
    device = ReplayDevice(ms_per_sample=0.01, placeholder=workload.placeholder)
    workload.build(device)
    step(workload, [0, 1])
    assert [span.stage for span in device.spans()] == ["forward"]


def test_what_is_recorded_is_what_the_model_gets():
    samples = []
    for way in ("albumentations", "device"):
        workload = make(normalize=way, checked_samples=2)
        assert workload.recorded() is None, "nothing has arrived yet"
        batch = batch_of(workload, range(4))
        workload.record(batch, whole_only=True)
        recorded = workload.recorded()
        assert recorded is not None
        assert recorded["times_seen"].tolist() == [0, 0, 0, 0], "the warm-up is no part of the epoch"
        workload.record(batch)
        samples.append(workload.recorded())
    assert samples[0]["images"].shape == (2, 640, 640, 3)
    assert list(samples[0]["names"]) == list(samples[1]["names"])
    difference = np.abs(samples[0]["images"].astype(float) - samples[1]["images"].astype(float))
    assert difference.max() <= 0.25  # float16 near 255
    assert samples[0]["shrink_map"].max() == 255
    assert samples[0]["times_seen"].tolist() == [1, 1, 1, 1]
    assert np.abs(samples[0]["thumbnails"].astype(int) - samples[1]["thumbnails"]).max() == 0
    assert len(samples[0]["detected_lengths"]) > 0


def test_in_the_background_the_same_words_are_found():
    workloads = [make(postprocess=way) for way in ("inline", "threads")]
    stages = [step(workload, [0, 1, 2, 3]) for workload in workloads]
    background = [f"{name} in background" for name in ("fetch", "postprocess", "metric")]
    assert stages[1] == ["transfer", "forward", "backlog", *background]
    assert workloads[0].quality() == workloads[1].quality()
    assert workloads[0].max_pending == 0 < workloads[1].max_pending


def test_in_processes_the_same_words_are_found():
    workloads = [make(postprocess=way) for way in ("inline", "processes")]
    workloads[1].start_processes([lambda name, batch: nullcontext()] * workloads[1].num_processes)
    for pages in ([0, 1, 2, 3], [2, 3]):
        stages = [step(workload, pages) for workload in workloads]
        background = [f"{name} in background" for name in ("fetch", "results", "hand over")]
        assert stages[1] == ["transfer", "forward", "backlog", *background]
    assert workloads[0]._page_counts == workloads[1]._page_counts
    assert workloads[1].stop_processes() == []
    assert [name for name in step(workloads[1], [0, 1]) if "metric" in name], "what is left is done without them"
    assert workloads[0].quality() == workloads[1].quality()
    assert (workloads[0].num_processes, make(postprocess="processes", mode="train").num_processes) == (0, 0)


def test_what_goes_wrong_in_the_background_is_raised(monkeypatch):
    def broken(probability: object) -> None:
        raise ZeroDivisionError("planted in the background")

    monkeypatch.setattr(scoring, "search", broken)
    with pytest.raises(ZeroDivisionError, match="planted in the background"):
        step(make(postprocess="threads"), [0, 1])


def test_packed_targets_are_predicted_like_the_plain_ones():
    qualities = []
    for targets in ("compute", "fast"):
        workload = make(targets=targets)
        step(workload, [0, 1, 2, 3])
        qualities.append(workload.quality())
    assert qualities[0] == qualities[1]


def test_a_preview_leads_from_the_page_to_the_target():
    workload = OcrWorkload(OcrKnobs(num_pages=3, image_size=320))
    shown = workload.preview(4)
    before, after, target = shown.pictures
    assert (shown.num_samples, shown.name) == (3, workload.preview(1).name)
    assert len(before.outlines) == len(before.labels) > 0
    assert after.pixels.shape == (320, 320, 3)
    assert target.pixels.shape == (320, 320)
    assert target.pixels.max() == 255
    assert len(OcrWorkload(OcrKnobs(num_pages=1, targets="none", device="cpu")).preview(0).pictures) == 2


ALONE = {"annotation_format": "none"}


@pytest.mark.parametrize("targets", ["compute", "fast", "cached", "none"])
def test_images_alone_are_measured_without_maps_and_without_h_mean(targets):
    workload = make(targets=targets, **ALONE)
    data = workload.collate()([workload.dataset()[number] for number in (0, 1)])
    assert data.maps is None
    stages = step(workload, [0, 1])
    assert "postprocess" in stages
    assert "metric" not in stages
    assert workload.quality() == {}


def test_of_images_alone_there_are_no_words_to_describe():
    described = make(**ALONE).check()
    assert described.notes[0] == NO_ANNOTATIONS
    counts = {count.name: count.number for count in described.counts}
    assert counts["words"] == 0
    assert not {"words to be ignored", "pages without words"} & set(counts)


def test_other_samples_are_told_from_the_same(tmp_path):
    folder = draw_pages(tmp_path / "pages", count=3, seed=0)

    def content() -> str:
        return make(dataset=str(folder)).check().content

    before = content()
    assert content() == before
    image = next(folder.rglob("*.jpg"))
    os.utime(image, (1, 1))
    touched = content()
    labels = folder / "annotations.json"
    labels.write_text(labels.read_text().replace('"transcription":"', '"transcription":"x', 1))
    assert len({before, touched, content()}) == 3


def test_a_real_detector_runs_on_images_alone():
    workload = make(CpuDevice(), **ALONE, image_size=64)
    assert "forward" in step(workload, [0, 1])
    assert workload.quality() == {}


def test_images_alone_in_a_cache_are_gathered_as_they_lie():
    workload = make(cache="prepared", normalize="device", **ALONE)
    assert hasattr(workload.dataset(), "__getitems__")
    assert workload.dataset().__getitems__([0, 1]).maps is None


def test_a_preview_of_images_alone_has_no_words_and_no_target(tmp_path):
    shown = OcrWorkload(OcrKnobs(num_pages=3, image_size=320, **ALONE)).preview(0)
    assert [len(picture.outlines) for picture in shown.pictures] == [0, 0]
    assert shown.summary.startswith(f"3 pages; {NO_ANNOTATIONS}")


def test_images_alone_are_not_trained_on(tmp_path):
    image = next((sample_pages_dir() / "images").iterdir())
    (tmp_path / image.name).write_bytes(image.read_bytes())
    knobs = OcrKnobs(dataset=str(tmp_path), mode="train")
    with pytest.raises(BadInput, match=r"mode=train: training needs the words.*Take mode=validate"):
        OcrWorkload(knobs).check()
    assert knobs.data_settings() != knobs.changed(mode="validate").data_settings()


def test_a_replay_device_has_to_have_the_maps_that_it_hands_back():
    """Unless nobody knows the words: then there is nothing to hand back."""
    knobs = {"num_pages": 2, "targets": "none"}
    with pytest.raises(BadInput, match="device=replay with targets=none"):
        OcrWorkload(OcrKnobs(device="replay", **knobs)).check()
    with pytest.raises(BadInput, match="device=replay with targets=none"):
        make(device="auto", **knobs)
    assert OcrKnobs(device="replay", **knobs).data_settings() != OcrKnobs(device="replay", num_pages=2).data_settings()
    assert OcrWorkload(OcrKnobs(device="replay", **knobs, **ALONE)).check().num_samples == 2


def test_quality_says_what_it_is_no_figure_of():
    simulated, random = make(), make(CpuDevice(), image_size=64)
    for workload in (simulated, random):
        step(workload, [0, 1])
    assert {score.note for score in simulated.quality().values()} == {
        "the replay device hands back the ground truth; this checks the path, not a detector"
    }
    assert all("the weights are random" in score.note for score in random.quality().values())
