"""`workbench train`: the weights of a small detector, from drawn pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The safetensors file to write.")],
    count: Annotated[int, typer.Option(metavar="PAGES", help="Number of drawn pages to train on.")] = 800,
    steps: Annotated[int, typer.Option(min=1, help="Batches to train.")] = 1500,
    batch_size: Annotated[int, typer.Option(min=1, help="Pages in a batch.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of pages, weights and random transforms.")] = 1000,
    encoder: Annotated[str, typer.Option(help="Any timm encoder that fits.")] = "lcnet_050",
    start: Annotated[str, typer.Option(metavar="WEIGHTS", help="Weights to start with: random, or a file.")] = "random",
) -> None:
    """Train a small detector on drawn pages, as the weights that ship were trained."""
    from scripts.training import train_detector
    from workbench.commands.console import show_progress
    from workbench.files import cache_dir
    from workbench.knobs.knobs import Knobs
    from workbench.report.progress import Progress
    from workbench.workloads.ocr.detector.weights_file import (
        SHIPPED,
        SHIPPED_ENCODER,
        SHIPPED_NECK,
        describe,
        save_weights,
    )
    from workbench.workloads.ocr.synthetic.draw import draw_pages

    _check_out(out)
    command = f"workbench train --count {count} --steps {steps} --batch-size {batch_size} --seed {seed}"
    if encoder != SHIPPED_ENCODER:
        command += f" --encoder {encoder}"
    if start != "random":
        first = SHIPPED if start == "shipped" else Path(start).expanduser()
        made_by = describe(first).get("command", str(first)) if first.is_file() else str(first)
        command = f"{made_by}, then {command} --start OUT"
    pages = cache_dir() / f"train-{count}-{seed}"
    knobs = Knobs.parse(
        {
            "dataset": str(pages),
            "mode": "train",
            "targets": "fast",
            "image_decoder": "turbojpeg",
            "normalize": "device",
            "encoder": encoder,
            "neck": SHIPPED_NECK,
            "batch_size": batch_size,
            "num_workers": 1,
            "weights": start,
            "seed": seed,
        }
    )
    with show_progress() as on_progress:
        draw_pages(pages, count=count, seed=seed)
        losses: list[float] = []

        def on_step(done: int, loss: float) -> None:
            losses.append(loss)
            if done % 20 == 0 or done == steps:
                recent = losses[-20:]
                message = f"loss {sum(recent) / len(recent):.3f}"
                on_progress(Progress(what="training", done=done, total=steps, message=message))

        detector = train_detector(knobs, num_steps=steps, on_step=on_step)
    notes = {
        "command": command,
        "pages": f"{count} drawn pages of seed {seed}",
        "loss": f"{sum(losses[-50:]) / len(losses[-50:]):.4f} (mean of the last steps)",
    }
    save_weights(detector, out, encoder=encoder, neck=SHIPPED_NECK, notes=notes)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB, final loss {notes['loss']}")


def _check_out(out: Path) -> None:
    """See before the training that its result can be written.

    Raises:
        BadInput: Where it cannot.
    """
    from workbench.errors import BadInput, Problem

    try:
        out.expanduser().resolve().parent.mkdir(parents=True, exist_ok=True)
        is_there = out.exists()
        with out.open("ab"):
            pass
        if not is_there:
            out.unlink()
    except OSError as error:
        raise BadInput(
            "train", [Problem(f"cannot be written ({error.strerror})", str(out), "Name another file")]
        ) from None
