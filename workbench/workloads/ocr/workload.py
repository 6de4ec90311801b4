"""Text detection: pages with word polygons, a DBNet-like detector, H-mean. Puts data and detector together."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from workbench.errors import BadInput, Problem
from workbench.feeds import ShardFeed
from workbench.files import expanded
from workbench.records import Description, Score, TrainingFacts
from workbench.units import counted
from workbench.workload import Arrays, Batch, CacheState, Device, InferenceModel, Preview, Timed, Timers
from workbench.workloads.ocr.compiled import compile_ahead
from workbench.workloads.ocr.description import describe, in_force, note_on_quality, problems_with
from workbench.workloads.ocr.detector.metric import DetectionMetric, load_compiled
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.dataset import BatchedCache, BatchedPages, PageDataset, SampleOfFiles
from workbench.workloads.ocr.pages.encoded_pages import EncodedPages
from workbench.workloads.ocr.pages.page import Page, PageCounts
from workbench.workloads.ocr.pages.shards import holds_shards, list_shards
from workbench.workloads.ocr.pages.survey import survey_pages
from workbench.workloads.ocr.result_processes import MAX_WITH_PROCESSES, NUM_PROCESSES, ResultProcesses, room_for
from workbench.workloads.ocr.sample import Batch as Pages
from workbench.workloads.ocr.sample import Sample, collate, stack_as_they_lie
from workbench.workloads.ocr.sample_recorder import PageRecorder
from workbench.workloads.ocr.scoring import Scored, Scorer
from workbench.workloads.ocr.stages import STAGES
from workbench.workloads.ocr.steps import MAX_PENDING, BackgroundThread, Submitted, placeholder_for
from workbench.workloads.ocr.tools import OcrTools

if TYPE_CHECKING:
    from workbench.workloads.ocr.detector.distillation import Teacher
    from workbench.workloads.ocr.detector.inference import ShrinkMaps
    from workbench.workloads.ocr.detector.model import Detector
    from workbench.workloads.ocr.training import Training

#: The most that two H-means may differ.
_HMEAN_TOLERANCE = 0.005

_Timer = Callable[[str], Timed]


class OcrWorkload(OcrTools):
    """Validation or training of a text detector (see `workload.Workload`)."""

    Knobs = OcrKnobs
    stages = STAGES
    item = "page"

    #: What the figures depend on, beside torch.
    modules: Sequence[str] = (
        "timm", "albumentations", "albucore", "cv2", "PIL", "pyclipper", "shapely", "numba", "simplejpeg",
    )  # fmt: skip

    #: What is worth a look line by line.
    line_functions: Sequence[str] = (
        "workbench.workloads.ocr.pages.dataset.PageDataset.__getitem__",
        "workbench.workloads.ocr.chain.page_maker.PageMaker.decode",
        "workbench.workloads.ocr.chain.page_maker._placed",
        "workbench.workloads.ocr.chain.transforms.TimedCompose.__call__",
        "workbench.workloads.ocr.targets.compute_targets",
        "workbench.workloads.ocr.sample.collate",
        "workbench.workloads.ocr.workload.OcrWorkload.score",
        "workbench.workloads.ocr.detector.postprocess.search",
        "workbench.workloads.ocr.detector.metric.count_page",
    )

    def __init__(self, knobs: OcrKnobs) -> None:
        self._knobs = knobs
        has_processes = knobs.postprocess == "processes" and knobs.mode != "train"
        self.num_processes = NUM_PROCESSES if has_processes else 0
        self.max_pending = 0 if knobs.postprocess == "inline" else MAX_PENDING + has_processes * MAX_WITH_PROCESSES
        self._metric = DetectionMetric()
        self._page_counts: dict[int, tuple[int, int, int]] = {}
        self._num_crowded = 0
        self._dropped = 0
        self._surveyed: tuple[list[Page], PageCounts] | None = None
        self._dataset: PageDataset | BatchedCache | None = None
        self._model: ShrinkMaps | None = None
        self._run: Callable[[torch.Tensor], torch.Tensor] | None = None
        self._training: Training | None = None
        self._background = BackgroundThread()
        self._processes: ResultProcesses | None = None
        self._recorder: PageRecorder | None = None
        self._is_simulated = False

    def compile_ahead(self) -> None:
        """See `workload.CompilesOnce`."""
        compile_ahead()

    def look_over(self, on_sample: Callable[[int, int], None]) -> None:
        """See `workload.LooksOver`."""
        self._survey(on_sample)

    def check(self) -> Description:
        """See `Workload`. The pages are looked at once, however often this is asked."""
        pages, counts = self._survey()
        self._refuse(is_replayed=self._knobs.device == "replay")
        return describe(pages, counts, lost_on_the_way=self._dropped)

    def dataset(self) -> PageDataset | BatchedCache:
        """See `Workload`."""
        if self._dataset is None:
            knobs = self._in_force
            kind = BatchedCache if knobs.fully_cached else BatchedPages if knobs.made_in_batch else PageDataset
            self._dataset = kind(self._pages, knobs)
        return self._dataset

    def collate(self) -> Callable[[list[Sample]], Pages]:
        """See `Workload`."""
        # Into a slot of a ring everything is copied as it lies; torch's own way stacks into shared memory.
        return partial(collate, stack=stack_as_they_lie) if self._knobs.transport == "ring" else collate

    def shard_feed(self) -> ShardFeed:
        """See `feeds.Sharded`."""
        folder = expanded(self._knobs.dataset)
        if not holds_shards(folder):
            data = shlex.quote(str(folder))
            remedy = f"Write its pages as shards: workbench pages --to webdataset --data {data} --out DIR"
            problem = Problem("the data set does not consist of shards", "loader=webdataset", remedy)
            raise BadInput("knobs", [problem])
        every = list_shards(folder)[0]
        shards, left = [], len(self._pages)
        for shard in every:
            if left > 0:
                shards.append((shard.path, min(shard.num_pages, left)))
            left -= shard.num_pages
        workers = self._knobs.num_workers
        if len(shards) < min(workers, len(every)):
            lie = f"num_pages={self._knobs.num_pages} lie in {len(shards)} of the {counted(len(every), 'shard')}"
            need = f"{workers} workers need one each"
            enough = sum(shard.num_pages for shard in every[: workers - 1]) + 1
            remedy = f"Raise num_pages ({enough} are enough), or lower num_workers"
            if workers > len(every):
                remedy = f"Lower num_workers to {len(every)} at most, and raise num_pages or leave it out"
            raise BadInput("knobs", [Problem(f"{lie}, and {need}", "loader=webdataset", remedy)])
        return ShardFeed(shards, SampleOfFiles(self._in_force, self._pages))

    def image_feed(self) -> EncodedPages:
        """See `feeds.DecodesByLoader`."""
        return EncodedPages(self._pages, self._in_force)

    def fill_cache(self, on_sample: Callable[[int, int], None]) -> None:
        """See `workload.Cached`."""
        self.dataset().fill_cache(threads=len(os.sched_getaffinity(0)), on_page=on_sample)

    def cache_state(self) -> CacheState | None:
        """See `workload.Cached`."""
        cache = self.dataset().cache
        return None if cache is None else CacheState(cache.size, cache.readings, cache.was_filled)

    def placeholder(self, batch: Batch) -> torch.Tensor:
        """See `workload.Placeholder`: the target maps are what the model predicts; without any, no word."""
        return placeholder_for(batch.data)

    def build(self, device: Device) -> None:
        """See `Workload`. For a replay device no model is built."""
        self._device = device
        self._is_simulated = device.simulated
        self._refuse(is_replayed=device.simulated)  # what `device=auto` is here is known now
        detector = None if device.simulated else self._made_detector().to(device.torch_device)
        if detector is not None and self._knobs.channels_last:
            detector = detector.to(memory_format=torch.channels_last)
        if self._knobs.mode == "train":
            from workbench.workloads.ocr.training import Training

            teacher = None if detector is None else self._made_teacher()
            self._training = Training(
                detector, device, self._knobs, teacher if teacher is None else teacher.to(device.torch_device)
            )
            return
        load_compiled()
        if detector is not None:
            from workbench.workloads.ocr.detector.inference import ShrinkMaps

            self._model = self._run = ShrinkMaps(detector, self._knobs)

    def inference_model(self, batch: Batch) -> InferenceModel:
        """See `workload.RunsEngines`."""
        from workbench.workloads.ocr.detector.inference import calibrated_on, calibration_inputs

        assert self._model is not None
        is_int8 = self._knobs.precision == "int8"
        return InferenceModel(
            module=self._model,
            example=self._device.put(batch.data.images).clone(),
            calibration=partial(calibration_inputs, self._knobs),
            calibrated_on=calibrated_on(self._knobs) if is_int8 else "",
        )

    def use_engine(self, run: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """See `workload.RunsEngines`."""
        self._run = run

    def check_model(self) -> None:
        """See `workload.ChecksModel`: a model is built, and dropped."""
        self._made_detector()
        self._made_teacher()

    def step(self, batch: Batch, timers: Timers, *, counted: bool) -> None:
        """See `Workload`."""
        if counted:
            self._dropped += batch.data.dropped_words
        if self._training is not None:
            self._training.step(batch, timers.main, counted=counted)
            return
        step = self._submit(batch, timers.main, counted=counted)
        if self._knobs.postprocess != "inline":
            with timers.main("backlog"):
                self._background.make_room()
            number = batch.number
            self._background.start(lambda: self.score(step, lambda name: timers.background(name, number)))
        else:
            self.score(step, timers.main)

    def training_facts(self) -> TrainingFacts | None:
        """See `workload.Trains`."""
        return None if self._training is None or self._is_simulated else self._training.facts()

    def flush(self) -> None:
        """See `workload.AsyncSteps`."""
        self._background.flush()
        if self._processes is not None:
            self._processes.flush()

    def start_processes(self, timers: Sequence[Callable[[str, int], Timed]]) -> Sequence[int]:
        """See `workload.UsesProcesses`."""
        load_compiled()  # once, before there are several who would do it
        room = room_for(self._knobs.batch_size, self._knobs.image_size)
        self._processes = ResultProcesses(room, self._scorer, timers)
        return self._processes.start()

    def stop_processes(self) -> Sequence[str]:
        """See `workload.UsesProcesses`."""
        processes, self._processes = self._processes, None
        return [] if processes is None else processes.stop()

    def quality(self) -> dict[str, Score]:
        """See `Workload`. On the replay device the detections are made from the targets: simulated."""
        if self._knobs.mode == "train" or not self._has_words:
            return {}
        score = self._metric.result()
        figures = {"H-mean": score.hmean, "precision": score.precision, "recall": score.recall}
        return {
            name: Score(
                value=value,
                tolerance=_HMEAN_TOLERANCE,
                num_samples=score.num_pages,
                origin="simulated" if self._is_simulated else "measured",
                note=note_on_quality(self._knobs, is_replayed=self._is_simulated, num_crowded=self._num_crowded),
            )
            for name, value in figures.items()
        }

    def record(self, batch: Batch, *, whole_only: bool = False) -> None:
        """See `workload.Checked`."""
        if self._recorder is None:
            self._recorder = PageRecorder(self._pages, self._knobs.checked_samples)
        if whole_only:  # the warm-up begins with the first pages, which are those that are kept
            self._recorder.keep(batch.data, batch.samples)
        else:
            self._recorder.record(batch.data, batch.samples)

    def recorded(self) -> Arrays | None:
        """See `workload.Checked`."""
        from workbench.workloads.ocr.detector.shipped_words import ShippedWords

        if self._training is not None:
            return self._training.recorded() or None
        if self._recorder is None:
            return None
        arrays = self._recorder.arrays(ShippedWords().on)
        if self._run is not None:
            batch_size = min(self._knobs.batch_size, len(self._pages))
            arrays |= self._recorder.results(lambda images: self._run_model(self._device.put(images)).cpu(), batch_size)
        if self._page_counts:
            arrays["scored_pages"] = np.array(list(self._page_counts), np.int64)
            arrays["page_counts"] = np.array(list(self._page_counts.values()), np.int64)
        return arrays

    def preview(self, number: int) -> Preview:
        """See `workload.Previews`."""
        from workbench.workloads.ocr.preview import preview_of

        pages, counts = self._survey()
        return preview_of(pages[number % len(pages)], counts, self._in_force)

    def _made_detector(self) -> Detector:
        """The detector with its weights, in host memory."""
        from workbench.workloads.ocr.detector.fold import fold_normalization
        from workbench.workloads.ocr.detector.model import build_detector
        from workbench.workloads.ocr.detector.necks.replk_fpn import reparameterize
        from workbench.workloads.ocr.detector.weights_file import load_weights

        knobs = self._knobs
        detector = build_detector(knobs.encoder, knobs.neck, seed=knobs.seed)
        if knobs.weights != "random":
            load_weights(detector, knobs.weights, encoder=knobs.encoder, neck=knobs.neck)
        if knobs.normalize == "folded":
            fold_normalization(detector)
        if knobs.mode != "train":
            reparameterize(detector)
        return detector

    def _made_teacher(self) -> Teacher | None:
        """The detector that is learned from, in host memory."""
        from workbench.workloads.ocr.detector.distillation import Teacher
        from workbench.workloads.ocr.detector.weights_file import teacher_from

        weights = self._knobs.teacher if self._knobs.mode == "train" else None
        return None if weights is None else Teacher(teacher_from(weights))

    @property
    def _pages(self) -> list[Page]:
        return self._survey()[0]

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self._pages, self._has_words)

    @property
    def _has_words(self) -> bool:
        """Whether the words of the pages are known; images alone are measured without them."""
        return self._survey()[1].has_annotations

    @property
    def _in_force(self) -> OcrKnobs:
        return in_force(self._knobs, self._survey()[1])

    def _refuse(self, *, is_replayed: bool) -> None:
        if problems := problems_with(self._knobs, self._survey()[1], is_replayed=is_replayed):
            raise BadInput(f"the data set {self._knobs.dataset}", problems)

    def _survey(self, on_page: Callable[[int, int], None] | None = None) -> tuple[list[Page], PageCounts]:
        if self._surveyed is None:
            self._surveyed = survey_pages(self._knobs, on_page)
        return self._surveyed

    def _submit(self, batch: Batch, timer: _Timer, *, counted: bool) -> Submitted:
        """Give the device a batch; nothing is waited for."""
        device, pages = self._device, batch.data
        with timer("transfer"):
            images = device.put(pages.images)
        with timer("forward"), torch.inference_mode():
            pending = device.submit("forward", lambda: self._run_model(images), batch, fetch=True)
        return Submitted(pending, pages.matrices, batch.samples, counted, batch.number)

    def _run_model(self, images: torch.Tensor) -> torch.Tensor:
        assert self._run is not None
        return self._run(images)

    def score(self, step: Submitted, timer: _Timer) -> None:
        """Wait for what the device has made of a batch, find the words in it and score them, or have that done."""
        with timer("fetch"):
            maps = step.pending.result().numpy()
        if self._processes is None:
            self._include(step.pages, step.counted, self._scorer(maps, step.matrices, step.pages, timer))
            return
        with timer("results"):
            self._processes.make_room()
        with timer("hand over"):
            then = partial(self._include, step.pages, step.counted)
            self._processes.hand_over(maps, step.matrices, step.pages, step.number, then)

    def _include(self, pages: Sequence[int], counted: bool, scored: Scored) -> None:
        """Count pages. One that comes round again costs the same, and counts once."""
        self._num_crowded += scored.num_crowded if counted else 0
        for page, own in zip(pages, scored.counts, strict=False):  # there are none where no words are known
            if counted and page not in self._page_counts:
                self._page_counts[page] = own
                self._metric.include(own)
