"""A training step of the detector: forward, loss, backward, optimizer; in half precision with scaled gradients."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.measure.timing.ranks import distributed
from workbench.records import TrainingFacts
from workbench.workload import Batch, Device, Timed
from workbench.workloads.ocr.detector.checkpointing import CheckpointedDetector
from workbench.workloads.ocr.detector.distillation import WEIGHT, Teacher, distillation_loss
from workbench.workloads.ocr.detector.loss import db_loss
from workbench.workloads.ocr.detector.model import Detector
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.sample import PackedMaps
from workbench.workloads.ocr.steps import normalized

#: Of Adam, as ports of DBNet to other trainers have it. (The paper trains with SGD from 0.007.)
_LEARNING_RATE = 1e-3

_AUTOCAST = {"fp16": torch.float16, "bf16": torch.bfloat16}


class Training:
    """Trains a detector, a step for each batch.

    Args:
        detector: With its weights, on its device; None where it is replayed.
        device: Where that is.
        knobs: Precision, memory format, and whether it is compiled.
        teacher: Another one, on the same device, that it learns from as well.

    Attributes:
        module: The detector.
    """

    def __init__(
        self, detector: Detector | None, device: Device, knobs: OcrKnobs, teacher: Teacher | None = None
    ) -> None:
        self.module = detector
        self._teacher = teacher
        self._device, self._knobs = device, knobs
        self._dtype = _AUTOCAST.get(knobs.precision)
        self._optimizer: torch.optim.Optimizer | None = None
        kind = device.torch_device.type
        # Gradients of fp16 vanish without it; bf16 has the range of fp32.
        self._scaler = torch.amp.GradScaler(kind, enabled=knobs.precision == "fp16" and detector is not None)
        self._skipped = torch.zeros((), device=device.torch_device)
        self._updates = self._samples = self._in_group = 0
        self._began = False
        self._numbers: list[int] = []
        self._losses: list[torch.Tensor] = []
        self._first_input: torch.Tensor | None = None
        self._forward: Callable[[torch.Tensor], Any] | None = detector
        if detector is not None:
            detector.train()
            is_fused = knobs.fused_optimizer
            self._optimizer = torch.optim.Adam(detector.parameters(), lr=_LEARNING_RATE, fused=is_fused or None)
            module = CheckpointedDetector(detector) if knobs.checkpointing else detector
            self._forward = distributed(
                torch.compile(module, dynamic=False) if knobs.engine == "compiled" else module  # type: ignore[arg-type]
            )

    def step(self, batch: Batch, timer: Callable[[str], Timed], *, counted: bool) -> None:
        """Train on a batch; the weights are updated when as many as `accumulate` says have been seen."""
        device, pages = self._device, batch.data
        assert pages.maps is not None
        if counted and not self._began:
            self._began, self._in_group = True, 0  # groups begin anew where steps begin to count
        is_first, is_last = self._in_group == 0, self._in_group == self._knobs.accumulate - 1
        self._in_group = 0 if is_last else self._in_group + 1
        if isinstance(self._forward, torch.nn.parallel.DistributedDataParallel):
            self._forward.require_backward_grad_sync = is_last  # until then gradients are summed up here
        if counted:
            self._samples += len(batch.samples)
            self._updates += is_last
            self._numbers += batch.samples
        with timer("transfer"):
            images = device.put(pages.images)
            maps = type(pages.maps)(*(device.put(getattr(pages.maps, field.name)) for field in fields(pages.maps)))
        made: dict[str, Any] = {}

        def forward() -> torch.Tensor:
            assert self._forward is not None
            inputs = normalized(images)
            if self._first_input is None:  # of the first batch of the warm-up
                self._first_input = inputs.double().sum().detach()
            if self._knobs.channels_last:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            with torch.autocast(inputs.device.type, dtype=self._dtype, enabled=self._dtype is not None):
                made["output"] = self._forward(inputs)
            output: torch.Tensor = made["output"].shrink
            return output

        def teach() -> torch.Tensor:
            assert self._teacher is not None
            with torch.autocast(images.device.type, dtype=self._dtype, enabled=self._dtype is not None):
                made["taught"] = self._teacher(normalized(images))
            output: torch.Tensor = made["taught"].shrink
            return output

        def loss() -> torch.Tensor:
            targets = maps.unpack() if isinstance(maps, PackedMaps) else maps
            output: torch.Tensor = db_loss(made["output"], targets)
            if "taught" in made:
                output = output + WEIGHT * distillation_loss(made["output"], made["taught"], targets.shrink_mask)
            made["loss"] = output
            if counted:
                self._losses.append(output.detach())
            return output

        def backward() -> torch.Tensor:
            assert self._optimizer is not None
            if is_first:
                self._optimizer.zero_grad(set_to_none=True)
            output: torch.Tensor = self._scaler.scale(made["loss"] / self._knobs.accumulate)
            output.backward()  # type: ignore[no-untyped-call]
            return output

        def update() -> torch.Tensor:
            assert self._optimizer is not None
            before = self._scaler._scale if self._scaler.is_enabled() else None
            kept = None if before is None else before.clone()
            self._scaler.step(self._optimizer)
            self._scaler.update()
            if counted and kept is not None and self._scaler._scale is not None:
                # Gradients that overflowed: the step was skipped, and the scale lowered. Nothing is waited for.
                self._skipped += self._scaler._scale < kept
            output: torch.Tensor = made["loss"]
            return output

        # A replayed training step takes its time in the first of them.
        works = {"forward": forward, "teacher": teach, "loss": loss, "backward": backward}
        if self._teacher is None:
            del works["teacher"]
        if is_last:
            works["optimizer"] = update
        for name, work in works.items():
            with timer(name):
                device.submit(name, work, batch)

    def facts(self) -> TrainingFacts | None:
        """The counted steps by updates; None where there was none."""
        if not self._updates:
            return None
        per_update = self._samples / self._updates
        return TrainingFacts(
            optimizer_steps=self._updates,
            skipped_steps=int(self._skipped.item()),
            samples_per_step=per_update,
            parameters=self._digest(),
        )

    def _digest(self) -> str | None:
        """Digest of the parameters' bytes."""
        if self.module is None:
            return None
        digest = hashlib.sha256()
        for parameter in self.module.parameters():
            digest.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]

    def recorded(self) -> dict[str, npt.NDArray[np.generic]]:
        """What two trainings are compared by, for `samples.npz`; empty where the model was replayed.

        Returns:
            `trained_on` int64 [N], numbers of the counted samples in their order; `trained_input`, the sum of the first
            input; `trained_losses` float64 [steps]; and of the state after the last step: `trained_names` str [T],
            `trained_norms` float64 [T] (of counters: their value), `trained_is_buffer` bool [T].
        """
        if self.module is None or self._first_input is None:
            return {}
        state = self.module.state_dict()
        parameters = {name for name, _ in self.module.named_parameters()}
        return {
            "trained_on": np.array(self._numbers, np.int64),
            "trained_input": np.array(self._first_input.item()),
            "trained_losses": np.array([loss.item() for loss in self._losses], np.float64),
            "trained_names": np.array(list(state), dtype=str),
            "trained_norms": np.array([value.double().norm().item() for value in state.values()]),
            "trained_is_buffer": np.array([name not in parameters for name in state]),
        }
