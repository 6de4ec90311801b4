"""Trains a detector on pages: how the weights that ship were made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch

from workbench.knobs.knobs import Knobs
from workbench.measure.loaders.torch_loader import TorchLoader
from workbench.workloads.ocr.detector.loss import db_loss
from workbench.workloads.ocr.detector.model import Detector, build_detector
from workbench.workloads.ocr.detector.weights_file import load_weights
from workbench.workloads.ocr.on_device import normalized
from workbench.workloads.ocr.pages.dataset import PageDataset
from workbench.workloads.ocr.preflight import survey_pages
from workbench.workloads.ocr.sample import PackedMaps, collate

_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 1e-4
_LARGEST_GRADIENT = 5.0


def train_detector(knobs: Knobs, *, num_steps: int, on_step: Callable[[int, float], None]) -> Detector:
    """Train a detector with AdamW and one cycle of the learning rate (Smith and Topin 2019).

    Args:
        knobs: Pages, encoder, neck, weights to start with, batch size, workers; `mode` is train. Runs on CUDA where
            there is one.
        num_steps: Batches.
        on_step: Told the number of steps done and the loss of the last one.

    Raises:
        BadInput: With everything that is wrong with the data set.
    """
    torch.manual_seed(knobs.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pages, _ = survey_pages(knobs)
    dataset = PageDataset(pages, knobs)
    detector = build_detector(knobs.encoder, knobs.neck, seed=knobs.seed)
    if knobs.weights != "random":
        load_weights(detector, knobs.weights, encoder=knobs.encoder, neck=knobs.neck)
    detector = detector.to(device).train()
    optimizer = torch.optim.AdamW(detector.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=_LEARNING_RATE, total_steps=num_steps)
    loader = TorchLoader(dataset, collate, knobs)
    done = 0
    try:
        while done < num_steps:
            for parcel in loader.epoch():
                loss = _loss(detector, parcel.batch, device)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(detector.parameters(), _LARGEST_GRADIENT)
                optimizer.step()
                schedule.step()
                done += 1
                on_step(done, loss.item())
                if done == num_steps:
                    break
    finally:
        loader.close()
    return detector.eval()


def _loss(detector: Detector, batch: Any, device: torch.device) -> torch.Tensor:
    maps = type(batch.maps)(*(getattr(batch.maps, field.name).to(device) for field in fields(batch.maps)))
    images = normalized(batch.images.to(device))
    return db_loss(detector(images), maps.unpack() if isinstance(maps, PackedMaps) else maps)
