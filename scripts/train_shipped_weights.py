"""Makes the weights of the small detectors that ship, one for each neck, from drawn pages. See its `--help`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from workbench.errors import BadInput, Problem, WorkbenchError
from workbench.files import cache_dir
from workbench.knobs.measuring import LoaderKnobs
from workbench.measure.loaders.torch_loader import TorchLoader
from workbench.workloads.ocr.detector.distillation import WEIGHT, Teacher, distillation_loss
from workbench.workloads.ocr.detector.loss import db_loss
from workbench.workloads.ocr.detector.model import Detector, build_detector
from workbench.workloads.ocr.detector.weights_file import (
    SHIPPED_ENCODER,
    SHIPPED_NECK,
    describe,
    load_fitting_weights,
    save_weights,
    teacher_from,
    weights_path,
)
from workbench.workloads.ocr.knobs import OcrKnobs
from workbench.workloads.ocr.pages.dataset import PageDataset
from workbench.workloads.ocr.pages.survey import survey_pages
from workbench.workloads.ocr.sample import PackedMaps, collate
from workbench.workloads.ocr.steps import normalized
from workbench.workloads.ocr.synthetic.draw import draw_pages

_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 1e-4
_LARGEST_GRADIENT = 5.0

#: Steps between two lines of progress, and over which the loss is averaged in them.
_REPORT_EVERY = 20


def train(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The safetensors file to write.")],
    count: Annotated[int, typer.Option(metavar="PAGES", help="Number of drawn pages to train on.")] = 800,
    steps: Annotated[int, typer.Option(min=1, help="Batches to train.")] = 1500,
    batch_size: Annotated[int, typer.Option(min=1, help="Pages in a batch.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of pages, weights and random transforms.")] = 1000,
    encoder: Annotated[str, typer.Option(help="Any timm encoder that fits.")] = SHIPPED_ENCODER,
    neck: Annotated[str, typer.Option(help="What joins the encoder's maps.")] = SHIPPED_NECK,
    start: Annotated[
        str, typer.Option(metavar="WEIGHTS", help=f"Those to start with: random, shipped ({SHIPPED_NECK}), or a file.")
    ] = "random",
    teacher: Annotated[str | None, typer.Option(metavar="WEIGHTS", help="Learn from its maps as well.")] = None,
    image_size: Annotated[int, typer.Option(min=32, help="Pixels of a side.")] = 640,
) -> None:
    """Train a small detector on drawn pages, as the weights that ship were trained."""
    _check_out(out)
    command = f"python scripts/train_shipped_weights.py --count {count} --steps {steps} --batch-size {batch_size}"
    command += f" --seed {seed}"
    command += "" if encoder == SHIPPED_ENCODER else f" --encoder {encoder}"
    command += "" if neck == SHIPPED_NECK else f" --neck {neck}"
    command += "" if teacher is None else f" --teacher {teacher}"
    command += "" if image_size == 640 else f" --image-size {image_size}"
    if start != "random":
        first = weights_path(start, SHIPPED_NECK)
        made_by = describe(first).get("command", str(first)) if first.is_file() else str(first)
        command = f"{made_by}, then {command} --start OUT"
    pages = cache_dir() / f"train-{count}-{seed}"
    draw_pages(pages, count=count, seed=seed)
    knobs = OcrKnobs(
        dataset=str(pages),
        mode="train",
        targets="fast",
        image_decoder="turbojpeg",
        normalize="device",
        encoder=encoder,
        neck=neck,
        image_size=image_size,
        batch_size=batch_size,
        num_workers=1,
        weights=start,
        teacher=teacher,
        seed=seed,
    )
    losses: list[float] = []

    def on_step(loss: float) -> None:
        losses.append(loss)
        if len(losses) % _REPORT_EVERY == 0 or len(losses) == steps:
            print(f"[{len(losses)}/{steps}] loss {_mean(losses[-_REPORT_EVERY:]):.3f}", file=sys.stderr, flush=True)

    detector = train_detector(knobs, num_steps=steps, on_step=on_step)
    notes = {
        "command": command,
        "pages": f"{count} drawn pages of seed {seed}",
        "loss": f"{_mean(losses[-50:]):.4f} (mean of the last steps)",
    }
    save_weights(detector, out, encoder=encoder, neck=neck, notes=notes)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, final loss {notes['loss']}")


def train_detector(knobs: OcrKnobs, *, num_steps: int, on_step: Callable[[float], None]) -> Detector:
    """Train a detector with AdamW and one cycle of the learning rate (Smith and Topin 2019).

    Args:
        knobs: Pages, encoder, neck, weights to start with, batch size, workers; `mode` is train. Runs on CUDA where
            there is one.
        num_steps: Batches.
        on_step: Called with the loss of each step.

    Raises:
        BadInput: With everything that is wrong with the data set.
    """
    torch.manual_seed(knobs.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    detector = build_detector(knobs.encoder, knobs.neck, seed=knobs.seed)
    if knobs.weights != "random":  # those of another neck are of use as well: the encoder is the most of it
        load_fitting_weights(detector, str(weights_path(knobs.weights, SHIPPED_NECK)))
    detector = detector.to(device).train()
    teacher = None if knobs.teacher is None else Teacher(teacher_from(knobs.teacher)).to(device)
    optimizer = torch.optim.AdamW(detector.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=_LEARNING_RATE, total_steps=num_steps)
    loader = TorchLoader(PageDataset(survey_pages(knobs)[0], knobs), collate, knobs.slice(LoaderKnobs))
    done = 0
    try:
        while done < num_steps:
            for batch in loader.epoch():
                loss = _loss(detector, teacher, batch.data, device)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(detector.parameters(), _LARGEST_GRADIENT)
                optimizer.step()
                schedule.step()
                done += 1
                on_step(loss.item())
                if done == num_steps:
                    break
    finally:
        loader.close()
    return detector.eval()


def _loss(detector: Detector, teacher: Teacher | None, pages: Any, device: torch.device) -> torch.Tensor:
    maps = type(pages.maps)(*(getattr(pages.maps, field.name).to(device) for field in fields(pages.maps)))
    targets = maps.unpack() if isinstance(maps, PackedMaps) else maps
    images = normalized(pages.images.to(device))
    output = detector(images)
    loss = db_loss(output, targets)
    return loss if teacher is None else loss + WEIGHT * distillation_loss(output, teacher(images), targets.shrink_mask)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _check_out(out: Path) -> None:
    """See before the training that its result can be written.

    Raises:
        BadInput: Where it cannot.
    """
    try:
        out.expanduser().resolve().parent.mkdir(parents=True, exist_ok=True)
        is_there = out.exists()
        with out.open("ab"):
            pass
        if not is_there:
            out.unlink()
    except OSError as error:
        problem = Problem(f"cannot be written ({error.strerror})", str(out), "Name another file")
        raise BadInput("--out", [problem]) from None


if __name__ == "__main__":
    try:
        typer.run(train)
    except WorkbenchError as error:
        sys.exit(f"Error: {error}")
